//! A router with sessions that see every message, and a clock that moves when it is told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use clasp_proto::{
    Announce, Binding, Bundle, Code, Get, Message, MessageRef, Param, Phase, Principal, Publish,
    Qos, Query, Rights, Scopes, Set, Signal, SignalDefinition, Subscribe, SubscribeOptions,
    TypeMask, Unsubscribe, Value, binary, frame,
};
use clasp_router::{
    Batch, Drained, Export, NewSession, Now, Operation, Receipt, Refusal, RestoreError, Restored,
    Router, RouterConfig, Session, Tick, Timestamp, Work,
};

pub(crate) struct Stage {
    pub(crate) router: Router,
    pub(crate) now: Now,
    work: Work,
}

impl Stage {
    /// The defaults, without a rate limit: most tests send more than a person would.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut RouterConfig)) -> Self {
        Self::built(adjust, |router| router)
    }

    /// With gates or taps.
    pub(crate) fn built(
        adjust: impl FnOnce(&mut RouterConfig),
        build: impl FnOnce(Router) -> Router,
    ) -> Self {
        let mut config = RouterConfig {
            messages_per_second: 0,
            ..RouterConfig::default()
        };
        adjust(&mut config);
        let now = Now {
            wall: Timestamp(1_700_000_000_000_000),
            tick: Tick(5_000_000),
        };
        Self {
            router: build(Router::new(config, now)),
            now,
            work: Work::default(),
        }
    }

    /// The router stops, and another one goes on with its params after `down`.
    pub(crate) fn restart(
        &mut self,
        down: Duration,
        adjust: impl FnOnce(&mut RouterConfig),
    ) -> Restored {
        let export = self.router.export(self.now);
        self.now.wall.0 += down.as_micros() as u64;
        self.restore(export, adjust).expect("a router exported it")
    }

    /// Another router with these params, on a steady clock of its own.
    pub(crate) fn restore(
        &mut self,
        export: Export,
        adjust: impl FnOnce(&mut RouterConfig),
    ) -> Result<Restored, RestoreError> {
        let mut config = RouterConfig {
            messages_per_second: 0,
            ..RouterConfig::default()
        };
        adjust(&mut config);
        self.now.tick = Tick(777_777);
        let (router, restored) = Router::restored(config, export, self.now)?;
        self.router = router;
        Ok(restored)
    }

    /// All params, by address.
    pub(crate) fn export(&self) -> Export {
        let mut export = self.router.export(self.now);
        export.params.sort_by(|a, b| a.address.cmp(&b.address));
        export
    }

    pub(crate) fn session(&self, id: &str) -> Arc<Session> {
        self.session_of(id, Principal::anybody())
    }

    /// A session that acts for somebody.
    pub(crate) fn session_of(&self, id: &str, principal: Principal) -> Arc<Session> {
        let new = NewSession {
            id: id.into(),
            binding: Binding::Length,
            principal: Arc::new(principal),
        };
        self.router.attach(new).expect("there is a place")
    }

    /// A session with these scopes, that may be known by its id.
    pub(crate) fn scoped(&self, id: &str, scopes: &str) -> Arc<Session> {
        let rights = Rights::Scoped {
            scopes: Scopes::parse(scopes).expect("well formed"),
            strict_read: false,
        };
        let principal = Principal {
            subject: Some(id.into()),
            rights,
            expires_at: None,
        };
        self.session_of(id, principal)
    }

    /// A session that subscribes, with the state that it is told of read.
    pub(crate) fn reader(&mut self, id: &str, pattern: &str) -> Arc<Session> {
        let session = self.session(id);
        self.send(&session, &subscribe(1, pattern)).expect("taken");
        self.received(&session);
        session
    }

    /// Lets time pass; what is due meanwhile happens at its time.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.tick.after(time);
        while let Some(due) = self
            .router
            .deadline(Waker::noop())
            .filter(|due| *due <= end)
        {
            self.go_to(due.max(self.now.tick));
            self.router.advance(self.now, &mut self.work);
        }
        self.go_to(end);
    }

    fn go_to(&mut self, tick: Tick) {
        self.now.wall.0 += tick.since(self.now.tick);
        self.now.tick = tick;
    }

    /// Does one message, as the connection of `session` would.
    pub(crate) fn send(&mut self, session: &Arc<Session>, message: &Message) -> Outcome {
        self.send_as(session, message, message.qos())
    }

    pub(crate) fn send_as(
        &mut self,
        session: &Arc<Session>,
        message: &Message,
        qos: Qos,
    ) -> Outcome {
        let mut batch = self.router.batch(session, self.now, &mut self.work);
        let outcome = submit(&mut batch, message, qos);
        batch.finish(None);
        outcome
    }

    /// Does messages that came together, as one batch.
    pub(crate) fn send_together(
        &mut self,
        session: &Arc<Session>,
        messages: &[Message],
    ) -> Vec<Outcome> {
        let mut batch = self.router.batch(session, self.now, &mut self.work);
        let outcomes = messages
            .iter()
            .map(|message| submit(&mut batch, message, message.qos()))
            .collect();
        batch.finish(None);
        outcomes
    }

    /// Does an operation that no message of the compact encoding stands for.
    pub(crate) fn submit(&mut self, session: &Arc<Session>, operation: &Operation<'_>) -> Outcome {
        let mut batch = self.router.batch(session, self.now, &mut self.work);
        let outcome = batch.submit(operation);
        batch.finish(None);
        outcome
    }

    /// Shows a session a write of earlier, as an answer to REPLAY; false if it may not see it.
    pub(crate) fn recall(&mut self, session: &Arc<Session>, message: &Message) -> bool {
        let mut payload = Vec::new();
        binary::encode(message, &mut payload).expect("the message fits into a frame");
        let mut batch = self.router.batch(session, self.now, &mut self.work);
        let is_shown = batch.recall(&payload);
        batch.finish(None);
        is_shown
    }

    /// The code that a message is refused with; `None` if it is not.
    pub(crate) fn code(&mut self, session: &Arc<Session>, message: &Message) -> Option<Code> {
        self.send(session, message)
            .err()
            .map(|refusal| refusal.code())
    }

    /// Gives the session the answers that have waited long enough.
    pub(crate) fn settle(&mut self, session: &Arc<Session>) {
        let mut batch = self.router.batch(session, self.now, &mut self.work);
        batch.settle();
        batch.finish(None);
    }

    /// What follows WELCOME.
    pub(crate) fn greet(&mut self, session: &Arc<Session>) {
        let mut batch = self.router.batch(session, self.now, &mut self.work);
        batch.greet();
        batch.finish(None);
    }

    /// Everything that was sent to `session` since the last time, all snapshots included.
    pub(crate) fn received(&mut self, session: &Arc<Session>) -> Vec<Message> {
        self.frames(session)
            .iter()
            .map(|bytes| {
                let (_, payload) = frame::split(bytes).expect("the router sends frames");
                binary::decode(payload).expect("the router sends messages")
            })
            .collect()
    }

    /// The same as frames.
    pub(crate) fn frames(&mut self, session: &Arc<Session>) -> Vec<Vec<u8>> {
        let mut bytes = self.drain(session);
        while session.wants_snapshot() {
            self.router.fill(session, self.now, &mut self.work);
            bytes.extend(self.drain(session));
        }
        let mut rest = &bytes[..];
        let mut frames = Vec::new();
        while let Some((length, body)) = rest.split_first_chunk::<4>() {
            let (one, more) = body.split_at(u32::from_be_bytes(*length) as usize);
            frames.push(one.to_vec());
            rest = more;
        }
        frames
    }

    fn drain(&self, session: &Session) -> Vec<u8> {
        let mut pieces = VecDeque::new();
        let mut bytes = Vec::new();
        while session.outbox.take(Waker::noop(), &mut pieces) == Drained::Taken {
            for piece in pieces.drain(..) {
                let length = piece.as_ref().len();
                session.outbox.wrote(length, None, self.now.tick);
                bytes.extend_from_slice(piece.as_ref());
            }
        }
        bytes
    }

    /// What GET finds, as the session that asks is shown it.
    pub(crate) fn get(&mut self, session: &Arc<Session>, address: &str) -> Option<Param> {
        self.received(session);
        self.send(session, &get(address)).ok()?;
        match &self.received(session)[..] {
            [Message::Snapshot(snapshot)] if snapshot.params.len() == 1 => {
                Some(snapshot.params[0].clone())
            }
            other => unreachable!("GET was answered with {other:?}"),
        }
    }

    /// The revision of the param at `address`, if there is one.
    pub(crate) fn revision(&mut self, session: &Arc<Session>, address: &str) -> Option<u64> {
        self.get(session, address).map(|param| param.revision)
    }
}

