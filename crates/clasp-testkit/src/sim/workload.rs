//! What sessions do: random steps over few addresses, so that they get in each other's way.

use std::collections::{BTreeMap, VecDeque};

use clasp_proto::{
    Binding, Bundle, Get, Message, Phase, Publish, Qos, Set, Signal, Subscribe, SubscribeOptions,
    Ttl, TypeMask, Unsubscribe, Value,
};

use super::link::Reader;
use super::settings::Settings;
use crate::oracle::{Moment, Oracle, Who};
use crate::random::Random;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A session comes.
    Attach { reader: Reader, binding: Binding },
    /// It goes, without a word.
    Detach(Who),
    /// It sends messages that arrive together.
    Send(Who, Vec<Sent>),
    /// A slow reader takes some bytes.
    Read(Who, usize),
    /// Time passes.
    Pass(Moment, Timer),
}

/// A message and the QoS of its frame.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) message: Message,
    pub(super) qos: Qos,
}

/// When the router is told that time passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// At each of its deadlines.
    Exact,
    /// Once, when the time is over.
    Jump,
    /// Only after what happens next.
    Late,
}

/// Who can act, as the generator sees it.
pub(super) struct Present<'a> {
    pub(super) sessions: &'a [(Who, Reader)],
    pub(super) oracle: &'a Oracle,
    pub(super) now: Moment,
    /// What the wall clock is ahead of the steady one.
    pub(super) wall_offset: u64,
}

pub(super) struct Workload {
    random: Random,
    /// Makes every message one of its kind.
    serial: u64,
    bulky: bool,
    with_ttl: bool,
    /// Where streams and numbers with epsilon are.
    walks: BTreeMap<String, f64>,
    /// What happens first.
    opening: VecDeque<Step>,
}

