//! One received frame to one operation, and its answer.

use std::sync::Arc;
use std::task::Waker;

use clasp_proto::binary::{self, MessageRef, PublishRef, SetRef};
use clasp_proto::limits::FRAME_PAYLOAD_MAX;
use clasp_proto::{Code, Message, Publish, Qos, Replay, Sync, binary::BUNDLE, frame, msgpack};
use clasp_router::{Batch, Bundle, Operation, Query, Refusal, Session};

use super::replay::Asked;
use crate::limits::REPLAYS_WAITING_MAX;
use crate::metrics::{Counts, Kind};
use crate::shared::Shared;

/// Does the frames of one batch, in order.
pub(super) struct Dispatch<'a> {
    pub(super) batch: Batch<'a>,
    /// Frames that could not be read, so far.
    pub(super) offences: u32,
    /// REPLAYs that it asked for, and how many it may.
    pub(super) replays: Vec<Asked>,
    pub(super) replays_max: usize,
    /// PINGs that are answered behind what was asked for before them.
    pub(super) pongs_owed: usize,
    has_asked: bool,
    has_written: bool,
    counts: &'a mut Counts,
    shared: &'a Shared,
}

impl<'a> Dispatch<'a> {
    pub(super) const fn new(
        batch: Batch<'a>,
        shared: &'a Shared,
        counts: &'a mut Counts,
        offences: u32,
    ) -> Self {
        Self {
            batch,
            offences,
            replays: Vec::new(),
            replays_max: 0,
            pongs_owed: 0,
            has_asked: false,
            has_written: false,
            counts,
            shared,
        }
    }

    /// Ends the batch; returns the sessions that are pressed.
    pub(super) fn finish(self, own: &Waker) -> Vec<Arc<Session>> {
        self.batch.finish(Some(own))
    }

    /// True if the last frame asked for something whose answer may be large.
    pub(super) const fn has_asked(&mut self) -> bool {
        core::mem::replace(&mut self.has_asked, false)
    }

    /// True if the last frame changed something, or tried to.
    pub(super) const fn has_written(&mut self) -> bool {
        core::mem::replace(&mut self.has_written, false)
    }

    /// True if the peer sent more unreadable frames than an honest one would.
    pub(super) const fn is_offended(&self) -> bool {
        self.offences > OFFENCES_MAX
    }

    /// Text messages are no CLASP; they are ignored. // protocol/wire.md 1.5
    pub(super) fn text(&mut self) {
        self.counts.texts += 1;
        if let Err(refusal) = self.batch.charge(1) {
            self.batch.refuse(&refusal, None);
        }
    }

    /// Does what a frame asks for.
    pub(super) fn frame(&mut self, bytes: &[u8]) {
        let (header, payload) = match frame::split(bytes) {
            Ok(parts) => parts,
            Err(error) => return self.unreadable(error.code(), &error.to_string()),
        };
        // An ACK is sent only to who asks for one: it would end a client that cannot read it.
        // // protocol/router.md 6.2, protocol/wire.md 4.4
        let wants_ack = header.qos != Qos::Fire;
        match payload[0] {
            first if msgpack::is_msgpack(first) => self.legacy(payload, wants_ack),
            BUNDLE => self.bundle(payload, wants_ack),
            _ => self.payload(payload, wants_ack),
        }
    }

    fn payload(&mut self, payload: &[u8], wants_ack: bool) {
        match binary::view(payload) {
            Ok(MessageRef::Set(set)) => self.set(set, wants_ack),
            Ok(MessageRef::Publish(publish)) => self.publish(publish),
            Ok(MessageRef::Bundle(_)) => self.bundle(payload, wants_ack),
            Ok(MessageRef::Other(message)) => self.message(&message, false),
            Err(error) => self.unreadable(error.code(), &error.to_string()),
        }
    }

    /// MessagePack is understood and answered in the compact encoding; writes are turned into it
    /// first, since that is what the router keeps and forwards. // protocol/wire.md 8.1
    fn legacy(&mut self, payload: &[u8], wants_ack: bool) {
        let message = match msgpack::decode(payload) {
            Ok(message) => message,
            Err(error) => return self.unreadable(error.code(), &error.to_string()),
        };
        let is_write = matches!(
            message,
            Message::Set(_) | Message::Publish(_) | Message::Bundle(_)
        );
        if !is_write {
            return self.message(&message, true);
        }
        let mut compact = Vec::new();
        if let Err(error) = binary::encode(&message, &mut compact) {
            return self.unreadable(Code::InvalidMessage, &error.to_string());
        }
        if compact.len() > FRAME_PAYLOAD_MAX {
            // Small numbers take more room in the compact encoding.
            let text = "the message is too large for a frame of the compact encoding";
            return self.batch.error_in_turn(Code::InvalidValue, text);
        }
        match (message, binary::view(&compact)) {
            (Message::Publish(Publish { signal: None, .. }), Ok(MessageRef::Publish(publish))) => {
                self.publish(PublishRef {
                    signal: None,
                    ..publish
                });
            }
            _ => self.payload(&compact, wants_ack),
        }
    }

    fn set(&mut self, set: SetRef<'_>, wants_ack: bool) {
        self.counts.about(Kind::Set, set.address);
        self.has_written = true;
        match self.batch.submit(&Operation::Set(set)) {
            Ok(receipt) if wants_ack => self.batch.acknowledge(Some(set.address), &receipt),
            Ok(_) => {}
            Err(refusal) => self.batch.refuse_write(&refusal, Some(set.address)),
        }
    }

