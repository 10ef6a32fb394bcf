//! The session machine without a socket: frames in, frames and events out.

use clasp_proto::{
    Ack, Code, ErrorMessage, Features, Phase, QueryResult, Signal, Snapshot, SubscribeOptions,
    TypeMask, Value,
};

use super::*;
use crate::limits::{SUBSCRIBE_TRIES_MAX, UNCONFIRMED_MAX};

/// A session and what the router at its other end would see.
struct Harness {
    session: Session,
    cache: Cache,
    now: u64,
}

impl Harness {
    /// A session that was welcomed and told what there is.
    fn ready() -> Self {
        let mut harness = Self::welcomed();
        harness.request(Request::Sync, 0);
        harness.answer_barrier();
        harness.events();
        harness
    }

    /// A session that has just been welcomed.
    fn welcomed() -> Self {
        let greeting = Hello {
            version: 1,
            name: "test".to_owned(),
            ..Hello::default()
        };
        let mut harness = Self {
            session: Session::new(greeting),
            cache: Cache::new(100),
            now: 1_000,
        };
        harness.welcome();
        harness.events();
        harness
    }

    fn welcome(&mut self) {
        self.session.connected().unwrap();
        assert!(matches!(self.sent().as_slice(), [Message::Hello(_)]));
        self.receive(Message::Welcome(Welcome {
            version: 1,
            features: Features::SIGNALS,
            time: 5_000,
            session: "s".to_owned(),
            name: "router".to_owned(),
            token: None,
        }));
    }

    fn request(&mut self, request: Request, ticket: u64) {
        let ticket = Some(Ticket(ticket));
        self.session.request(request, ticket, self.now).unwrap();
    }

    /// Everything sent since the last time, as messages.
    fn sent(&mut self) -> Vec<Message> {
        self.now += 10;
        let frames = self.session.take_outgoing(self.now);
        let messages = frames.iter().map(|frame| wire::read(frame).unwrap());
        messages.collect()
    }

    /// Sends what is to be sent and answers the barrier at its end.
    fn answer_barrier(&mut self) {
        let sent = self.sent();
        let Some(Message::Sync(sync)) = sent.last() else {
            panic!("expected a SYNC at the end of {sent:?}");
        };
        self.receive(reply(sync));
    }

    /// A request that nobody asks about.
    fn unconfirmed(&mut self, request: Request) {
        self.session.request(request, None, self.now).unwrap();
    }

    /// Lets the time pass after which the session tries again, and tells which subscriptions it sends.
    fn subscribed_again(&mut self) -> Vec<u32> {
        self.now += 1_100_000;
        let ids = self.sent().into_iter().filter_map(|message| match message {
            Message::Subscribe(subscribe) => Some(subscribe.id),
            _ => None,
        });
        ids.collect()
    }

    /// Sessions that lose subscriptions: one that is connected again and has sent those of these patterns.
    fn reconnected(patterns: &[&str]) -> Self {
        let mut harness = Self::ready();
        for (id, pattern) in (1..).zip(patterns) {
            harness.request(subscribe(id, pattern, TypeMask::ALL), u64::from(id));
        }
        harness.answer_barrier();
        harness.session.disconnected();
        harness.welcome();
        harness.events();
        harness
    }

    fn receive(&mut self, message: Message) {
        self.now += 10;
        let frame = wire::write(&message, Qos::Fire).unwrap();
        self.session
            .receive(&frame, self.now, &mut self.cache)
            .unwrap();
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.next_event())
            .filter(|event| !matches!(event, Event::ClockRead(_)))
            .collect()
    }

    /// Receives a message and checks what comes of it.
    fn check(&mut self, message: Message, expected: &[Event]) {
        let text = format!("{message:?}");
        self.receive(message);
        assert_eq!(self.events(), expected, "{text}");
    }
}

fn reply(sync: &Sync) -> Message {
    Message::Sync(Sync {
        t1: sync.t1,
        t2: Some(7_000),
        t3: Some(7_000),
    })
}

fn set(address: &str) -> Request {
    Request::Set(live(address, 1, None))
}