impl Workload {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            random: Random::new(settings.workload_seed),
            serial: 0,
            bulky: settings.bulky,
            with_ttl: settings.with_ttl,
            walks: BTreeMap::new(),
            opening: opening(settings.crowd),
        }
    }

    pub(super) fn step(&mut self, present: &Present<'_>) -> Step {
        if let Some(step) = self.opening.pop_front() {
            return step;
        }
        let sessions = present.sessions;
        match self.random.below(100) {
            0..6 if sessions.len() < SESSIONS_MAX => self.attach(),
            6..8 if sessions.len() > 2 => Step::Detach(self.random.pick(&sessions[1..]).0),
            8..30 => self.pass(),
            30..42 => {
                let slow: Vec<Who> = sessions
                    .iter()
                    .filter(|(_, reader)| *reader == Reader::Slow)
                    .map(|(who, _)| *who)
                    .collect();
                match slow.as_slice() {
                    [] => self.send(present),
                    slow => Step::Read(*self.random.pick(slow), 1 + self.random.below(4000)),
                }
            }
            _ => self.send(present),
        }
    }

    fn attach(&mut self) -> Step {
        let reader = *self.random.pick(&[
            Reader::Prompt,
            Reader::Prompt,
            Reader::Prompt,
            Reader::Slow,
            Reader::Slow,
            Reader::Stuck,
        ]);
        let binding = *self
            .random
            .pick(&[Binding::WebSocket, Binding::Length, Binding::Bare]);
        Step::Attach { reader, binding }
    }

    fn pass(&mut self) -> Step {
        let longest = *self
            .random
            .pick(&[100, 5_000, 40_000, 1_200_000, 4_000_000, 45_000_000]);
        let timer = *self
            .random
            .pick(&[Timer::Exact, Timer::Exact, Timer::Jump, Timer::Late]);
        Step::Pass(1 + self.random.below(longest) as Moment, timer)
    }

    fn send(&mut self, present: &Present<'_>) -> Step {
        let who = self.random.pick(present.sessions).0;
        let most = if self.bulky { 10 } else { 4 };
        let count = 1 + self.random.below(most);
        let sent = (0..count).map(|_| self.sent(who, present)).collect();
        Step::Send(who, sent)
    }

    fn sent(&mut self, who: Who, present: &Present<'_>) -> Sent {
        let message = match self.random.below(100) {
            0..40 => Message::Set(self.set(who, present)),
            40..52 => Message::Publish(self.publish()),
            52..62 => Message::Publish(self.gesture()),
            62..70 => Message::Get(Get {
                address: self.address(),
            }),
            70..84 => Message::Subscribe(self.subscribe()),
            84..88 => Message::Unsubscribe(Unsubscribe {
                id: self.random.below(5) as u32,
            }),
            _ => Message::Bundle(self.bundle(who, present)),
        };
        let qos = *self.random.pick(&[Qos::Fire, Qos::Confirm, Qos::Commit]);
        Sent { message, qos }
    }

    fn set(&mut self, who: Who, present: &Present<'_>) -> Set {
        let address = self.address();
        let held = present.oracle.param(&address, present.now);
        let revision = match self.random.below(12) {
            0 => Some(0),
            1 => Some(self.random.below(4) as u64),
            2 | 3 => Some(held.map_or(0, |param| param.revision)),
            _ => None,
        };
        // Locks are kept short, or nobody would get anything done.
        let holds = held.is_some_and(|param| param.holder == Some(who));
        let lock = self.random.is_one_in(8);
        let unlock = if holds {
            self.random.is_one_in(2)
        } else {
            self.random.is_one_in(20)
        };
        let value = self.value(&address);
        Set {
            value,
            revision,
            lock,
            unlock,
            ttl: self.ttl(),
            address,
        }
    }

    fn ttl(&mut self) -> Option<Ttl> {
        if !self.with_ttl {
            return None;
        }
        let seconds = 1 + self.random.below(30) as u32;
        match self.random.below(8) {
            0 => Some(Ttl::Never),
            1 | 2 => Some(Ttl::Sliding(seconds)),
            3 => Some(Ttl::Absolute(seconds)),
            _ => None,
        }
    }

    fn value(&mut self, address: &str) -> Value {
        self.serial += 1;
        let serial = self.serial as i64;
        if address.starts_with("/map") && !self.random.is_one_in(6) {
            let key = *self.random.pick(&["a", "b", "c"]);
            return Value::Map(BTreeMap::from([(key.to_string(), Value::Int(serial))]));
        }
        if self.bulky && self.random.is_one_in(3) {
            let len = *self.random.pick(&[30, 300, 1100, 3000]);
            return Value::Bytes(vec![serial as u8; len]);
        }
        match self.random.below(8) {
            0 => Value::Null,
            1 => Value::String(format!("text {serial}")),
            2 => Value::Int(self.random.below(100) as i64),
            3 => Value::Bool(serial % 2 == 0),
            _ => Value::Float(self.walk(address)),
        }
    }

    /// A number that mostly stays near the one before.
    fn walk(&mut self, address: &str) -> f64 {
        let step = *self
            .random
            .pick(&[0.125, -0.125, 0.25, -0.25, 2.0, -2.0, 20.0]);
        let value = self.walks.entry(address.to_string()).or_insert(0.0);
        *value += step;
        *value
    }

    fn publish(&mut self) -> Publish {
        let signal = *self
            .random
            .pick(&[Signal::Event, Signal::Event, Signal::Stream]);
        let address = match signal {
            // Streams have addresses of their own: limits of a subscriber count by address.
            Signal::Stream => *self.random.pick(&STREAMS),
            _ => *self.random.pick(&EVENTS),
        };
        let value = self.value(address);
        let address = if self.random.is_one_in(60) {
            "/bad//address"
        } else {
            address
        };
        Publish {
            value: Some(value),
            ..self.stamped(address, signal, Phase::Start)
        }
    }

    fn gesture(&mut self) -> Publish {
        let phase = *self.random.pick(&[
            Phase::Start,
            Phase::Move,
            Phase::Move,
            Phase::Move,
            Phase::Move,
            Phase::End,
            Phase::Cancel,
        ]);
        let address = *self.random.pick(&GESTURES);
        let id = Some(self.random.below(2) as u32);
        let value = Some(Value::Float(self.walk(address)));
        Publish {
            value,
            id,
            ..self.stamped(address, Signal::Gesture, phase)
        }
    }

    /// The time stamp tells every message from every other.
    fn stamped(&mut self, address: &str, signal: Signal, phase: Phase) -> Publish {
        self.serial += 1;
        Publish {
            address: address.to_string(),
            signal: Some(signal),
            phase: Some(phase),
            timestamp: Some(self.serial),
            ..Publish::default()
        }
    }

    fn subscribe(&mut self) -> Subscribe {
        let pattern = match self.random.below(40) {
            0 => "no/slash",
            _ => *self.random.pick(&PATTERNS),
        };
        let types = match self.random.below(5) {
            0 => TypeMask::of(&[Signal::Param]),
            1 => TypeMask::of(&[Signal::Event, Signal::Stream]),
            _ => TypeMask::ALL,
        };
        let max_rate = *self.random.pick(&[None, None, Some(1), Some(10), Some(50)]);
        let epsilon = *self.random.pick(&[None, None, Some(0.2), Some(1.5)]);
        let options = SubscribeOptions {
            max_rate,
            epsilon,
            ..SubscribeOptions::default()
        };
        let id = self.random.below(5) as u32;
        Subscribe {
            id,
            pattern: pattern.to_string(),
            types,
            options,
        }
    }

    fn bundle(&mut self, who: Who, present: &Present<'_>) -> Bundle {
        let now = present.now + present.wall_offset;
        let timestamp = match self.random.below(8) {
            0 => Some(now.saturating_sub(5_000_000)),
            1 => Some(now + self.random.below(3_000) as u64),
            2 | 3 => Some(now + self.random.below(3_000_000) as u64),
            4 if self.random.is_one_in(10) => Some(now + 2 * HOUR),
            _ => None,
        };
        let count = self.random.below(6);
        let messages = (0..count).map(|_| self.member(who, present)).collect();
        Bundle {
            timestamp,
            messages,
        }
    }

    fn member(&mut self, who: Who, present: &Present<'_>) -> Message {
        match self.random.below(30) {
            0 => Message::Get(Get {
                address: self.address(),
            }),
            1 => Message::Bundle(Bundle {
                timestamp: None,
                messages: vec![Message::Set(self.set(who, present))],
            }),
            2..9 => Message::Publish(self.publish()),
            9..12 => Message::Publish(self.gesture()),
            _ => {
                // Where an address that expired starts again is only known when it was written.
                let set = self.set(who, present);
                let revision = set
                    .revision
                    .filter(|revision| !self.with_ttl || *revision == 0);
                Message::Set(Set { revision, ..set })
            }
        }
    }

    fn address(&mut self) -> String {
        let address = match self.random.below(60) {
            0 => *self.random.pick(&["", "/", "x", "/a//b", "/a/*", "/a/"]),
            _ => *self.random.pick(&PARAMS),
        };
        address.to_string()
    }
}

