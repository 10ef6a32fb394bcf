//! Patterns, which mean the same wherever they are used (protocol/router.md 4).

use std::sync::Arc;
use std::time::{Duration, Instant};

use clasp_proto::{Code, Message, Pattern, Signal, Value};
use clasp_router::Session;

use crate::stage::{Stage, announce, publish, query, set, subscribe, values};

/// Live delivery, the snapshot of a subscription and QUERY agree on what matches.
fn check(pattern: &str, address: &str, matches: bool) {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let expected = usize::from(matches);
    let live = stage.reader("live", pattern);
    stage.send(&writer, &set(address, 1)).unwrap();
    stage
        .send(&writer, &announce([address.to_owned()]))
        .unwrap();
    let late = stage.session("late");
    stage.send(&late, &subscribe(1, pattern)).unwrap();
    for (session, way) in [(&live, "set"), (&late, "snapshot")] {
        let found = values(&stage.received(session));
        assert_eq!(found.len(), expected, "{way} of {pattern} for {address}");
        assert!(found.iter().all(|(found, ..)| *found == way));
    }
    stage.received(&writer);
    stage.send(&writer, &query(pattern)).unwrap();
    let told = stage.received(&writer);
    let [Message::Result(result)] = &told[..] else {
        unreachable!("QUERY is always answered, here with {told:?}")
    };
    assert_eq!(result.signals.len(), expected, "QUERY {pattern} {address}");
}

// protocol/router.md 4.1, 4.2, 4.3, 4.4, 4.5
#[test]
fn live_delivery_snapshot_and_query_agree() {
    for (pattern, address, matches) in [
        ("/a/**", "/a", true),
        ("/a/**", "/a/b", true),
        ("/a/**", "/a/b/c", true),
        ("/a/**", "/ab", false),
        ("/a/**/c", "/a/c", true),
        ("/a/**/c", "/a/b/b/c", true),
        ("/a/**/c", "/a/b/b/cc", false),
        ("/**", "/a", true),
        ("/**", "/a/b", true),
        ("/*", "/a", true),
        ("/*", "/a/b", false),
        ("/a/*", "/a", false),
        ("/a/*", "/a/b/c", false),
        ("/a/b*", "/a/bcd", true),
        ("/a/b*", "/a/b", true),
        ("/a/b*", "/a/c", false),
        ("/a/b**", "/a/bcd", true),
        ("/a/b**", "/a/bcd/e", false),
        ("/a/b*d", "/a/bcd", true),
        ("/a/b*d", "/a/bcde", false),
        ("/**/x/**", "/x", true),
        ("/a/**/**", "/a", true),
        ("/a/*/**", "/a/b", true),
        ("/a/*/**", "/a", false),
        ("/**/*", "/a", true),
        ("/a/[bc]/*", "/a/b/q", false),
        ("/a/[bc]/*", "/a/[bc]/q", true),
        ("/a/?", "/a/b", false),
        ("/a/?", "/a/?", true),
        ("/a/{x,y}/*", "/a/x/q", false),
        ("/a/{x,y}/*", "/a/{x,y}/q", true),
        ("/a/(*", "/a/(b", true),
        ("/a/!b", "/a/c", false),
        ("/a/\\*", "/a/\\b", true),
        ("/a.c", "/abc", false),
    ] {
        check(pattern, address, matches);
    }
}

/// Subscriptions of as many sessions as they need.
fn subscribe_all(stage: &mut Stage, patterns: impl Iterator<Item = String>) -> Vec<Arc<Session>> {
    let mut sessions: Vec<Arc<Session>> = Vec::new();
    for (count, pattern) in patterns.enumerate() {
        if count % 1000 == 0 {
            sessions.push(stage.session(&format!("s{count}")));
        }
        let session = sessions.last().expect("the first pattern made one");
        stage
            .send(session, &subscribe(count as u32, &pattern))
            .unwrap();
    }
    sessions
}

