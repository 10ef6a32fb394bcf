//! Kinds of messages, as metrics name them.

use clasp_proto::Message;

/// The type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Hello,
    Welcome,
    Announce,
    Subscribe,
    Unsubscribe,
    Publish,
    Set,
    Get,
    Snapshot,
    Replay,
    FederationSync,
    Bundle,
    Sync,
    Ping,
    Pong,
    Ack,
    Error,
    Query,
    Result,
}

impl Kind {
    pub(crate) const COUNT: usize = Self::ALL.len();

    pub(crate) const ALL: [Self; 19] = [
        Self::Hello,
        Self::Welcome,
        Self::Announce,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Publish,
        Self::Set,
        Self::Get,
        Self::Snapshot,
        Self::Replay,
        Self::FederationSync,
        Self::Bundle,
        Self::Sync,
        Self::Ping,
        Self::Pong,
        Self::Ack,
        Self::Error,
        Self::Query,
        Self::Result,
    ];

    pub(crate) const fn of(message: &Message) -> Self {
        match message {
            Message::Hello(_) => Self::Hello,
            Message::Welcome(_) => Self::Welcome,
            Message::Announce(_) => Self::Announce,
            Message::Subscribe(_) => Self::Subscribe,
            Message::Unsubscribe(_) => Self::Unsubscribe,
            Message::Publish(_) => Self::Publish,
            Message::Set(_) => Self::Set,
            Message::Get(_) => Self::Get,
            Message::Snapshot(_) => Self::Snapshot,
            Message::Replay(_) => Self::Replay,
            Message::FederationSync(_) => Self::FederationSync,
            Message::Bundle(_) => Self::Bundle,
            Message::Sync(_) => Self::Sync,
            Message::Ping => Self::Ping,
            Message::Pong => Self::Pong,
            Message::Ack(_) => Self::Ack,
            Message::Error(_) => Self::Error,
            Message::Query(_) => Self::Query,
            Message::Result(_) => Self::Result,
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Welcome => "welcome",
            Self::Announce => "announce",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Publish => "publish",
            Self::Set => "set",
            Self::Get => "get",
            Self::Snapshot => "snapshot",
            Self::Replay => "replay",
            Self::FederationSync => "federation_sync",
            Self::Bundle => "bundle",
            Self::Sync => "sync",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Ack => "ack",
            Self::Error => "error",
            Self::Query => "query",
            Self::Result => "result",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_in_the_order_of_their_numbers() {
        let numbers = Kind::ALL.map(|kind| kind as usize);
        assert_eq!(numbers, std::array::from_fn(|number| number));
    }

    #[test]
    fn labels_are_the_names_of_messages() {
        for message in [
            Message::Ping,
            Message::Publish(Default::default()),
            Message::Set(Default::default()),
            Message::Result(Default::default()),
        ] {
            let label = Kind::of(&message).label();
            assert_eq!(label.to_uppercase(), message.name());
        }
    }
}
