//! Bundles: several writes, all or none, in their order, now or at their time.

use std::collections::HashMap;
use std::sync::Arc;

use clasp_proto::binary::{self, BundleRef, MessageRef, PublishRef, SetRef};
use clasp_proto::limits::BUNDLE_MEMBERS_MAX;
use clasp_proto::{Address, Phase, Qos, Signal};

use crate::alarm::Alarm;
use crate::batch::{Batch, Throttled, Work, is_transient};
use crate::delivery::Outgoing;
use crate::gate::Sight;
use crate::limits::{
    SCHEDULE_AHEAD_MAX, SCHEDULE_SLACK, SCHEDULED_BYTES_PER_SESSION_MAX, SCHEDULED_PER_SESSION_MAX,
};
use crate::operation::{Bundle, Operation, Receipt};
use crate::param::Param;
use crate::peer::{self, Peer};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::run::Run;
use crate::session::{Session, SessionKey};
use crate::shard::SlotNumber;
use crate::tap::Written;
use crate::time::{Now, Tick, micros};

/// A bundle that waits for its time.
#[derive(Debug)]
pub(crate) struct Scheduled {
    pub(crate) session: Arc<Session>,
    payload: Box<[u8]>,
    wants_ack: bool,
}

/// What a slot held before a bundle wrote to it.
struct Before {
    hash: u64,
    slot: SlotNumber,
    param: Option<Param>,
}

/// A member that was applied, on its way out.
struct Outcome<'a> {
    address: &'a str,
    payload: Vec<u8>,
    qos: Qos,
    signal: Option<Signal>,
    is_echoed: bool,
    number: Option<f64>,
    /// Its id and phase, if it is part of a gesture.
    gesture: Option<(u32, Phase)>,
    /// The one session that it is for, if it is a signal. // protocol/router.md 13.1
    to: Option<Arc<Session>>,
    /// A SET of a param that was there.
    goes_on: bool,
}

/// What each session gets of a bundle.
#[derive(Default)]
struct Runs(HashMap<SessionKey, (Arc<Session>, Run)>);

