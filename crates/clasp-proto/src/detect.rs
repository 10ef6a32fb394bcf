//! Which encoding a payload has: the first byte decides, the version bits do not
//! (protocol/wire.md 3.1, 3.2).

use crate::binary::{self, MessageRef};
use crate::error::DecodeError;
use crate::message::Message;
use crate::msgpack;

/// Reads one payload in either encoding.
///
/// ```
/// use clasp_proto::{Message, decode};
/// assert_eq!(decode(&[0x41]), Ok(Message::Ping));
/// assert_eq!(decode(b"\x81\xA4type\xA4PING"), Ok(Message::Ping));
/// ```
pub fn decode(payload: &[u8]) -> Result<Message, DecodeError> {
    view(payload).map(MessageRef::into_message)
}

/// Reads one payload in either encoding; MessagePack gives an owned message.
pub fn view(payload: &[u8]) -> Result<MessageRef<'_>, DecodeError> {
    match payload.first() {
        Some(&first) if msgpack::is_msgpack(first) => {
            msgpack::decode(payload).map(MessageRef::Other)
        }
        _ => binary::view(payload),
    }
}
