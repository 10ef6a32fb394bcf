//! Writing SNAPSHOT payloads from stored, still encoded values, split by bytes.

use super::SNAPSHOT;
use super::value::Encoded;
use super::writer::{Write, flag};
use crate::limits::{COUNT_MAX, FRAME_PAYLOAD_MAX};

/// One parameter as it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParamRef<'a> {
    /// Which parameter; at most 65535 bytes.
    pub address: &'a str,
    /// Its value.
    pub value: Encoded<'a>,
    /// How often it was written.
    pub revision: u64,
    /// The session that wrote it; at most 65535 bytes.
    pub writer: Option<&'a str>,
    /// When it was written, in microseconds since the Unix epoch.
    pub timestamp: Option<u64>,
}

impl ParamRef<'_> {
    /// Bytes that it takes in a SNAPSHOT.
    pub fn len(&self) -> usize {
        let writer = self.writer.map_or(0, |writer| 2 + writer.len());
        let timestamp = self.timestamp.map_or(0, |_| 8);
        2 + self.address.len() + self.value.tagged_len() + 8 + 1 + writer + timestamp
    }

    /// Whether it fits a SNAPSHOT that holds nothing else; one that does not can never be sent
    /// and is to be refused when it is written.
    pub fn fits(&self) -> bool {
        HEADER_BYTES + self.len() <= FRAME_PAYLOAD_MAX
    }

    /// Never: a parameter takes at least 12 bytes.
    pub const fn is_empty(&self) -> bool {
        false
    }

    fn write(&self, out: &mut Vec<u8>) {
        let text = "addresses and session ids are at most 65535 bytes";
        out.str(self.address).expect(text);
        self.value.write_tagged(out);
        out.u64(self.revision);
        out.push(flag(0x01, self.writer.is_some()) | flag(0x02, self.timestamp.is_some()));
        if let Some(writer) = self.writer {
            out.str(writer).expect(text);
        }
        if let Some(timestamp) = self.timestamp {
            out.u64(timestamp);
        }
    }
}

/// The payload of one SNAPSHOT, filled parameter by parameter up to what a frame holds.
#[derive(Debug)]
pub struct SnapshotWriter {
    payload: Vec<u8>,
    count: usize,
}

impl SnapshotWriter {
    /// A SNAPSHOT without parameters; it is complete at every moment.
    #[must_use]
    pub fn new() -> Self {
        Self {
            payload: vec![SNAPSHOT, 0, 0],
            count: 0,
        }
    }

    /// Appends a parameter if it still fits; otherwise changes nothing and gives false: send this
    /// SNAPSHOT and begin the next one with it.
    #[must_use]
    pub fn push(&mut self, param: &ParamRef<'_>) -> bool {
        if self.count == COUNT_MAX || self.payload.len() + param.len() > FRAME_PAYLOAD_MAX {
            return false;
        }
        param.write(&mut self.payload);
        self.count += 1;
        let count = (self.count as u16).to_be_bytes();
        self.payload[1..HEADER_BYTES].copy_from_slice(&count);
        true
    }

    /// Takes all parameters out, and keeps the buffer.
    pub fn clear(&mut self) {
        self.payload.truncate(1);
        self.payload.extend_from_slice(&[0, 0]);
        self.count = 0;
    }

    /// What to send.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// How many parameters it holds.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl Default for SnapshotWriter {
    fn default() -> Self {
        Self::new()
    }
}

/// Type and count.
const HEADER_BYTES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    #[test]
    fn a_snapshot_takes_what_fits_and_refuses_the_rest() {
        let body = [0; 8];
        let param = ParamRef {
            address: "/stage/fixture/0001/dim",
            value: Encoded::from_stored(0x07, &body),
            revision: 3,
            writer: Some("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
            timestamp: Some(9),
        };
        let mut writer = SnapshotWriter::new();
        let mut pushed = 0;
        while writer.push(&param) {
            pushed += 1;
        }
        assert_eq!((writer.count(), pushed), (736, 736));
        assert!(writer.payload().len() <= FRAME_PAYLOAD_MAX);
        let Ok(Message::Snapshot(snapshot)) = crate::binary::decode(writer.payload()) else {
            panic!("expected a SNAPSHOT");
        };
        assert_eq!(snapshot.params.len(), pushed);
        assert_eq!(snapshot.params[735].address, param.address);
        assert_eq!(snapshot.params[735].timestamp, Some(9));
    }

    #[test]
    fn the_largest_parameter_that_fits() {
        let body = vec![0; 65_535 - 2 - 12 - 1 + 2];
        for (surplus, fits) in [(0, true), (1, false)] {
            let length = 65_535 - HEADER_BYTES - 12 + surplus;
            let param = ParamRef {
                address: "",
                value: Encoded::from_stored(0x09, &body[..length]),
                revision: 1,
                writer: None,
                timestamp: None,
            };
            assert_eq!(param.fits(), fits);
            assert_eq!(SnapshotWriter::new().push(&param), fits);
        }
    }
}
