//! Writing frames: headers and control frames of a server, masked frames of a client.

use super::mask::{self, Keys};
use super::{FIN, MASKED, OPCODE_BINARY, OPCODE_CLOSE, OPCODE_PING, OPCODE_PONG};
use crate::limits::CLOSE_REASON_BYTES_MAX;

/// Appends a ping with a payload of at most 125 bytes; more is cut off.
pub fn ping(out: &mut Vec<u8>, payload: &[u8]) {
    control(out, OPCODE_PING, payload);
}

/// Appends the pong to a ping's payload (protocol/wire.md 1.6).
pub fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    control(out, OPCODE_PONG, payload);
}

/// Appends a close frame; the reason is cut at a character boundary to fit in 123 bytes
/// (protocol/errors.md 2.1).
pub fn close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let payload = close_payload(code, reason);
    control(out, OPCODE_CLOSE, &payload);
}

/// Writes masked frames, for a client.
#[derive(Debug)]
pub(crate) struct ClientFrames {
    keys: Keys,
}

impl ClientFrames {
    pub(crate) fn new() -> Self {
        Self { keys: Keys::new() }
    }

    pub(crate) fn binary(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        self.frame(out, OPCODE_BINARY, payload);
    }

    pub(crate) fn pong(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        self.frame(out, OPCODE_PONG, payload);
    }

    pub(crate) fn close(&mut self, out: &mut Vec<u8>, code: u16, reason: &str) {
        self.frame(out, OPCODE_CLOSE, &close_payload(code, reason));
    }

    fn frame(&mut self, out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
        let key = self.keys.next();
        header(out, FIN | opcode, MASKED, payload.len());
        out.extend_from_slice(&key);
        let start = out.len();
        out.extend_from_slice(payload);
        mask::apply(&mut out[start..], key);
    }
}

fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(
        &reason.as_bytes()[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)],
    );
    payload
}

/// Appends a frame header; `mask_bit` is 0 or 0x80.
#[inline]
pub(crate) fn header(out: &mut Vec<u8>, first: u8, mask_bit: u8, payload_bytes: usize) {
    match payload_bytes {
        0..=125 => out.extend_from_slice(&[first, mask_bit | payload_bytes as u8]),
        126..=0xFFFF => {
            let [high, low] = (payload_bytes as u16).to_be_bytes();
            out.extend_from_slice(&[first, mask_bit | 126, high, low]);
        }
        _ => {
            out.extend_from_slice(&[first, mask_bit | 127]);
            out.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

fn control(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let payload = &payload[..payload.len().min(CONTROL_BYTES_MAX)];
    header(out, FIN | opcode, 0, payload.len());
    out.extend_from_slice(payload);
}

/// RFC 6455, 5.5.
pub(crate) const CONTROL_BYTES_MAX: usize = 125;
