//! What depends on other addresses than its own: admission by state, and who is shown what
//! (protocol/router.md 17.6 to 17.8).

use std::borrow::Cow;

use clasp_proto::binary::{self, Body, MessageRef, PublishRef, SetRef};
use clasp_proto::{Action, Qos, Signal};

use super::Batch;
use crate::gate::{Sight, Veil};
use crate::operation::{Caller, Operation};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::session::Session;
use crate::shard::SlotNumber;
use crate::view::View;

impl Batch<'_> {
    /// The slot of a write, admitted, with everything locked that its admission and its delivery
    /// look at.
    pub(crate) fn slot_of_write(
        &mut self,
        address: &str,
        write: &Operation<'_>,
    ) -> Result<SlotNumber, Refusal> {
        if self.router.gates.is_empty() {
            return self.slot(address);
        }
        let lookups = self.lookups(write);
        self.admit_by_lookups(address, write, &lookups)?;
        let number = self.slot(address)?;
        if self.veil(number).sight < Sight::ByState || self.holds_all() {
            return Ok(number);
        }
        self.enter_everything();
        if !lookups.is_empty() {
            // Others could write while more was locked.
            self.admit_in_view(write)?;
        }
        self.slot(address)
    }

    /// Locks what decides about a write, and lets it decide.
    pub(crate) fn admit_by_lookups(
        &mut self,
        address: &str,
        write: &Operation<'_>,
        lookups: &[String],
    ) -> Result<(), Refusal> {
        if lookups.is_empty() {
            return Ok(());
        }
        let router = self.router;
        let read = lookups.iter().map(|lookup| router.hash(lookup));
        self.enter_all(read.chain([router.hash(address)]));
        self.admit_in_view(write)
    }

    /// A refusal of a write to a slot, without what a session may not know that may not read the
    /// address or is not shown it. // protocol/router.md 17.7
    pub(crate) fn concealed(&mut self, number: SlotNumber, refusal: Refusal) -> Refusal {
        let tells = matches!(
            refusal,
            Refusal::LockHeld { .. } | Refusal::RevisionConflict { .. }
        );
        if !tells {
            return refusal;
        }
        let session = self.session;
        let (_, shard) = self.shard();
        let may_read = session
            .principal
            .may(Action::Read, &shard.slot(number).address);
        let veil = self.veil(number);
        if may_read && self.is_shown(number, veil, session) {
            return refusal;
        }
        let code = refusal.code();
        Refusal::Concealed { code }
    }

    /// The slot of an address that something is delivered by, with everything locked that this
    /// looks at.
    pub(crate) fn slot_to_show(&mut self, address: &str) -> Result<SlotNumber, Refusal> {
        let number = self.slot(address)?;
        if self.veil(number).sight < Sight::ByState || self.holds_all() {
            return Ok(number);
        }
        self.enter_everything();
        self.slot(address)
    }

    /// The addresses whose params decide whether a write may be done.
    pub(crate) fn lookups(&self, write: &Operation<'_>) -> Vec<String> {
        let caller = self.caller();
        let mut lookups = Vec::new();
        for gate in &self.router.gates {
            gate.lookups(&caller, write, &mut lookups);
        }
        lookups
    }

    /// Asks the gates again, with what is locked in view.
    pub(crate) fn admit_in_view(&self, write: &Operation<'_>) -> Result<(), Refusal> {
        let caller = self.caller();
        self.viewing(|view| {
            let mut gates = self.router.gates.iter();
            gates.try_for_each(|gate| gate.admit_in_view(&caller, write, view))
        })
    }

    /// How much of a slot's address is shown.
    pub(crate) fn veil(&mut self, number: SlotNumber) -> Veil {
        let router = self.router;
        if router.gates.is_empty() {
            return Veil::default();
        }
        let (_, shard) = self.shard();
        shard.slot_mut(number).current_veil(router)
    }

    /// Whether `session` is shown what happens at the address of a slot.
    pub(crate) fn is_shown(&self, number: SlotNumber, veil: Veil, session: &Session) -> bool {
        if veil.sight == Sight::Open {
            return true;
        }
        let held = self.held.as_ref();
        let held = held.expect("a slot number implies that its shard is locked");
        let address = &held.shard.slot(number).address;
        self.viewing(|view| self.router.shows(session, address, view))
    }

    /// The payload of a SET or PUBLISH as it is shown.
    pub(crate) fn shown<'p>(&self, veil: Veil, payload: &'p [u8]) -> Cow<'p, [u8]> {
        let redacted = veil.is_redacted.then(|| self.router.redacted(payload));
        redacted
            .flatten()
            .map_or(Cow::Borrowed(payload), Cow::Owned)
    }

    /// Puts a write of earlier into the session's outbox, as it is shown to it now; false if it is
    /// not. // protocol/router.md 11.4, 11.5, 17.7, 17.8
    pub fn recall(&mut self, payload: &[u8]) -> bool {
        let (address, qos) = match binary::view(payload) {
            Ok(MessageRef::Set(set)) => (set.address, Qos::Confirm),
            Ok(MessageRef::Publish(publish)) => (
                publish.address,
                publish.signal.map_or(Qos::Fire, Signal::qos),
            ),
            _ => return false,
        };
        let veil = self.router.veil(address);
        if veil.sight == Sight::ByState && !self.holds_all() {
            self.enter_everything();
        }
        let (router, session) = (self.router, self.session);
        let is_shown = session.principal.may(Action::Read, address)
            && (veil.sight == Sight::Open
                || self.viewing(|view| router.shows(session, address, view)));
        if is_shown {
            let shown = self.shown(veil, payload);
            self.answer_as(qos, &shown);
        }
        is_shown
    }

    /// Locks every shard.
    pub(crate) fn enter_everything(&mut self) {
        let count = self.router.shards.len();
        self.enter_shards((0..count).collect());
    }

    fn holds_all(&self) -> bool {
        self.others.len() + 1 == self.router.shards.len()
    }

    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller {
            session: self.session,
        }
    }

    /// Lets a gate look at the shards that are locked.
    pub(crate) fn viewing<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        let shards = |number| {
            let mut held = self.held.iter().chain(&self.others);
            held.find(|held| held.number == number)
                .map(|held| &*held.shard)
        };
        look(&View::new(self.router, self.now.tick, &shards))
    }
}

impl Router {
    /// Whether every gate shows an address to `session`.
    pub(crate) fn shows(&self, session: &Session, address: &str, view: &View<'_>) -> bool {
        let mut gates = self.gates.iter();
        gates.all(|gate| gate.shows(session, address, view))
    }

    /// The payload of a SET or PUBLISH without what is redacted, if that is not all of it.
    /// // protocol/router.md 17.8
    #[must_use]
    pub fn redacted(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(payload.len());
        let mut left = Vec::new();
        match binary::view(payload).ok()? {
            MessageRef::Set(set) => {
                let value = self.redact(set.address, set.value, &mut left)?;
                SetRef { value, ..set }.write_with(set.revision, &mut out);
            }
            MessageRef::Publish(publish) => {
                let Body::Value(value) = publish.body else {
                    return None;
                };
                let value = self.redact(publish.address, value, &mut left)?;
                let body = Body::Value(value);
                PublishRef { body, ..publish }.write(&mut out);
            }
            _ => return None,
        }
        Some(out)
    }
}
