//! Frame header: magic, flags, length, timestamp (protocol/wire.md 2).

use crate::binary::flag;
use crate::error::{EncodeError, FrameError};
use crate::limits::{FRAME_HEADER_MAX, FRAME_HEADER_MIN, FRAME_PAYLOAD_MAX};
use crate::signal::Qos;

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the sender expects.
    pub qos: Qos,
    /// When the sender sent it, in microseconds since the Unix epoch; nobody sends it by default
    /// (protocol/wire.md 2.2).
    pub timestamp: Option<u64>,
    /// The version bits, 0 to 7; informational, the first payload byte decides the encoding
    /// (protocol/wire.md 2.5).
    pub version: u8,
    /// The encrypted bit; set by nobody and without effect (protocol/wire.md 2.4).
    pub encrypted: bool,
    /// The compressed bit; set by nobody and without effect.
    pub compressed: bool,
    /// Bytes of the payload.
    pub payload_len: usize,
    /// Bytes of this header: 4 or 12.
    pub header_len: usize,
}

impl Header {
    /// The header at the start of these bytes, or `None` while there are too few of them. A wrong
    /// first byte is an error at once (protocol/wire.md 2.1).
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        if let Some(&found) = bytes.first()
            && found != MAGIC
        {
            return Err(FrameError::Magic { found });
        }
        let Some(([_, flags, high, low], rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        let mut header = Self {
            qos: Qos::from_code(flags >> QOS_SHIFT),
            timestamp: None,
            version: flags & VERSION_BITS,
            encrypted: flags & ENCRYPTED != 0,
            compressed: flags & COMPRESSED != 0,
            payload_len: usize::from(u16::from_be_bytes([*high, *low])),
            header_len: FRAME_HEADER_MIN,
        };
        if flags & TIMESTAMP != 0 {
            let Some((timestamp, _)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            header.timestamp = Some(u64::from_be_bytes(*timestamp));
            header.header_len = FRAME_HEADER_MAX;
        }
        Ok(Some(header))
    }

    /// Appends this header: 4 bytes, or 12 with a timestamp.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut bytes = header(self.qos, self.payload_len)?;
        bytes[1] = (bytes[1] & !VERSION_BITS)
            | (self.version & VERSION_BITS)
            | flag(TIMESTAMP, self.timestamp.is_some())
            | flag(ENCRYPTED, self.encrypted)
            | flag(COMPRESSED, self.compressed);
        out.extend_from_slice(&bytes);
        out.extend(self.timestamp.into_iter().flat_map(u64::to_be_bytes));
        Ok(())
    }

    /// Bytes of header and payload together.
    pub const fn frame_len(&self) -> usize {
        self.header_len + self.payload_len
    }
}

/// The header and the payload of one whole frame, as a datagram or a WebSocket message holds it.
/// Bytes after the frame are ignored, and too few are an error (protocol/wire.md 1.3, 2.7).
pub fn split(message: &[u8]) -> Result<(Header, &[u8]), FrameError> {
    let found = message.len();
    let Some(header) = Header::parse(message)? else {
        let needed = if found < FRAME_HEADER_MIN {
            FRAME_HEADER_MIN
        } else {
            FRAME_HEADER_MAX
        };
        return Err(FrameError::Truncated { needed, found });
    };
    let needed = header.frame_len();
    match message.get(header.header_len..needed) {
        None => Err(FrameError::Truncated { needed, found }),
        Some([]) => Err(FrameError::Empty),
        Some(payload) => Ok((header, payload)),
    }
}

/// Appends one frame with this payload, without a timestamp.
///
/// ```
/// use clasp_proto::{Qos, frame};
/// let mut bytes = Vec::new();
/// frame::write(&mut bytes, Qos::Fire, &[0x41]).expect("short enough");
/// assert_eq!(bytes, [0x53, 0x01, 0x00, 0x01, 0x41]);
/// ```
pub fn write(out: &mut Vec<u8>, qos: Qos, payload: &[u8]) -> Result<(), EncodeError> {
    out.reserve(FRAME_HEADER_MIN + payload.len());
    out.extend_from_slice(&header(qos, payload.len())?);
    out.extend_from_slice(payload);
    Ok(())
}

/// The header of a frame without a timestamp, for callers that have the payload elsewhere
/// (protocol/wire.md 2.6).
pub fn header(qos: Qos, payload_len: usize) -> Result<[u8; FRAME_HEADER_MIN], EncodeError> {
    let length = u16::try_from(payload_len)
        .map_err(|_| EncodeError::PayloadTooLarge { found: payload_len })?;
    let [high, low] = length.to_be_bytes();
    Ok([MAGIC, (qos.code() << QOS_SHIFT) | VERSION, high, low])
}

const MAGIC: u8 = 0x53;
const QOS_SHIFT: u8 = 6;
const TIMESTAMP: u8 = 0x20;
const ENCRYPTED: u8 = 0x10;
const COMPRESSED: u8 = 0x08;
const VERSION_BITS: u8 = 0x07;
/// The version that is written: the compact encoding.
const VERSION: u8 = 1;

const _: () = assert!(FRAME_PAYLOAD_MAX == u16::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    // protocol/wire.md 2.1, 2.7
    #[test]
    fn every_prefix_of_a_header_asks_for_more() {
        let plain = [0x53, 0x41, 0x00, 0x01];
        let stamped = [0x53, 0xA9, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9];
        for bytes in [&plain[..], &stamped[..]] {
            let header = Header::parse(bytes).expect("magic").expect("whole");
            let mut again = Vec::new();
            header.write(&mut again).expect("fits");
            assert_eq!(again, bytes);
            for cut in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..cut]), Ok(None), "{cut}");
                assert!(split(&bytes[..cut]).is_err());
            }
        }
        let header = Header::parse(&stamped).expect("magic").expect("whole");
        assert_eq!((header.qos, header.timestamp), (Qos::Commit, Some(9)));
        assert_eq!(
            (header.version, header.compressed, header.encrypted),
            (1, true, false)
        );
        assert_eq!((header.payload_len, header.header_len), (65_535, 12));
        let found = split(&plain).expect_err("no payload byte");
        assert_eq!(
            found,
            FrameError::Truncated {
                needed: 5,
                found: 4
            }
        );
        assert_eq!(split(&[0x53, 0, 0, 0]), Err(FrameError::Empty));
        assert_eq!(Header::parse(b"{"), Err(FrameError::Magic { found: b'{' }));
    }

    // protocol/wire.md 2.6
    #[test]
    fn the_largest_payload_is_written_and_one_more_byte_is_not() {
        let payload = vec![0x41; FRAME_PAYLOAD_MAX + 1];
        let mut out = Vec::new();
        write(&mut out, Qos::Commit, &payload[1..]).expect("fits");
        let (header, found) = split(&out).expect("whole");
        assert_eq!((header.qos, found.len()), (Qos::Commit, FRAME_PAYLOAD_MAX));
        let refused = write(&mut out, Qos::Fire, &payload);
        assert_eq!(
            refused,
            Err(EncodeError::PayloadTooLarge {
                found: payload.len()
            })
        );
    }
}
