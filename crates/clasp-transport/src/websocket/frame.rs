//! Reads WebSocket frames in place on the caller's buffer; knows no socket.

use std::ops::Range;

use clasp_proto::limits::FRAME_MAX;

use super::mask;
use super::write::CONTROL_BYTES_MAX;
use super::{
    FIN, MASKED, OPCODE_BINARY, OPCODE_CLOSE, OPCODE_CONTINUATION, OPCODE_PING, OPCODE_PONG,
    OPCODE_TEXT,
};
use crate::error::ProtocolError;
use crate::limits::FRAGMENTS_MAX;
use crate::step::Step;

/// The reading state of one WebSocket; two words unless a fragmented message is half received.
#[derive(Debug)]
pub struct Reader {
    peer: Peer,
    unfinished: Option<Box<Unfinished>>,
}

/// Who sends what is read here, which decides whether it must be masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Client,
    Server,
}

/// A message of which not all fragments have come.
#[derive(Debug)]
struct Unfinished {
    binary: bool,
    total_bytes: usize,
    fragments: u32,
    /// Stays empty for text, whose content nobody wants.
    payload: Vec<u8>,
}

enum Parsed {
    Head(Head),
    NeedMore(usize),
}

/// A frame header that has been found valid.
struct Head {
    opcode: u8,
    fin: bool,
    key: [u8; 4],
    header_bytes: usize,
    payload_bytes: usize,
}

impl Reader {
    /// A server's reader, of masked client frames.
    pub fn server() -> Self {
        Self {
            peer: Peer::Client,
            unfinished: None,
        }
    }

    /// A client's reader, of unmasked server frames.
    pub fn client() -> Self {
        Self {
            peer: Peer::Server,
            unfinished: None,
        }
    }

    /// What comes next in `buf` at position `at`, which is moved behind it.
    /// A payload is unmasked in place once it is complete.
    ///
    /// # Errors
    /// The peer broke RFC 6455, or announced more than a CLASP frame can have.
    #[inline]
    pub fn next(&mut self, buf: &mut [u8], at: &mut usize) -> Result<Step, ProtocolError> {
        loop {
            let rest = &buf[*at..];
            let head = match self.head(rest)? {
                Parsed::Head(head) => head,
                Parsed::NeedMore(bytes) => return Ok(Step::NeedMore(bytes)),
            };
            let frame_bytes = head.header_bytes + head.payload_bytes;
            if rest.len() < frame_bytes {
                return Ok(Step::NeedMore(frame_bytes));
            }
            let payload = *at + head.header_bytes..*at + frame_bytes;
            *at = payload.end;
            if self.peer == Peer::Client {
                mask::apply(&mut buf[payload.clone()], head.key);
            }
            if head.opcode == OPCODE_BINARY && head.fin {
                return Ok(Step::Binary(payload));
            }
            if let Some(step) = self.uncommon(&head, buf, payload)? {
                return Ok(step);
            }
        }
    }

    /// Reads and checks a header, each part as soon as it is there.
    #[inline]
    fn head(&self, bytes: &[u8]) -> Result<Parsed, ProtocolError> {
        let &[first, second, ref rest @ ..] = bytes else {
            return Ok(Parsed::NeedMore(2));
        };
        self.check_start(first, second)?;
        let Some((length, length_bytes)) = length(second, rest)? else {
            return Ok(Parsed::NeedMore(if second & 0x7F == LENGTH_U16 {
                4
            } else {
                10
            }));
        };
        let opcode = first & 0x0F;
        let payload_bytes = self.check_length(opcode, length)?;
        let (key, key_bytes) = match self.peer {
            Peer::Server => ([0; 4], 0),
            Peer::Client => match rest[length_bytes..].first_chunk() {
                Some(key) => (*key, 4),
                None => return Ok(Parsed::NeedMore(2 + length_bytes + 4 + payload_bytes)),
            },
        };
        let header_bytes = 2 + length_bytes + key_bytes;
        Ok(Parsed::Head(Head {
            opcode,
            fin: first & FIN != 0,
            key,
            header_bytes,
            payload_bytes,
        }))
    }

    /// What the first two bytes must satisfy (protocol/wire.md 1.9).
    #[inline]
    fn check_start(&self, first: u8, second: u8) -> Result<(), ProtocolError> {
        if first & RESERVED_BITS != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        match (self.peer, second & MASKED != 0) {
            (Peer::Client, false) => return Err(ProtocolError::Unmasked),
            (Peer::Server, true) => return Err(ProtocolError::Masked),
            _ => {}
        }
        match (first & 0x0F, &self.unfinished) {
            (OPCODE_BINARY | OPCODE_TEXT, None) | (OPCODE_CONTINUATION, Some(_)) => Ok(()),
            (OPCODE_BINARY | OPCODE_TEXT, Some(_)) => Err(ProtocolError::InterruptedMessage),
            (OPCODE_CONTINUATION, None) => Err(ProtocolError::UnexpectedContinuation),
            (OPCODE_CLOSE | OPCODE_PING | OPCODE_PONG, _) => check_control(first, second),
            (unknown, _) => Err(ProtocolError::UnknownOpcode(unknown)),
        }
    }