fn live(address: &str, value: i64, revision: Option<u64>) -> Set {
    Set {
        address: address.to_owned(),
        value: Value::Int(value),
        revision,
        ..Set::default()
    }
}

fn publish(address: &str, signal: Signal) -> Publish {
    Publish {
        address: address.to_owned(),
        signal: Some(signal),
        value: Some(Value::Int(1)),
        ..Publish::default()
    }
}

fn subscribe(id: u32, pattern: &str, types: TypeMask) -> Request {
    let message = Subscribe {
        id,
        pattern: pattern.to_owned(),
        types,
        options: SubscribeOptions::default(),
    };
    Request::Subscribe(message, Pattern::parse(pattern).unwrap())
}

fn param(address: &str, value: i64, revision: u64) -> Param {
    Param {
        address: address.to_owned(),
        value: Value::Int(value),
        revision,
        writer: Some("w".to_owned()),
        timestamp: Some(9),
    }
}

fn snapshot(params: &[(&str, i64, u64)]) -> Message {
    let params = params
        .iter()
        .map(|&(address, value, revision)| param(address, value, revision));
    Message::Snapshot(Snapshot {
        params: params.collect(),
    })
}

fn ack(address: Option<&str>, revision: Option<u64>) -> Message {
    Message::Ack(Ack {
        address: address.map(str::to_owned),
        revision,
        ..Ack::default()
    })
}

fn error(code: Code, address: Option<&str>) -> Message {
    Message::Error(ErrorMessage {
        code: code.number(),
        message: "no".to_owned(),
        address: address.map(str::to_owned),
        correlation_id: None,
    })
}

fn refusal(code: Code, address: Option<&str>) -> Refusal {
    Refusal {
        code: code.number(),
        message: "no".to_owned(),
        address: address.map(str::to_owned),
    }
}

fn accepted(ticket: u64, revision: Option<u64>) -> Event {
    Event::Answered {
        ticket: Ticket(ticket),
        outcome: Ok(Answer::Accepted { revision }),
    }
}

fn refused(ticket: u64, code: Code, address: Option<&str>) -> Event {
    Event::Answered {
        ticket: Ticket(ticket),
        outcome: Err(refusal(code, address)),
    }
}

/// Of the updates among the events: subscriptions, address and value.
fn updates<'a>(events: &'a [Event]) -> Vec<(Vec<u32>, &'a str, i64)> {
    let update = |event: &'a Event| match event {
        Event::Updated {
            subscriptions,
            update,
        } => match update.value {
            Value::Int(value) => Some((subscriptions.clone(), update.address.as_str(), value)),
            _ => None,
        },
        _ => None,
    };
    events.iter().filter_map(update).collect()
}

#[test]
fn hello_is_answered_by_welcome() {
    let mut harness = Harness::welcomed();
    assert_eq!(harness.session.clock().offset_us, 5_000.0 - 1_020.0);
    assert!(harness.sent().is_empty());
}

#[test]
fn an_error_before_welcome_rejects_and_other_frames_are_ignored() {
    let mut harness = Harness::ready();
    harness.session.disconnected();
    harness.session.connected().unwrap();
    harness.check(snapshot(&[("/a", 1, 1)]), &[]);
    let rejected = Event::Rejected(refusal(Code::Unauthorized, None));
    harness.check(error(Code::Unauthorized, None), &[rejected]);
}

#[test]
fn acks_answer_sets_of_their_address_in_order() {
    let mut harness = Harness::ready();
    for (address, ticket) in [("/a", 1), ("/b", 2), ("/a", 3)] {
        harness.request(set(address), ticket);
    }
    assert_eq!(harness.sent().len(), 3);
    harness.check(ack(Some("/b"), Some(7)), &[accepted(2, Some(7))]);
    harness.check(ack(Some("/a"), Some(1)), &[accepted(1, Some(1))]);
    harness.check(ack(Some("/a"), Some(2)), &[accepted(3, Some(2))]);
    harness.check(ack(Some("/a"), Some(3)), &[]);
}