impl Batch<'_> {
    /// Applies a bundle, or schedules it. // protocol/router.md 9.1, 9.5, 15.3
    pub(crate) fn bundle(&mut self, bundle: &Bundle<'_>) -> Result<Receipt, Refusal> {
        let (timestamp, members) = match read(bundle.payload) {
            Ok(parts) => parts,
            // Counted by the connection, like everything that cannot be read.
            Err(refusal @ Refusal::Unreadable(_)) => return Err(refusal),
            Err(refusal) => {
                self.charge(1)?;
                return Err(refusal);
            }
        };
        self.charge(members.len().max(1))?;
        self.admit_members(&members)?;
        let ahead = timestamp.unwrap_or(0).saturating_sub(self.now.wall.0);
        if ahead > micros(SCHEDULE_SLACK) {
            self.schedule(bundle, ahead)?;
            return Ok(Receipt::default());
        }
        self.apply_members(&members)
    }

    fn admit_members(&self, members: &[Operation<'_>]) -> Result<(), Refusal> {
        for member in members {
            self.admit(member)
                .map_err(|refusal| of_member(refusal, member))?;
        }
        Ok(())
    }

    // protocol/router.md 9.6, protocol/limits.md 3.1
    fn schedule(&mut self, bundle: &Bundle<'_>, ahead: u64) -> Result<(), Refusal> {
        if ahead > micros(SCHEDULE_AHEAD_MAX) {
            return Err(Refusal::TooFarAhead);
        }
        let mut held = self.session.held.lock();
        let bytes = held.scheduled_bytes + bundle.payload.len();
        if held.scheduled >= SCHEDULED_PER_SESSION_MAX || bytes > SCHEDULED_BYTES_PER_SESSION_MAX {
            return Err(Refusal::ScheduledFull {
                max: SCHEDULED_PER_SESSION_MAX,
            });
        }
        held.scheduled += 1;
        held.scheduled_bytes = bytes;
        drop(held);
        let scheduled = Scheduled {
            session: Arc::clone(self.session),
            payload: bundle.payload.into(),
            wants_ack: bundle.wants_ack,
        };
        let at = Tick(self.now.tick.0.saturating_add(ahead));
        self.router
            .alarms
            .set(at, Alarm::Bundle(Box::new(scheduled)));
        Ok(())
    }

    /// A session that ends at this moment has given all of it back already.
    fn unschedule(&self, bytes: usize) {
        let mut held = self.session.held.lock();
        held.scheduled = held.scheduled.saturating_sub(1);
        held.scheduled_bytes = held.scheduled_bytes.saturating_sub(bytes);
    }

    fn apply_members(&mut self, members: &[Operation<'_>]) -> Result<Receipt, Refusal> {
        let router = self.router;
        let room = router.reserve(members.iter().map(records_max).sum())?;
        self.enter_members(members);
        let mut before = Vec::new();
        let (outcomes, revision) = match self.apply_each(members, &mut before) {
            Ok(applied) => applied,
            Err(refusal) => {
                self.undo(before);
                self.release();
                return Err(refusal);
            }
        };
        self.make_room_for(&before);
        room.keep(outcomes.iter().filter(|it| it.is_recorded()).count());
        let sequence = self.deliver_together(&outcomes);
        self.release();
        Ok(Receipt {
            revision,
            sequence,
            is_applied: true,
        })
    }

    /// Locks what the members write to, and what their admission and delivery look at.
    fn enter_members(&mut self, members: &[Operation<'_>]) {
        let router = self.router;
        let addresses = members.iter().map(address_of);
        if router.gates.is_empty() {
            return self.enter_all(addresses.map(|address| router.hash(address)));
        }
        let mut veils = addresses.clone().map(|address| router.veil(address));
        if veils.any(|veil| veil.sight == Sight::ByState) {
            return self.enter_everything();
        }
        let lookups: Vec<_> = members
            .iter()
            .flat_map(|member| self.lookups(member))
            .collect();
        let lookups = lookups.iter().map(String::as_str);
        self.enter_all(addresses.chain(lookups).map(|address| router.hash(address)));
    }

    fn apply_each<'m>(
        &mut self,
        members: &[Operation<'m>],
        before: &mut Vec<Before>,
    ) -> Result<(Vec<Outcome<'m>>, Option<u64>), Refusal> {
        let mut outcomes = Vec::with_capacity(members.len());
        let mut revision = None;
        for member in members {
            // In view of what the members before it did. // protocol/router.md 17.6
            if !self.lookups(member).is_empty() {
                self.admit_in_view(member)
                    .map_err(|refusal| of_member(refusal, member))?;
            }
            let outcome = match member {
                Operation::Set(set) => self.apply_set(set, before).map(|(outcome, set_to)| {
                    revision = Some(set_to);
                    outcome
                }),
                Operation::Publish(publish) => self.apply_publish(publish),
                _ => Err(Refusal::NotAWrite),
            };
            outcomes.push(outcome.map_err(|refusal| of_member(refusal, member))?);
        }
        Ok((outcomes, revision))
    }

    fn apply_set<'m>(
        &mut self,
        set: &SetRef<'m>,
        before: &mut Vec<Before>,
    ) -> Result<(Outcome<'m>, u64), Refusal> {
        let router = self.router;
        let hash = router.hash(set.address);
        let slot = self.slot(set.address)?;
        let (_, shard) = self.shard();
        let param = shard.slot(slot).param.clone();
        let applied = self
            .apply(slot, set)
            .map_err(|refusal| self.concealed(slot, refusal))?;
        before.push(Before { hash, slot, param });
        if applied.is_new && router.is_overfull() {
            return Err(router.at_capacity());
        }
        let mut payload = Vec::new();
        let number = self.write_stored(slot, set, &mut payload);
        let outcome = Outcome {
            address: set.address,
            payload,
            qos: Qos::Confirm,
            signal: Some(Signal::Param),
            is_echoed: true,
            number,
            gesture: None,
            to: None,
            goes_on: !applied.is_new,
        };
        Ok((outcome, applied.revision))
    }

    fn apply_publish<'m>(&self, publish: &PublishRef<'m>) -> Result<Outcome<'m>, Refusal> {
        Address::check(publish.address)?;
        let peer = peer::of(publish.address);
        let to = match peer {
            // protocol/router.md 9.8
            Some(Peer::Signal(id)) => Some(self.find_peer(id, publish)?),
            _ => None,
        };
        let mut payload = Vec::new();
        publish.write(&mut payload);
        let signal = publish.signal.filter(|_| peer.is_none());
        let is_gesture = signal == Some(Signal::Gesture);
        Ok(Outcome {
            address: publish.address,
            payload,
            qos: publish.signal.map_or(Qos::Fire, Signal::qos),
            signal,
            is_echoed: false,
            number: publish.number(),
            gesture: is_gesture.then(|| (publish.id.unwrap_or(0), publish.phase)),
            to,
            goes_on: false,
        })
    }

    /// Evicts as many params as the bundle made above the capacity. // protocol/router.md 6.11
    fn make_room_for(&mut self, written: &[Before]) {
        let router = self.router;
        for made in written.iter().filter(|written| written.param.is_none()) {
            self.enter(made.hash);
            let (_, shard) = self.shard();
            router.make_room(shard, made.slot);
        }
    }

    /// Puts back what was there, newest first.
    fn undo(&mut self, before: Vec<Before>) {
        let router = self.router;
        for Before {
            hash,
            slot: number,
            param,
        } in before.into_iter().rev()
        {
            self.enter(hash);
            let session = self.session;
            let (shard_number, shard) = self.shard();
            let Some(mut param) = param else {
                router.params_gone(usize::from(shard.unmake(number)));
                continue;
            };
            if shard.slot(number).param.is_none() {
                // It expired within the bundle.
                shard.param_added();
                router.param_added();
            }
            let slot = shard.slot_mut(number);
            let mut held = session.held.lock();
            match &param.holder {
                // It ended meanwhile: nobody would give the lock back.
                Some(_) if held.is_ended => param.holder = None,
                Some(_) => drop(held.locks.insert(Arc::clone(&slot.address))),
                None => drop(held.locks.remove(&slot.address)),
            }
            drop(held);
            slot.param = Some(param);
            shard.note_change();
            if let Some(at) = shard.schedule_expiry(number) {
                router.alarms.set_expiry(shard_number, at);
            }
        }
    }

    /// Hands each subscriber its members back to back; returns the number of the last that was
    /// recorded. // protocol/router.md 9.3
    fn deliver_together(&mut self, outcomes: &[Outcome<'_>]) -> u64 {
        let mut runs = Runs::default();
        for outcome in outcomes {
            if let Some(to) = &outcome.to {
                runs.of(to).frame(outcome.qos, &outcome.payload);
                self.work.delivery.tally.fanned_out(1, 1);
                continue;
            }
            // Found anew: what a later member made may have cost the slot of an earlier one.
            let slot = self.slot(outcome.address);
            let slot = slot.expect("the address was checked when the member was applied");
            // A gesture is throttled as by itself. // protocol/router.md 9.8
            let throttled = outcome
                .gesture
                .map(|(id, phase)| self.throttle(slot, id, phase, &outcome.payload));
            match throttled {
                Some(Throttled::Waits) => continue,
                Some(Throttled::Goes { first: Some(last) }) => {
                    self.gather_member(slot, outcome, &last, &mut runs);
                    self.commit(outcome.written(&last), false);
                }
                _ => {}
            }
            self.gather_member(slot, outcome, &outcome.payload, &mut runs);
            if !outcome.is_recorded() {
                self.commit(outcome.written(&outcome.payload), false);
            }
        }
        for (session, run) in runs.0.values() {
            self.work.delivery.push(session, run, self.now.tick);
        }
        self.record(outcomes)
    }

    /// Tells the taps of all that is recorded, as one. // protocol/router.md 9.1
    fn record(&self, outcomes: &[Outcome<'_>]) -> u64 {
        let recorded = outcomes.iter().filter(|outcome| outcome.is_recorded());
        let written: Vec<_> = recorded
            .map(|outcome| outcome.written(&outcome.payload))
            .collect();
        if written.is_empty() || self.router.taps.is_empty() {
            return 0;
        }
        self.router.commit(self.session, self.now, &written)
    }

    fn gather_member(
        &mut self,
        slot: SlotNumber,
        outcome: &Outcome<'_>,
        payload: &[u8],
        runs: &mut Runs,
    ) {
        let veil = self.veil(slot);
        let shown = self.shown(veil, payload);
        let message = Outgoing {
            payload: &shown,
            qos: outcome.qos,
            signal: outcome.signal,
            except: (!outcome.is_echoed).then_some(self.session.key),
        };
        let route = self.route(slot);
        let mut receivers = 0;
        for target in &route.targets {
            if !message.goes_to(target.session.key)
                || !self.is_told(slot, veil, &target.session)
                || !self.passes(slot, target, &message, outcome.number)
            {
                continue;
            }
            runs.of(&target.session).frame(message.qos, message.payload);
            receivers += 1;
        }
        self.work.delivery.tally.fanned_out(receivers, 1);
    }
}

impl Outcome<'_> {
    /// A signal to a session is for nobody else.
    fn is_recorded(&self) -> bool {
        let phase = self.gesture.map_or(Phase::Start, |(_, phase)| phase);
        self.to.is_none() && !is_transient(self.signal, phase)
    }

    const fn written<'p>(&self, payload: &'p [u8]) -> Written<'p> {
        Written {
            signal: self.signal,
            payload,
            goes_on: self.goes_on,
        }
    }
}

