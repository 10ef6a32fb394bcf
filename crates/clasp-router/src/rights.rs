//! Rights: what the scopes of a session's principal let it do. Asked at the door for every
//! operation, whatever it came in through (protocol/router.md 17).

use clasp_proto::{Action, Announce, Pattern, Principal};

use crate::operation::Operation;
use crate::refusal::Refusal;

/// Holds an operation against the rights of `principal`. // protocol/router.md 17.4
pub(crate) fn check(principal: &Principal, operation: &Operation<'_>) -> Result<(), Refusal> {
    let (is_allowed, wish) = match operation {
        Operation::Set(set) => (principal.may(Action::Write, set.address), "write"),
        Operation::Publish(publish) => (principal.may(Action::Emit, publish.address), "publish"),
        Operation::Get(address) => (principal.may(Action::Read, address), "read"),
        Operation::Query(_) => (principal.may_somewhere(Action::Read), "read"),
        Operation::Announce(announce) => (may_announce(principal, announce), "announce"),
        // Of a pattern when it has been read, and of a bundle member by member.
        Operation::Subscribe(_) | Operation::Unsubscribe(_) | Operation::Bundle(_) => return Ok(()),
    };
    if is_allowed {
        return Ok(());
    }
    Err(Refusal::Scope { wish })
}

/// A pattern may be subscribed to if everything that it matches may be read: so what is delivered
/// by it later needs no check of its own. // protocol/router.md 17.5
pub(crate) fn check_pattern(
    principal: &Principal,
    pattern: &Pattern,
    wish: &'static str,
) -> Result<(), Refusal> {
    if principal.may_all(Action::Read, pattern) {
        return Ok(());
    }
    Err(Refusal::ScopeOfPattern { wish })
}

fn may_announce(principal: &Principal, announce: &Announce) -> bool {
    let mut signals = announce.signals.iter();
    signals.all(|signal| principal.may(Action::Write, &signal.address))
}