#[test]
fn a_bundle_is_answered_by_an_ack_without_address_or_an_error_of_a_member() {
    let mut harness = Harness::ready();
    let bundle = Bundle {
        timestamp: None,
        messages: vec![
            Message::Set(live("/a", 1, None)),
            Message::Publish(publish("/e", Signal::Event)),
        ],
    };
    harness.request(Request::Bundle(bundle.clone()), 1);
    harness.request(Request::Bundle(bundle), 2);
    harness.sent();
    harness.check(ack(None, Some(4)), &[accepted(1, Some(4))]);
    let expected = refused(2, Code::Forbidden, Some("/e"));
    harness.check(error(Code::Forbidden, Some("/e")), &[expected]);
}

fn bundle_at(router_time: Option<u64>) -> Request {
    Request::Bundle(Bundle {
        timestamp: router_time,
        messages: vec![Message::Set(live("/a", 1, None))],
    })
}

// protocol/router.md 9.5
#[test]
fn acks_of_bundles_come_when_their_time_has() {
    let mut harness = Harness::ready();
    for (ticket, at) in [(1, Some(90_000)), (2, Some(80_000)), (3, None), (4, None)] {
        harness.request(bundle_at(at), ticket);
    }
    for ticket in [3, 4, 2, 1] {
        harness.check(ack(None, Some(ticket)), &[accepted(ticket, Some(ticket))]);
    }
}

#[test]
fn an_abandoned_bundle_takes_its_ack_when_its_time_comes() {
    let mut harness = Harness::ready();
    harness.request(bundle_at(Some(80_000)), 1);
    harness.session.abandon(Ticket(1));
    harness.answer_barrier();
    harness.request(bundle_at(Some(90_000)), 2);
    // The driver knows that nobody waits for this one.
    harness.check(ack(None, Some(7)), &[accepted(1, Some(7))]);
    harness.check(ack(None, Some(8)), &[accepted(2, Some(8))]);
}

#[test]
fn errors_go_to_the_request_that_can_have_failed_so() {
    let mut harness = Harness::ready();
    harness.request(Request::Publish(publish("/a", Signal::Event)), 1);
    harness.request(Request::Get("/a".to_owned()), 2);
    harness.request(set("/a"), 3);
    harness.sent();
    let cases = [
        (Code::LockHeld, 3),
        (Code::AddressNotFound, 2),
        (Code::Forbidden, 1),
    ];
    for (code, ticket) in cases {
        harness.check(
            error(code, Some("/a")),
            &[refused(ticket, code, Some("/a"))],
        );
    }
    let unclaimed = Event::Unclaimed(refusal(Code::Forbidden, Some("/a")));
    harness.check(error(Code::Forbidden, Some("/a")), &[unclaimed]);
}

#[test]
fn a_dropped_frame_is_the_oldest_without_an_answer() {
    let mut harness = Harness::ready();
    harness.request(set("/a"), 1);
    harness.request(set("/b"), 2);
    harness.sent();
    for about_session in [Code::Unavailable, Code::Timeout, Code::Overloaded] {
        let unclaimed = Event::Unclaimed(refusal(about_session, None));
        harness.check(error(about_session, None), &[unclaimed]);
    }
    harness.check(
        error(Code::RateLimited, None),
        &[refused(1, Code::RateLimited, None)],
    );
}

#[test]
fn get_is_answered_by_a_snapshot_of_one_param() {
    let mut harness = Harness::ready();
    harness.request(Request::Get("/a".to_owned()), 1);
    harness.sent();
    harness.check(snapshot(&[("/a", 1, 1), ("/b", 2, 1)]), &[]);
    let answer = Event::Answered {
        ticket: Ticket(1),
        outcome: Ok(Answer::Param(param("/a", 3, 2))),
    };
    harness.check(snapshot(&[("/a", 3, 2)]), &[answer]);
    assert_eq!(harness.cache.param("/a"), Some(param("/a", 3, 2)));
    assert_eq!(harness.cache.param("/b"), Some(param("/b", 2, 1)));
}

#[test]
fn what_has_no_answer_is_settled_by_one_barrier() {
    let mut harness = Harness::ready();
    harness.request(Request::Publish(publish("/e", Signal::Event)), 1);
    harness.request(subscribe(1, "/a/**", TypeMask::ALL), 2);
    harness.request(set("/a"), 3);
    harness.answer_barrier();
    assert_eq!(harness.events(), [accepted(1, None), accepted(2, None)]);
    harness.check(ack(Some("/a"), Some(1)), &[accepted(3, Some(1))]);
}

