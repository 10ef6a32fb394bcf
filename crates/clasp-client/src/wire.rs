//! Messages to frames and back, with the QoS that each message travels with.

use bytes::Bytes;
use clasp_proto::{DecodeError, EncodeError, FrameError, Message, Qos, binary, frame};
use thiserror::Error;

/// A message that no frame can carry.
pub(crate) type Unsendable = EncodeError;

/// A frame that makes no sense; the router or something between is broken.
#[derive(Debug, Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Message(#[from] DecodeError),
}

/// One frame with this message.
pub(crate) fn write(message: &Message, qos: Qos) -> Result<Bytes, Unsendable> {
    let mut payload = Vec::new();
    binary::encode(message, &mut payload)?;
    let mut framed = Vec::new();
    frame::write(&mut framed, qos, &payload)?;
    Ok(framed.into())
}

/// The message of one frame. Bytes after the frame are ignored. protocol/wire.md 1
pub(crate) fn read(bytes: &[u8]) -> Result<Message, Unreadable> {
    let (_, payload) = frame::split(bytes)?;
    Ok(binary::decode(payload)?)
}

/// The address of a bundle's member.
pub(crate) fn address_of(message: &Message) -> Option<&str> {
    match message {
        Message::Set(set) => Some(&set.address),
        Message::Publish(publish) => Some(&publish.address),
        _ => None,
    }
}