/// Does one message for `session`, for tests in which several threads do.
pub(crate) fn do_one(
    router: &Router,
    session: &Arc<Session>,
    now: Now,
    work: &mut Work,
    message: &Message,
) -> Outcome {
    let mut batch = router.batch(session, now, work);
    let outcome = submit(&mut batch, message, Qos::Fire);
    batch.finish(None);
    outcome
}

pub(crate) type Outcome = Result<Receipt, Refusal>;

fn submit(batch: &mut Batch<'_>, message: &Message, qos: Qos) -> Outcome {
    let mut payload = Vec::new();
    binary::encode(message, &mut payload).expect("the message fits into a frame");
    let wants_ack = qos != Qos::Fire;
    let view = binary::view(&payload).expect("what was encoded can be read");
    let (operation, about) = operation(&view, &payload, wants_ack);
    let outcome = batch.submit(&operation);
    match (&operation, &outcome) {
        (Operation::Set(_) | Operation::Bundle(_), Ok(receipt)) => {
            if receipt.is_applied && wants_ack {
                batch.acknowledge(about, receipt);
            }
        }
        (_, Ok(_)) => {}
        (Operation::Set(_) | Operation::Publish(_) | Operation::Bundle(_), Err(refusal)) => {
            batch.refuse_write(refusal, about);
        }
        (_, Err(refusal)) => batch.refuse(refusal, about),
    }
    outcome
}

