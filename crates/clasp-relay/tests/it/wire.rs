//! A session that says what it wants and hears all that it is told, message by message.

use std::time::Duration;

use bytes::Bytes;
use clasp_proto::{Hello, Message, Replay, Set, TypeMask, Value, binary, frame};
use clasp_transport::{DialOptions, Link, dial};
use tokio::time::timeout;

pub(crate) struct Wire(Link);

impl Wire {
    pub(crate) async fn open(url: &str, token: Option<&str>) -> Self {
        let link = dial(url, &DialOptions::default()).await;
        let mut wire = Self(link.expect("the relay answers"));
        let hello = Hello {
            version: 1,
            name: "wire".to_owned(),
            token: token.map(str::to_owned),
            ..Hello::default()
        };
        wire.send(&[framed(&Message::Hello(hello))]).await;
        // Its first snapshot may come in parts, which nobody here asks for.
        assert!(matches!(wire.next().await, Message::Welcome(_)));
        wire
    }

    pub(crate) async fn send(&mut self, frames: &[Bytes]) {
        let sent = timeout(PATIENCE, self.0.send_many(frames)).await;
        sent.expect("there is room").expect("the link goes on");
    }

    /// The next message that is no part of a snapshot.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            match self.next_or_end().await.expect("the link goes on") {
                Message::Snapshot(_) => {}
                message => return message,
            }
        }
    }

    /// The next message; nothing at the end of the link.
    pub(crate) async fn next_or_end(&mut self) -> Option<Message> {
        let received = timeout(PATIENCE, self.0.recv()).await;
        let frame = received.expect("a message within the deadline").ok()??;
        let (_, payload) = frame::split(&frame).expect("a whole frame");
        Some(binary::decode(payload).expect("a message"))
    }
}

pub(crate) fn framed(message: &Message) -> Bytes {
    let (mut payload, mut bytes) = (Vec::new(), Vec::new());
    binary::encode(message, &mut payload).expect("it fits a frame");
    frame::write(&mut bytes, message.qos(), &payload).expect("it fits a frame");
    bytes.into()
}

pub(crate) fn set(address: &str, value: u64) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: Value::Int(value as i64),
        ..Set::default()
    })
}

pub(crate) fn replay(pattern: &str, limit: u32) -> Message {
    Message::Replay(Replay {
        pattern: pattern.to_owned(),
        from: None,
        to: None,
        limit: Some(limit),
        types: TypeMask::ALL,
    })
}

/// The address and the number of a SET of those above.
pub(crate) fn number(message: &Message) -> (&str, u64) {
    let set = match message {
        Message::Set(set) => Some(set),
        _ => None,
    };
    let set = set.expect("a SET");
    let number = set.value.as_i64().expect("it is of a number");
    (&set.address, number.unsigned_abs())
}

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
