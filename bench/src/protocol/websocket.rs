//! The part of WebSocket framing that a client needs.

pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Where the parts of a frame lie in the buffer.
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Client frame header with a zero mask key: masked as RFC 6455 demands, and the
/// payload is left as it is, so a frame can be prepared once and sent many times.
pub(crate) fn write_header(out: &mut Vec<u8>, opcode: u8, len: usize) {
    out.push(0x80 | opcode);
    if len < 126 {
        out.push(0x80 | len as u8);
    } else if len < 65536 {
        out.push(0x80 | 126);
        out.extend_from_slice(&(len as u16).to_be_bytes());
    } else {
        out.push(0x80 | 127);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
    out.extend_from_slice(&[0; 4]);
}

/// The first server frame in the buffer; None while it is incomplete.
#[inline]
pub(crate) fn first_frame(bytes: &[u8]) -> Option<Frame> {
    let code = *bytes.get(1)? & 0x7f;
    let (start, len) = match code {
        126 => (
            4,
            usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        ),
        127 => (
            10,
            u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize,
        ),
        len => (2, usize::from(len)),
    };
    let end = start + len;
    (bytes.len() >= end).then(|| Frame {
        opcode: bytes[0] & 0x0f,
        start,
        end,
    })
}