fn operation<'a>(
    view: &'a MessageRef<'a>,
    payload: &'a [u8],
    wants_ack: bool,
) -> (Operation<'a>, Option<&'a str>) {
    match view {
        MessageRef::Set(set) => (Operation::Set(*set), Some(set.address)),
        MessageRef::Publish(publish) => (Operation::Publish(*publish), Some(publish.address)),
        MessageRef::Bundle(_) => {
            let bundle = clasp_router::Bundle { payload, wants_ack };
            (Operation::Bundle(bundle), None)
        }
        MessageRef::Other(message) => match message {
            Message::Subscribe(asked) => (Operation::Subscribe(asked), Some(&asked.pattern)),
            Message::Unsubscribe(gone) => (Operation::Unsubscribe(gone.id), None),
            Message::Get(get) => (Operation::Get(&get.address), Some(&get.address)),
            Message::Announce(announce) => (Operation::Announce(announce), None),
            Message::Query(Query { pattern }) => {
                let in_one_result = false;
                let query = clasp_router::Query {
                    pattern,
                    in_one_result,
                };
                (Operation::Query(query), Some(pattern))
            }
            other => unreachable!("{} is no operation", other.name()),
        },
    }
}

pub(crate) fn set(address: &str, value: i64) -> Message {
    set_with(address, value, |_| {})
}

pub(crate) fn set_to(address: &str, value: Value) -> Message {
    set_with(address, 0, |set| set.value = value)
}

pub(crate) fn set_with(address: &str, value: i64, adjust: impl FnOnce(&mut Set)) -> Message {
    let mut set = Set {
        address: address.into(),
        value: Value::Int(value),
        ..Set::default()
    };
    adjust(&mut set);
    Message::Set(set)
}

pub(crate) fn get(address: &str) -> Message {
    Message::Get(Get {
        address: address.into(),
    })
}

pub(crate) fn subscribe(id: u32, pattern: &str) -> Message {
    subscribe_with(id, pattern, |_| {})
}

pub(crate) fn subscribe_with(
    id: u32,
    pattern: &str,
    adjust: impl FnOnce(&mut Subscribe),
) -> Message {
    let mut subscribe = Subscribe {
        id,
        pattern: pattern.into(),
        types: TypeMask::ALL,
        options: SubscribeOptions::default(),
    };
    adjust(&mut subscribe);
    Message::Subscribe(subscribe)
}

pub(crate) fn unsubscribe(id: u32) -> Message {
    Message::Unsubscribe(Unsubscribe { id })
}

pub(crate) fn publish(address: &str, signal: Signal, value: Value) -> Message {
    Message::Publish(Publish {
        address: address.into(),
        signal: Some(signal),
        value: Some(value),
        ..Publish::default()
    })
}

pub(crate) fn gesture(address: &str, id: u32, phase: Phase, value: i64) -> Message {
    Message::Publish(Publish {
        address: address.into(),
        signal: Some(Signal::Gesture),
        value: Some(Value::Int(value)),
        id: Some(id),
        phase: Some(phase),
        ..Publish::default()
    })
}

pub(crate) fn bundle(messages: impl Into<Vec<Message>>) -> Message {
    Message::Bundle(Bundle {
        timestamp: None,
        messages: messages.into(),
    })
}

pub(crate) fn bundle_at(timestamp: u64, messages: impl Into<Vec<Message>>) -> Message {
    Message::Bundle(Bundle {
        timestamp: Some(timestamp),
        messages: messages.into(),
    })
}

pub(crate) fn announce(addresses: impl IntoIterator<Item = String>) -> Message {
    let signals = addresses.into_iter().map(|address| SignalDefinition {
        address,
        signal: Signal::Param,
        datatype: None,
        access: None,
        meta: None,
    });
    Message::Announce(Announce {
        namespace: "/n".into(),
        signals: signals.collect(),
        meta: None,
    })
}

pub(crate) fn query(pattern: &str) -> Message {
    Message::Query(Query {
        pattern: pattern.into(),
    })
}

/// Every value of these messages by kind, address and number: `set`, `snapshot` and `publish`
/// tell how it came.
pub(crate) fn values(messages: &[Message]) -> Vec<(&'static str, String, Value)> {
    let of = |message: &Message| match message {
        Message::Set(set) => vec![("set", set.address.clone(), set.value.clone())],
        Message::Publish(publish) => vec![(
            "publish",
            publish.address.clone(),
            publish.value.clone().unwrap_or(Value::Null),
        )],
        Message::Snapshot(snapshot) => snapshot
            .params
            .iter()
            .map(|param| ("snapshot", param.address.clone(), param.value.clone()))
            .collect(),
        _ => Vec::new(),
    };
    messages.iter().flat_map(of).collect()
}

/// The integers of all messages with a value, in order.
pub(crate) fn numbers(messages: &[Message]) -> Vec<i64> {
    values(messages)
        .iter()
        .filter_map(|(_, _, value)| value.as_i64())
        .collect()
}