    /// Refuses a message that is too large before a byte of it is kept (protocol/wire.md 1.9).
    #[inline]
    fn check_length(&self, opcode: u8, length: u64) -> Result<usize, ProtocolError> {
        let before = match &self.unfinished {
            Some(unfinished) if opcode == OPCODE_CONTINUATION => unfinished.total_bytes,
            _ => 0,
        };
        let total = length.saturating_add(before as u64);
        if total > FRAME_MAX as u64 {
            return Err(ProtocolError::TooLarge { bytes: total });
        }
        Ok(total as usize - before)
    }

    /// Everything but a message in one binary frame; nothing when a fragment was taken in.
    #[cold]
    fn uncommon(
        &mut self,
        head: &Head,
        buf: &[u8],
        payload: Range<usize>,
    ) -> Result<Option<Step>, ProtocolError> {
        match head.opcode {
            OPCODE_PING => Ok(Some(Step::Ping(payload))),
            OPCODE_PONG => Ok(Some(Step::Pong)),
            OPCODE_CLOSE => close(buf, payload).map(Some),
            _ => self.fragment(head, &buf[payload]),
        }
    }

    fn fragment(&mut self, head: &Head, payload: &[u8]) -> Result<Option<Step>, ProtocolError> {
        let mut message = match self.unfinished.take() {
            Some(message) => message,
            None if head.fin => return Ok(Some(Step::Text)),
            None => Box::new(Unfinished::begin(head.opcode)),
        };
        message.add(payload)?;
        if !head.fin {
            self.unfinished = Some(message);
            return Ok(None);
        }
        Ok(Some(if message.binary {
            Step::Assembled(message.payload)
        } else {
            Step::Text
        }))
    }
}

impl Unfinished {
    fn begin(opcode: u8) -> Self {
        Self {
            binary: opcode == OPCODE_BINARY,
            total_bytes: 0,
            fragments: 0,
            payload: Vec::new(),
        }
    }

    fn add(&mut self, payload: &[u8]) -> Result<(), ProtocolError> {
        self.fragments += 1;
        if self.fragments > FRAGMENTS_MAX {
            return Err(ProtocolError::TooManyFragments);
        }
        self.total_bytes += payload.len();
        if self.binary {
            self.payload.extend_from_slice(payload);
        }
        Ok(())
    }
}

/// The payload length and how many bytes behind the second it takes; nothing while they are not there
/// (protocol/wire.md 1.9).
#[inline]
fn length(second: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, ProtocolError> {
    let (length, length_bytes) = match second & 0x7F {
        LENGTH_U16 => match rest.first_chunk() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 2),
            None => return Ok(None),
        },
        LENGTH_U64 => match rest.first_chunk() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 8),
            None => return Ok(None),
        },
        short => return Ok(Some((u64::from(short), 0))),
    };
    if length > i64::MAX as u64 {
        return Err(ProtocolError::LengthTopBit);
    }
    let shorter_form_max = if length_bytes == 2 { 125 } else { 0xFFFF };
    if length <= shorter_form_max {
        return Err(ProtocolError::LongForm(length));
    }
    Ok(Some((length, length_bytes)))
}

fn check_control(first: u8, second: u8) -> Result<(), ProtocolError> {
    if first & FIN == 0 {
        return Err(ProtocolError::FragmentedControl);
    }
    if usize::from(second & 0x7F) > CONTROL_BYTES_MAX {
        return Err(ProtocolError::LongControl);
    }
    Ok(())
}

fn close(buf: &[u8], payload: Range<usize>) -> Result<Step, ProtocolError> {
    match &buf[payload.clone()] {
        [] => Ok(Step::Close {
            code: None,
            reason: payload,
        }),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(ProtocolError::CloseCode);
            }
            if str::from_utf8(reason).is_err() {
                return Err(ProtocolError::CloseReason);
            }
            Ok(Step::Close {
                code: Some(code),
                reason: payload.start + 2..payload.end,
            })
        }
        [_] => Err(ProtocolError::CloseCode),
    }
}

/// Close codes that may stand in a close frame (RFC 6455, 7.4, and the later registrations).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

const RESERVED_BITS: u8 = 0x70;
const LENGTH_U16: u8 = 126;
const LENGTH_U64: u8 = 127;

#[cfg(test)]
mod tests;