#[test]
fn a_barrier_settles_nothing_sent_after_it() {
    let mut harness = Harness::ready();
    harness.request(Request::Publish(publish("/e", Signal::Event)), 1);
    let first = harness.sent();
    harness.request(Request::Publish(publish("/e", Signal::Event)), 2);
    let second = harness.sent();
    let (Some(Message::Sync(first)), Some(Message::Sync(second))) = (first.last(), second.last())
    else {
        panic!("both end in a barrier");
    };
    assert!(first.t1 < second.t1);
    harness.check(reply(first), &[accepted(1, None)]);
    harness.check(reply(first), &[]);
    harness.check(reply(second), &[accepted(2, None)]);
}

#[test]
fn a_query_gathers_results_until_its_barrier() {
    let mut harness = Harness::ready();
    harness.request(Request::Query("/a/**".to_owned()), 1);
    let signal = |address: &str| SignalDefinition {
        address: address.to_owned(),
        signal: Signal::Param,
        datatype: None,
        access: None,
        meta: None,
    };
    let sent = harness.sent();
    for address in ["/a/1", "/a/2"] {
        let signals = vec![signal(address)];
        harness.check(Message::Result(QueryResult { signals }), &[]);
    }
    let Some(Message::Sync(sync)) = sent.last() else {
        panic!("a query ends in a barrier");
    };
    let outcome = Ok(Answer::Signals(vec![signal("/a/1"), signal("/a/2")]));
    let ticket = Ticket(1);
    harness.check(reply(sync), &[Event::Answered { ticket, outcome }]);
}

#[test]
fn results_of_two_queries_are_not_mixed() {
    let mut harness = Harness::ready();
    harness.request(Request::Query("/a/**".to_owned()), 1);
    harness.request(Request::Query("/b/**".to_owned()), 2);
    let sent = harness.sent();
    let [
        Message::Query(_),
        Message::Sync(first),
        Message::Query(_),
        Message::Sync(second),
    ] = sent.as_slice()
    else {
        panic!("{sent:?}");
    };
    assert!(first.t1 < second.t1);
}