// protocol/router.md 4.7: once this took seconds, under the lock of all subscriptions
#[test]
fn many_globstars_against_a_deep_address_cost_nothing_to_speak_of() {
    let mut stage = Stage::with(|config| config.sessions_max = 0);
    let writer = stage.session("w");
    let forms = ["/**/a", "/**/a/*", "/**/a*", "/**/*"];
    let patterns = (0..2000).map(|count| format!("{}/b{count}", forms[count % 4].repeat(7)));
    let readers = subscribe_all(&mut stage, patterns);
    let address = "/a".repeat(64);
    let begin = Instant::now();
    stage.send(&writer, &set(&address, 1)).unwrap();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    for reader in &readers {
        assert_eq!(stage.received(reader), []);
    }
    let refused = stage.code(&writer, &set(&"/a".repeat(120), 1));
    assert_eq!(refused, Some(Code::InvalidAddress));
    let five = Pattern::parse(&format!("{}/b", "/**/a".repeat(5))).unwrap();
    let begin = Instant::now();
    assert!(!five.matches(&"/a".repeat(120)));
    assert!(begin.elapsed() < Duration::from_secs(1));
}

/// How long publishing to these addresses takes with so many subscriptions that do not match: the
/// least of several rounds, since other work on the machine only ever adds.
fn cost(form: fn(usize) -> String, subscriptions: usize, address: fn(usize) -> String) -> Duration {
    let mut stage = Stage::with(|config| {
        config.sessions_max = 0;
        config.outbox_bytes_max = 64 * 1024 * 1024;
    });
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/b/zz/x/*"));
    let others = subscribe_all(&mut stage, (0..subscriptions).map(form));
    let round = |stage: &mut Stage, round: usize| {
        let messages: Vec<_> = (0..2000)
            .map(|count| event(&address(round * 2000 + count)))
            .collect();
        let begin = Instant::now();
        for together in messages.chunks(200) {
            stage.send_together(&writer, together);
        }
        let took = begin.elapsed();
        assert_eq!(stage.received(&reader).len(), 2000);
        took
    };
    let least = (0..5).map(|number| round(&mut stage, number)).min();
    for other in &others {
        assert_eq!(stage.received(other), []);
    }
    least.expect("there were rounds")
}

fn event(address: &str) -> Message {
    publish(address, Signal::Event, Value::Null)
}

/// The route of one address is found once, those of others each by itself.
const ADDRESSES: [fn(usize) -> String; 2] = [
    |_| "/b/zz/x/y".to_owned(),
    |count| format!("/b/zz/x/{count}"),
];

const FORMS: [fn(usize) -> String; 3] = [
    |count| format!("/p/{count}/**"),
    |count| format!("/b/*/x{count}/y"),
    |count| format!("/b/z{count}*/*/*"),
];

// protocol/router.md 5.12: the bound leaves room for a busy machine
#[test]
fn subscriptions_that_do_not_match_cost_a_message_nothing() {
    for (form, address) in FORMS
        .into_iter()
        .flat_map(|form| ADDRESSES.map(|to| (form, to)))
    {
        let (none, many) = (cost(form, 1, address), cost(form, 5000, address));
        assert!(
            many < 5 * none + Duration::from_millis(20),
            "{many:?}, {none:?}"
        );
    }
}

// protocol/router.md 5.12
#[test]
#[ignore = "measures: run alone with --release"]
fn routing_cost_does_not_grow_with_subscriptions() {
    for form in FORMS {
        let none = cost(form, 1, ADDRESSES[0]);
        for count in [1000, 100_000] {
            let many = cost(form, count, ADDRESSES[0]);
            let ratio = many.as_secs_f64() / none.as_secs_f64();
            println!("{} x {count}: {ratio:.2}", form(0));
            assert!(ratio < 1.3, "{many:?} with {count}, {none:?} with 1");
        }
    }
}