impl Runs {
    fn of(&mut self, session: &Arc<Session>) -> &mut Run {
        let new = || (Arc::clone(session), Run::together());
        &mut self.0.entry(session.key).or_insert_with(new).1
    }
}

impl Router {
    /// Applies a bundle whose time has come. Those of a session that ended are dropped with it.
    /// // protocol/router.md 9.4, 9.7
    pub(crate) fn run_scheduled(&self, bundle: &Scheduled, now: Now, work: &mut Work) {
        let session = &bundle.session;
        if session.is_over() || session.held.lock().is_ended {
            return;
        }
        let mut batch = Batch::new(self, &bundle.session, now, work);
        batch.unschedule(bundle.payload.len());
        let applied = read(&bundle.payload).and_then(|(_, members)| {
            batch.admit_members(&members)?;
            batch.apply_members(&members)
        });
        match applied {
            Ok(receipt) if bundle.wants_ack => batch.acknowledge(None, &receipt),
            Ok(_) => {}
            Err(refusal) => batch.refuse_write(&refusal, None),
        }
        if bundle.session.owes() {
            // Its connection waits for what it is told of when it looks.
            batch.work.delivery.remind(&bundle.session);
        }
        batch.finish(None);
    }
}

/// The timestamp and the members of a bundle; those of inner bundles stand in their place.
/// // protocol/router.md 9.2
fn read(payload: &[u8]) -> Result<(Option<u64>, Vec<Operation<'_>>), Refusal> {
    let MessageRef::Bundle(bundle) = binary::view(payload)? else {
        return Err(Refusal::NotAWrite);
    };
    let timestamp = bundle.timestamp;
    let mut members = Vec::new();
    flatten(bundle, &mut members)?;
    Ok((timestamp, members))
}