    fn publish(&mut self, publish: PublishRef<'_>) {
        self.counts.about(Kind::Publish, publish.address);
        self.has_written = true;
        if let Err(refusal) = self.batch.submit(&Operation::Publish(publish)) {
            self.batch.refuse_write(&refusal, Some(publish.address));
        }
    }

    fn bundle(&mut self, payload: &[u8], wants_ack: bool) {
        self.counts.message(Kind::Bundle);
        self.has_written = true;
        match self
            .batch
            .submit(&Operation::Bundle(Bundle { payload, wants_ack }))
        {
            Ok(receipt) if wants_ack && receipt.is_applied => {
                self.batch.acknowledge(None, &receipt);
            }
            Ok(_) => {}
            Err(Refusal::Unreadable(error)) => {
                self.unreadable(error.code(), &error.to_string());
            }
            Err(refusal) => self.batch.refuse_write(&refusal, None),
        }
    }

    /// `is_legacy` tells the one client that writes MessagePack: an ACK would end it, and it
    /// takes each RESULT for the answer to another question. // protocol/wire.md 9.3
    fn message(&mut self, message: &Message, is_legacy: bool) {
        self.counts.message(Kind::of(message));
        match message {
            Message::Get(get) => self.ask(&Operation::Get(&get.address), &get.address),
            Message::Subscribe(subscribe) => {
                self.ask(&Operation::Subscribe(subscribe), &subscribe.pattern);
            }
            Message::Unsubscribe(gone) => self.ask(&Operation::Unsubscribe(gone.id), ""),
            Message::Query(query) => self.query(&query.pattern, is_legacy),
            Message::Announce(announce) => {
                match self.batch.submit(&Operation::Announce(announce)) {
                    // Always acknowledged, with the namespace. // protocol/router.md 10.1
                    Ok(_) => self.batch.ack(Some(&announce.namespace), None),
                    Err(refusal) => self.batch.refuse(&refusal, Some(&announce.namespace)),
                }
            }
            other => self.uncounted(other),
        }
    }

    fn query(&mut self, pattern: &str, in_one_result: bool) {
        self.ask(
            &Operation::Query(Query {
                pattern,
                in_one_result,
            }),
            pattern,
        );
    }

    fn ask(&mut self, operation: &Operation<'_>, about: &str) {
        self.has_asked = true;
        if let Err(refusal) = self.batch.submit(operation) {
            self.batch
                .refuse(&refusal, Some(about).filter(|about| !about.is_empty()));
        }
    }

    /// Messages that the router has no part in.
    fn uncounted(&mut self, message: &Message) {
        if let Err(refusal) = self.batch.charge(1) {
            return self.batch.refuse(&refusal, None);
        }
        match message {
            // protocol/router.md 12.1
            Message::Ping if self.is_answering() => self.pongs_owed += 1,
            Message::Ping => self.answer(&Message::Pong),
            Message::Sync(sync) => self.sync(sync),
            // The answer to a PING of ours: that the peer is alive was noted when it came.
            // protocol/router.md 12.3
            Message::Pong => {}
            // protocol/router.md 2.9
            Message::Hello(_) => {
                self.batch
                    .error(Code::InvalidMessage, "already connected", None);
            }
            Message::Replay(replay) => self.replay(replay),
            // protocol/router.md 19.1
            Message::FederationSync(_) => {
                let text = "federation is not enabled on this router";
                self.batch.error(Code::Unavailable, text, None);
            }
            // What only a server sends. // protocol/router.md 12.4
            other => {
                let text = format!("{} is not for a client to send", other.name());
                self.unreadable(Code::InvalidMessage, &text);
            }
        }
    }

    /// Notes what is to be played again, if it may be. // protocol/router.md 11.1, 11.2, 11.6
    fn replay(&mut self, replay: &Replay) {
        let pattern = Some(&*replay.pattern);
        match self.batch.may_replay(&replay.pattern) {
            Err(refusal) => self.batch.refuse(&refusal, pattern),
            Ok(_) if self.shared.journal.is_none() => {
                let text = "Journal not configured on this router";
                self.batch.error(Code::Unavailable, text, pattern);
            }
            Ok(_) if self.replays.len() >= self.replays_max => {
                let text = "this session waits for as many REPLAYs as it may: ask again later";
                self.batch.error(Code::RateLimited, text, pattern);
            }
            Ok(asked) => self.replays.push(Asked::new(replay, asked)),
        }
    }

    /// Both times of ours are the same: nothing waits here. // protocol/router.md 12.2
    fn sync(&mut self, sync: &Sync) {
        let now = self.shared.clock.now().wall.0;
        self.answer(&Message::Sync(Sync {
            t1: sync.t1,
            t2: Some(now),
            t3: Some(now),
        }));
    }

    /// True while snapshots and REPLAYs are under way.
    fn is_answering(&self) -> bool {
        let has_replays = !self.replays.is_empty() || self.replays_max < REPLAYS_WAITING_MAX;
        has_replays || self.batch.session().wants_snapshot()
    }

    fn answer(&mut self, message: &Message) {
        let mut payload = Vec::new();
        binary::encode(message, &mut payload).expect("PONG and SYNC fit into any frame");
        self.batch.answer(&payload);
    }

    // protocol/wire.md 7.4, protocol/router.md 15.3
    fn unreadable(&mut self, code: Code, text: &str) {
        self.offences += 1;
        self.counts.unreadable += 1;
        match self.batch.charge(1) {
            Ok(()) => self.batch.error_in_turn(code, text),
            Err(refusal) => self.batch.refuse_write(&refusal, None),
        }
    }
}

/// Unreadable frames of one connection before it is closed: a client with a bug notices by then,
/// and a stranger's noise ends (protocol/limits.md 4.8).
const OFFENCES_MAX: u32 = 16;