/// The first session sees everything: it knows the revisions that the rules leave open. Then it
/// writes the params of a crowd.
fn opening(crowd: usize) -> VecDeque<Step> {
    let sent = |message| Sent {
        message,
        qos: Qos::Fire,
    };
    let all = Message::Subscribe(Subscribe {
        id: 1000,
        pattern: "/**".into(),
        ..Subscribe::default()
    });
    let param = |number: usize| {
        Message::Set(Set {
            address: format!("/crowd/{number}/{:40}", "").replace(' ', "-"),
            value: Value::Int(number as i64),
            ..Set::default()
        })
    };
    let params: Vec<usize> = (0..crowd).collect();
    let crowd = params.chunks(CROWD_CHUNK);
    let crowd = crowd.map(|chunk| chunk.iter().map(|number| sent(param(*number))).collect());
    let first = Step::Send(0, vec![sent(all)]);
    std::iter::once(first)
        .chain(crowd.map(|sent| Step::Send(0, sent)))
        .collect()
}

/// Params of a crowd that are written in one step.
const CROWD_CHUNK: usize = 500;
const SESSIONS_MAX: usize = 8;
const HOUR: u64 = 3_600_000_000;

const PARAMS: [&str; 14] = [
    "/a/0", "/a/1", "/a/2", "/a/b/c", "/x/1/y", "/x/2/y", "/0", "/max/0", "/min/0", "/map/0",
    "/map/1", "/lock/0", "/t/0", "/t/1",
];
const EVENTS: [&str; 4] = ["/e/0", "/e/1", "/a/b/c", "/x/1/y"];
const STREAMS: [&str; 3] = ["/s/0", "/s/1", "/s/2"];
const GESTURES: [&str; 2] = ["/g/0", "/g/1"];
const PATTERNS: [&str; 18] = [
    "/**", "/**", "/a/*", "/a/**", "/a/b*/c", "/x/*/y", "/*/0", "/s/*", "/s/1", "/g/**", "/e/*",
    "/a/0", "/**/c", "/m*/0", "/t/**", "/**/*", "/*", "/map/**",
];
