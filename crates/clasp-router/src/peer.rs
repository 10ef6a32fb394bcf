//! Peer-to-peer signalling: two addresses whose PUBLISH is more than a broadcast.

use clasp_proto::Value;
use clasp_proto::binary::{Body, PublishRef};

use crate::refusal::Refusal;

/// What a peer-to-peer address means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Peer<'a> {
    /// A message for one session, by its id.
    Signal(&'a str),
    /// A session says that it can be connected to.
    Announce,
}

/// The meaning of `address`, if it has one here. // protocol/router.md 13.1, 13.3, 13.4
pub(crate) fn of(address: &str) -> Option<Peer<'_>> {
    let rest = address.strip_prefix("/clasp/p2p/")?;
    if rest == "announce" {
        return Some(Peer::Announce);
    }
    let id = rest.strip_prefix("signal/")?;
    (!id.is_empty() && !id.contains('/')).then_some(Peer::Signal(id))
}

/// A signal may not claim to come from another session. // protocol/router.md 13.2
pub(crate) fn check_sender(publish: &PublishRef<'_>, sender: &str) -> Result<(), Refusal> {
    let Body::Value(value) = publish.body else {
        return Ok(());
    };
    let Value::Map(fields) = value.to_value() else {
        return Ok(());
    };
    match fields.get("from") {
        None => Ok(()),
        Some(Value::String(from)) if from == sender => Ok(()),
        Some(_) => Err(Refusal::ForgedSender),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_addresses_mean_more() {
        assert_eq!(of("/clasp/p2p/signal/abc"), Some(Peer::Signal("abc")));
        assert_eq!(of("/clasp/p2p/announce"), Some(Peer::Announce));
        for plain in [
            "/clasp/p2p/signal/",
            "/clasp/p2p/signal/a/b",
            "/clasp/p2p",
            "/a",
        ] {
            assert_eq!(of(plain), None, "{plain}");
        }
    }
}