/// The decoder bounds how deep bundles nest, and so this recursion.
fn flatten<'a>(bundle: BundleRef<'a>, out: &mut Vec<Operation<'a>>) -> Result<(), Refusal> {
    for member in bundle.members() {
        match member {
            MessageRef::Set(set) => out.push(Operation::Set(set)),
            MessageRef::Publish(publish) => out.push(Operation::Publish(publish)),
            MessageRef::Bundle(inner) => flatten(inner, out)?,
            MessageRef::Other(_) => return Err(Refusal::NotAWrite),
        }
        if out.len() > BUNDLE_MEMBERS_MAX {
            return Err(Refusal::BundleTooLong {
                max: BUNDLE_MEMBERS_MAX,
            });
        }
    }
    Ok(())
}

/// How many writes are recorded for a member, at most.
fn records_max(member: &Operation<'_>) -> usize {
    match member {
        Operation::Publish(publish) => {
            let peer = peer::of(publish.address);
            let is_directed = matches!(peer, Some(Peer::Signal(_)));
            let signal = publish.signal.filter(|_| peer.is_none());
            usize::from(!is_directed && !is_transient(signal, publish.phase))
        }
        _ => 1,
    }
}

fn of_member(refusal: Refusal, member: &Operation<'_>) -> Refusal {
    Refusal::Member {
        refusal: Box::new(refusal),
        address: address_of(member).into(),
    }
}

fn address_of<'a>(member: &Operation<'a>) -> &'a str {
    match member {
        Operation::Set(set) => set.address,
        Operation::Publish(publish) => publish.address,
        _ => "",
    }
}