#[test]
fn sync_reads_the_clock() {
    let mut harness = Harness::ready();
    harness.request(Request::Sync, 1);
    harness.answer_barrier();
    let events = harness.events();
    let [
        Event::Answered {
            outcome: Ok(Answer::Clock(reading)),
            ..
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(reading.round_trip_us, 10.0);
}

#[test]
fn an_abandoned_set_does_not_take_the_next_answer() {
    let mut harness = Harness::ready();
    harness.request(set("/a"), 1);
    harness.sent();
    harness.session.abandon(Ticket(1));
    // The router dropped that set: after the barrier it is forgotten.
    harness.answer_barrier();
    harness.request(set("/a"), 2);
    harness.sent();
    harness.check(ack(Some("/a"), Some(1)), &[accepted(2, Some(1))]);
}

#[test]
fn a_router_that_drops_frames_owes_no_late_answers() {
    let mut harness = Harness::ready();
    harness.request(set("/a"), 1);
    harness.request(set("/a"), 2);
    harness.sent();
    harness.session.abandon(Ticket(1));
    let refused = refused(2, Code::RateLimited, None);
    harness.check(error(Code::RateLimited, None), &[refused]);
    harness.request(set("/a"), 3);
    harness.session.abandon(Ticket(3));
    harness.request(set("/a"), 4);
    harness.check(ack(Some("/a"), Some(1)), &[accepted(4, Some(1))]);
}

#[test]
fn silence_is_no_consent_while_frames_are_dropped() {
    let mut harness = Harness::ready();
    let unclaimed = Event::Unclaimed(refusal(Code::RateLimited, None));
    harness.check(error(Code::RateLimited, None), &[unclaimed]);
    let emit = Request::Publish(publish("/e", Signal::Event));
    for (later, is_accepted) in [(0, false), (1_000_000, true)] {
        harness.now += later;
        harness.request(emit.clone(), 1);
        harness.request(subscribe(1, "/a", TypeMask::ALL), 2);
        harness.answer_barrier();
        let outcomes: Vec<bool> = harness
            .events()
            .iter()
            .map(|event| matches!(event, Event::Answered { outcome: Ok(_), .. }))
            .collect();
        assert_eq!(outcomes, [is_accepted; 2]);
    }
}

#[test]
fn an_abandoned_set_takes_its_own_late_answer() {
    let mut harness = Harness::ready();
    harness.request(set("/a"), 1);
    harness.session.abandon(Ticket(1));
    harness.request(set("/a"), 2);
    harness.sent();
    harness.receive(ack(Some("/a"), Some(1)));
    harness.events();
    harness.check(ack(Some("/a"), Some(2)), &[accepted(2, Some(2))]);
}

#[test]
fn updates_reach_the_subscriptions_that_match_once() {
    let mut harness = Harness::ready();
    harness.request(subscribe(1, "/a/**", TypeMask::ALL), 1);
    harness.request(subscribe(2, "/a/*", TypeMask::of(&[Signal::Event])), 2);
    harness.answer_barrier();
    harness.events();
    let cases = [
        (
            Message::Set(live("/a/b", 5, Some(1))),
            vec![(vec![1], "/a/b", 5)],
        ),
        (snapshot(&[("/a/b", 5, 1)]), vec![]),
        (
            snapshot(&[("/a/b", 6, 2), ("/b", 1, 1)]),
            vec![(vec![1], "/a/b", 6)],
        ),
        (
            Message::Publish(publish("/a/b", Signal::Event)),
            vec![(vec![1, 2], "/a/b", 1)],
        ),
        (
            Message::Publish(publish("/a", Signal::Event)),
            vec![(vec![1], "/a", 1)],
        ),
        (Message::Publish(publish("/b", Signal::Event)), vec![]),
    ];
    for (message, expected) in cases {
        let text = format!("{message:?}");
        harness.receive(message);
        assert_eq!(updates(&harness.events()), expected, "{text}");
    }
}

#[test]
fn samples_and_phases_are_told() {
    let mut harness = Harness::ready();
    harness.request(subscribe(1, "/**", TypeMask::ALL), 1);
    harness.answer_barrier();
    harness.events();
    let samples = Publish {
        samples: Some(vec![0.5, 1.0]),
        value: None,
        ..publish("/s", Signal::Stream)
    };
    let gesture = Publish {
        phase: Some(Phase::Move),
        id: Some(3),
        ..publish("/g", Signal::Gesture)
    };
    harness.receive(Message::Publish(samples));
    harness.receive(Message::Publish(gesture));
    let events = harness.events();
    let [
        Event::Updated {
            update: samples, ..
        },
        Event::Updated {
            update: gesture, ..
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        samples.value,
        Value::Array(vec![Value::Float(0.5), Value::Float(1.0)])
    );
    assert_eq!((samples.phase, samples.gesture), (None, None));
    assert_eq!(
        (gesture.phase, gesture.gesture),
        (Some(Phase::Move), Some(3))
    );
}

#[test]
fn after_a_reconnect_subscriptions_are_taken_up_with_the_same_ids() {
    let mut harness = Harness::ready();
    harness.request(subscribe(4, "/a/**", TypeMask::ALL), 1);
    harness.request(subscribe(7, "/b", TypeMask::ALL), 2);
    let unsubscribe = Request::Unsubscribe(7);
    harness.session.request(unsubscribe, None, 1_500).unwrap();
    harness.request(set("/a"), 3);
    harness.answer_barrier();
    harness.receive(Message::Set(live("/a", 5, Some(1))));
    harness.events();

    harness.session.disconnected();
    assert_eq!(harness.events(), [Event::Lost(Ticket(3))]);
    harness.welcome();
    let sent = harness.sent();
    let [Message::Subscribe(again), Message::Sync(_)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!((again.id, again.pattern.as_str()), (4, "/a/**"));
    harness.events();
    // The same value again is no news, another one is, also when the router counts revisions from the beginning.
    harness.check(snapshot(&[("/a", 5, 1)]), &[]);
    harness.receive(snapshot(&[("/a", 6, 1)]));
    assert_eq!(updates(&harness.events()), [(vec![4], "/a", 6)]);
}

#[test]
fn a_subscription_refused_after_a_reconnect_ends() {
    let mut harness = Harness::ready();
    harness.request(subscribe(1, "/a", TypeMask::ALL), 1);
    harness.answer_barrier();
    harness.session.disconnected();
    harness.welcome();
    harness.sent();
    harness.events();
    let ended = Event::SubscriptionRefused {
        id: 1,
        refusal: refusal(Code::Forbidden, Some("/a")),
    };
    harness.check(error(Code::Forbidden, Some("/a")), &[ended]);
    harness.check(Message::Set(live("/a", 1, Some(1))), &[]);
}

#[test]
fn sets_nobody_asks_about_are_sent_without_a_wish_for_an_ack() {
    let mut harness = Harness::ready();
    harness.unconfirmed(set("/a"));
    harness.request(set("/b"), 1);
    let frames = harness.session.take_outgoing(2_000);
    let qos = frames.iter().map(|frame| frame[1] >> 6);
    assert_eq!(qos.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn ping_is_answered_and_nonsense_is_an_error_that_ends_nothing() {
    let mut harness = Harness::ready();
    harness.check(Message::Ping, &[]);
    assert_eq!(harness.sent(), [Message::Pong]);
    let nonsense = [
        &b"S\x01\x00\x05\x21\x07"[..],
        b"",
        b"X\x01\x00\x00",
        b"S\x01\x00\x01\xFF",
    ];
    for frame in nonsense {
        let read = harness.session.receive(frame, 1, &mut harness.cache);
        assert!(read.is_err(), "{frame:?}");
    }
    harness.check(Message::Ping, &[]);
    assert_eq!(harness.sent(), [Message::Pong]);
}

// protocol/router.md 15.2
#[test]
fn what_a_router_may_have_dropped_is_subscribed_again() {
    let mut harness = Harness::reconnected(&["/a", "/b", "/c"]);
    assert_eq!(harness.sent().len(), 4);
    for address in [Some("/b"), None] {
        let unclaimed = Event::Unclaimed(refusal(Code::RateLimited, address));
        harness.check(error(Code::RateLimited, address), &[unclaimed]);
    }
    // The one that was refused by name, and a barrier in place of the one that was dropped too.
    harness.now += 1_100_000;
    let sent = harness.sent();
    let [Message::Subscribe(named), Message::Sync(sync)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(named.id, 2);
    harness.check(reply(sync), &[]);
    assert_eq!(harness.subscribed_again(), [1, 3]);
    harness.request(Request::Sync, 9);
    harness.answer_barrier();
    harness.events();
    assert!(harness.subscribed_again().is_empty());
    assert_eq!(harness.session.again_due(), None);
}

#[test]
fn subscriptions_that_ended_are_not_sent_again() {
    let mut harness = Harness::reconnected(&["/a", "/b"]);
    harness.receive(error(Code::RateLimited, None));
    harness.answer_barrier();
    harness.unconfirmed(Request::Unsubscribe(1));
    harness.sent();
    assert_eq!(harness.subscribed_again(), [2]);
    harness.session.disconnected();
    assert_eq!(harness.session.again_due(), None);
}

#[test]
fn a_subscription_that_is_always_refused_ends() {
    let mut harness = Harness::reconnected(&["/a"]);
    harness.sent();
    for _ in 1..SUBSCRIBE_TRIES_MAX {
        let unclaimed = Event::Unclaimed(refusal(Code::RateLimited, Some("/a")));
        harness.check(error(Code::RateLimited, Some("/a")), &[unclaimed]);
        assert_eq!(harness.subscribed_again(), [1]);
    }
    let ended = Event::SubscriptionRefused {
        id: 1,
        refusal: refusal(Code::RateLimited, Some("/a")),
    };
    harness.check(error(Code::RateLimited, Some("/a")), &[ended]);
    assert!(harness.subscribed_again().is_empty());
}

#[test]
fn a_barrier_that_was_dropped_is_sent_again() {
    let mut harness = Harness::ready();
    harness.request(Request::Sync, 1);
    assert_eq!(harness.sent().len(), 1);
    let unclaimed = Event::Unclaimed(refusal(Code::RateLimited, None));
    harness.check(error(Code::RateLimited, None), &[unclaimed]);
    assert!(harness.sent().is_empty());
    harness.now += 1_100_000;
    harness.answer_barrier();
    assert!(matches!(
        harness.events().as_slice(),
        [Event::Answered {
            ticket: Ticket(1),
            outcome: Ok(Answer::Clock(_))
        }]
    ));
    assert_eq!(harness.session.again_due(), None);
}

#[test]
fn a_barrier_sent_while_frames_are_dropped_is_sent_again_without_another_error() {
    let mut harness = Harness::ready();
    harness.receive(error(Code::RateLimited, None));
    harness.now += 1_000_000 - 100;
    harness.request(Request::Sync, 1);
    harness.sent();
    harness.now += 200_000;
    assert!(matches!(harness.sent().as_slice(), [Message::Sync(_)]));
    // That one is beyond doubt.
    assert_eq!(harness.session.again_due(), None);
}

/// Sends something nobody asks about and a set of /a that somebody does, and tells what goes out.
fn refusals_apart(unasked: Request) -> (Harness, Vec<Message>) {
    let mut harness = Harness::ready();
    harness.unconfirmed(unasked);
    harness.request(set("/a"), 1);
    let sent = harness.sent();
    (harness, sent)
}

// protocol/router.md 6.16
#[test]
fn refusals_of_what_nobody_asks_about_meet_nobody() {
    let invalid = || error(Code::InvalidValue, Some("/a"));
    let unclaimed = Event::Unclaimed(refusal(Code::InvalidValue, Some("/a")));
    let (mut harness, sent) = refusals_apart(set("/a"));
    let [Message::Set(_), Message::Sync(sync), Message::Set(_)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    harness.check(invalid(), &[unclaimed]);
    harness.check(reply(sync), &[]);
    harness.check(invalid(), &[refused(1, Code::InvalidValue, Some("/a"))]);

    // Without a refusal of the first, the barrier tells that the second is meant.
    let (mut harness, sent) = refusals_apart(set("/a"));
    let Some(Message::Sync(sync)) = sent.get(1) else {
        panic!("{sent:?}");
    };
    harness.check(reply(sync), &[]);
    harness.check(invalid(), &[refused(1, Code::InvalidValue, Some("/a"))]);
}

#[test]
fn only_what_could_be_mistaken_is_kept_apart() {
    let others = [set("/b"), Request::Publish(publish("/a/b", Signal::Stream))];
    for other in others {
        let (mut harness, sent) = refusals_apart(other);
        assert_eq!(sent.len(), 2, "{sent:?}");
        let refused = refused(1, Code::InvalidValue, Some("/a"));
        harness.check(error(Code::InvalidValue, Some("/a")), &[refused]);
    }
    // A publication is not refused with these; a set that came before is.
    let (mut harness, _) = refusals_apart(Request::Publish(publish("/a", Signal::Stream)));
    harness.unconfirmed(set("/a"));
    harness.check(
        error(Code::LockHeld, Some("/a")),
        &[refused(1, Code::LockHeld, Some("/a"))],
    );
}

#[test]
fn no_more_of_what_nobody_asks_about_is_kept_than_is_under_way() {
    let mut harness = Harness::ready();
    harness.unconfirmed(set("/a"));
    for _ in 0..UNCONFIRMED_MAX {
        harness.unconfirmed(set("/b"));
    }
    harness.sent();
    harness.request(set("/a"), 1);
    assert_eq!(harness.sent().len(), 1);
    assert!(harness.session.has_room());
}

// protocol/router.md 5.2, 7.1
#[test]
fn get_is_not_answered_by_the_snapshot_of_a_subscription() {
    let mut harness = Harness::ready();
    harness.request(subscribe(1, "/a/**", TypeMask::ALL), 1);
    harness.request(Request::Get("/a/b".to_owned()), 2);
    let sent = harness.sent();
    let [Message::Subscribe(_), Message::Sync(sync), Message::Get(_)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    harness.receive(snapshot(&[("/a/b", 1, 1)]));
    assert_eq!(updates(&harness.events()), [(vec![1], "/a/b", 1)]);
    harness.check(reply(sync), &[accepted(1, None)]);
    harness.receive(snapshot(&[("/a/b", 2, 2)]));
    let answer = Event::Answered {
        ticket: Ticket(2),
        outcome: Ok(Answer::Param(param("/a/b", 2, 2))),
    };
    assert_eq!(harness.events().first(), Some(&answer));
}

#[test]
fn get_is_not_answered_by_the_snapshot_of_the_greeting() {
    let mut harness = Harness::welcomed();
    harness.request(Request::Get("/a".to_owned()), 1);
    harness.request(Request::Get("/a".to_owned()), 2);
    let sent = harness.sent();
    let [Message::Sync(sync), Message::Get(_), Message::Get(_)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    harness.check(snapshot(&[("/a", 1, 1)]), &[]);
    harness.check(reply(sync), &[]);
    for ticket in [1, 2] {
        let answer = Event::Answered {
            ticket: Ticket(ticket),
            outcome: Ok(Answer::Param(param("/a", 2, 2))),
        };
        harness.check(snapshot(&[("/a", 2, 2)]), &[answer]);
    }
}

#[test]
fn get_waits_for_no_barrier_that_it_does_not_need() {
    let mut harness = Harness::ready();
    harness.request(subscribe(1, "/a/**", TypeMask::ALL), 1);
    harness.request(Request::Get("/b".to_owned()), 2);
    let sent = harness.sent();
    assert!(
        matches!(
            sent.as_slice(),
            [Message::Subscribe(_), Message::Get(_), Message::Sync(_)]
        ),
        "{sent:?}"
    );
    // A barrier that was dropped is not waited for.
    let mut harness = Harness::welcomed();
    harness.request(Request::Get("/a".to_owned()), 1);
    harness.request(Request::Publish(publish("/e", Signal::Event)), 2);
    harness.sent();
    harness.receive(error(Code::RateLimited, Some("/e")));
    harness.events();
    let answer = Event::Answered {
        ticket: Ticket(1),
        outcome: Ok(Answer::Param(param("/a", 1, 1))),
    };
    harness.check(snapshot(&[("/a", 1, 1)]), &[answer]);
}

proptest::proptest! {
    /// Whatever a router sends after its welcome, and whatever was asked before: no panic, no growth beyond the bounds.
    #[test]
    fn no_frame_is_too_odd(frames in proptest::collection::vec(odd_frame(), 0..20)) {
        let mut harness = Harness::ready();
        harness.request(subscribe(1, "/**", TypeMask::ALL), 1);
        harness.request(Request::Query("/**".to_owned()), 2);
        harness.request(set("/a"), 3);
        harness.request(Request::Get("/a".to_owned()), 4);
        harness.sent();
        for frame in frames {
            // An error is as good as an event here.
            harness.session.receive(&frame, 2_000, &mut harness.cache).ok();
            proptest::prop_assert!(harness.session.has_room());
        }
        harness.session.disconnected();
        harness.events();
    }
}

/// A frame of any message type with any bytes behind it, short enough to be well formed now and then.
fn odd_frame() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let types = [
        0x02_u8, 0x20, 0x21, 0x23, 0x30, 0x40, 0x41, 0x50, 0x51, 0x61, 0x82,
    ];
    let bytes = prop_oneof![Just(0_u8), Just(1), Just(b'/'), Just(b'a'), any::<u8>()];
    let payload = (
        proptest::sample::select(types.to_vec()),
        proptest::collection::vec(bytes, 0..24),
    );
    payload.prop_map(|(kind, rest)| {
        let length = u8::try_from(rest.len() + 1).expect("at most 24 bytes and one");
        [&[b'S', 1, 0, length, kind], rest.as_slice()].concat()
    })
}

#[test]
fn a_full_queue_of_answers_takes_no_more_requests() {
    let mut harness = Harness::ready();
    for ticket in 0..PENDING_MAX as u64 {
        assert!(harness.session.has_room());
        harness.request(set("/a"), ticket);
    }
    assert!(!harness.session.has_room());
    harness.receive(ack(Some("/a"), Some(1)));
    assert!(harness.session.has_room());
}
