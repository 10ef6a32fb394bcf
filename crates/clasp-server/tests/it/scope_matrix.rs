//! Three actions on forty patterns, held against every operation on every transport: what is
//! allowed is found out a second time here, by enumerating addresses (docs/protocol/router.md 17).

use std::collections::BTreeSet;

use clasp_proto::{
    Announce, Bundle, Code, Get, Message, Publish, Qos, Query, Replay, Set, Signal,
    SignalDefinition, Subscribe, TypeMask, Value,
};
use clasp_server::{Protocol, Server};
use clasp_testkit::matches;

use crate::harness::{Client, PROTOCOLS, Token, framed_as, start, write_tokens};

/// What scopes are on.
const PATTERNS: [&str; 40] = [
    "/a", "/b", "/a/b", "/a/c", "/b/a", "/a/b/c", "/a/b/a", "/bc/a/b", "/*", "/*/*", "/*/*/*",
    "/a/*", "/*/a", "/*/b", "/a/*/c", "/*/b/*", "/a/b/*", "/*/b/c", "/**", "/a/**", "/b/**",
    "/**/a", "/**/c", "/a/**/c", "/a/**/b", "/**/b/**", "/*/**", "/**/*", "/a/b/**", "/a/*/**",
    "/**/b/c", "/a*", "/*c", "/b*", "/a/b*", "/a/*c", "/b*/**", "/**/b*", "/*c/**", "/a/b*/c",
];

/// What is written, read and told.
const ADDRESSES: [&str; 12] = [
    "/a", "/b", "/bc", "/a/b", "/a/c", "/a/bc", "/b/a", "/a/b/c", "/a/c/b", "/bc/a/b", "/a/b/b/c",
    "/c/c/c/c",
];

const ACTIONS: [&str; 3] = ["read", "write", "admin"];

/// All addresses of up to four segments over the texts of the patterns and some that are in none.
fn universe() -> Vec<String> {
    let texts = ["a", "b", "c", "bc", "axc", "z"];
    let mut all: Vec<String> = Vec::new();
    let mut last = vec![String::new()];
    for _ in 0..4 {
        let longer = last
            .iter()
            .flat_map(|start| texts.map(|text| format!("{start}/{text}")));
        last = longer.collect();
        all.extend_from_slice(&last);
    }
    all
}

/// What a scope allows.
struct Scope {
    action: &'static str,
    pattern: &'static str,
}

impl Scope {
    fn all() -> impl Iterator<Item = Self> {
        let of = |action| PATTERNS.map(|pattern| Self { action, pattern });
        ACTIONS.into_iter().flat_map(of)
    }

    fn token(&self) -> String {
        let action = ACTIONS.iter().position(|it| *it == self.action);
        let pattern = PATTERNS.iter().position(|it| *it == self.pattern);
        format!(
            "cpsk_{:016}{:016}",
            action.expect("known"),
            pattern.expect("known")
        )
    }

    fn may_read(&self, address: &str) -> bool {
        matches(self.pattern, address)
    }

    fn may_write(&self, address: &str) -> bool {
        self.action != "read" && matches(self.pattern, address)
    }

    fn may_read_all(&self, pattern: &str, table: &Table) -> bool {
        let (own, wished) = (table.of(self.pattern), table.of(pattern));
        wished.iter().zip(own).all(|(wished, own)| *own || !wished)
    }
}

/// For each pattern, which addresses it matches.
struct Table(Vec<Vec<bool>>);

impl Table {
    fn new() -> Self {
        let universe = universe();
        let row = |pattern| {
            universe
                .iter()
                .map(|address| matches(pattern, address))
                .collect()
        };
        Self(PATTERNS.into_iter().map(row).collect())
    }

    fn of(&self, pattern: &str) -> &[bool] {
        let number = PATTERNS.iter().position(|it| *it == pattern);
        &self.0[number.expect("it is one of those")]
    }
}

const ROOT: &str = "cpsk_ffffffffffffffffffffffffffffffff";

fn set(address: &str) -> Message {
    Message::Set(Set {
        address: address.into(),
        value: Value::Int(1),
        ..Set::default()
    })
}

fn event(address: &str) -> Message {
    Message::Publish(Publish {
        address: address.into(),
        signal: Some(Signal::Event),
        value: Some(Value::Null),
        ..Publish::default()
    })
}

fn bundle(message: Message) -> Message {
    Message::Bundle(Bundle {
        timestamp: None,
        messages: vec![message],
    })
}

fn announce(address: &str) -> Message {
    Message::Announce(Announce {
        namespace: address.into(),
        signals: vec![SignalDefinition {
            address: address.into(),
            signal: Signal::Param,
            datatype: None,
            access: None,
            meta: None,
        }],
        meta: None,
    })
}

fn get(address: &str) -> Message {
    Message::Get(Get {
        address: address.into(),
    })
}

fn subscribe(pattern: &str) -> Message {
    Message::Subscribe(Subscribe {
        id: 1,
        pattern: pattern.into(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    })
}

fn query(pattern: &str) -> Message {
    Message::Query(Query {
        pattern: pattern.into(),
    })
}

fn replay(pattern: &str) -> Message {
    Message::Replay(Replay {
        pattern: pattern.into(),
        ..Replay::default()
    })
}

/// Sends one message for each of these texts; returns the texts that were refused, and the rest of
/// what was answered.
async fn refused(
    client: &mut Client,
    texts: &[&'static str],
    message: impl Fn(&str) -> Message,
) -> (BTreeSet<String>, Vec<Message>) {
    let frames: Vec<_> = texts
        .iter()
        .map(|text| framed_as(Qos::Fire, &message(text)))
        .collect();
    client.send_frames(&frames).await;
    let mut refused = BTreeSet::new();
    let mut others = Vec::new();
    for message in client.sync().await {
        match message {
            Message::Error(error) if error.code == Code::Forbidden.number() => {
                refused.insert(error.address.expect("it says what it is about"));
            }
            other => others.push(other),
        }
    }
    (refused, others)
}

/// The texts that are not among those left out.
fn all_but(texts: &[&str], is_left_out: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let others = texts.iter().filter(|text| !is_left_out(text));
    others.map(|text| (*text).to_owned()).collect()
}

async fn check(server: &Server, protocol: Protocol, scope: &Scope, table: &Table) {
    let about = format!("{}:{} over {protocol}", scope.action, scope.pattern);
    let (mut client, params) = Client::with_token(server, protocol, &scope.token()).await;
    let shown: BTreeSet<String> = params.into_iter().map(|it| it.address).collect();
    let readable = all_but(&ADDRESSES, |it| !scope.may_read(it));
    assert_eq!(shown, readable, "{about}: after WELCOME");
    let unwritable = all_but(&ADDRESSES, |it| scope.may_write(it));
    type Write = fn(&str) -> Message;
    let writes: [(&str, Write); 5] = [
        ("SET", set),
        ("PUBLISH", event),
        ("BUNDLE of SET", |it| bundle(set(it))),
        ("BUNDLE of PUBLISH", |it| bundle(event(it))),
        ("ANNOUNCE", announce),
    ];
    for (name, write) in writes {
        let (refused, _) = refused(&mut client, &ADDRESSES, write).await;
        assert_eq!(refused, unwritable, "{about}: {name}");
    }
    let (refused_gets, found) = refused(&mut client, &ADDRESSES, get).await;
    let unreadable = all_but(&ADDRESSES, |it| scope.may_read(it));
    assert_eq!(refused_gets, unreadable, "{about}: GET");
    assert_eq!(
        found.len(),
        ADDRESSES.len() - unreadable.len(),
        "{about}: GET"
    );
    for pattern in PATTERNS {
        check_query(&mut client, scope, pattern, &about).await;
    }
    let wide = all_but(&PATTERNS, |it| scope.may_read_all(it, table));
    let (refused_replays, _) = refused(&mut client, &PATTERNS, replay).await;
    assert_eq!(refused_replays, wide, "{about}: REPLAY");
    let (refused_patterns, _) = refused(&mut client, &PATTERNS, subscribe).await;
    assert_eq!(refused_patterns, wide, "{about}: SUBSCRIBE");
}

async fn check_query(client: &mut Client, scope: &Scope, pattern: &str, about: &str) {
    client.send(&query(pattern)).await;
    let answers = client.sync().await;
    let found = answers.into_iter().flat_map(|message| match message {
        Message::Result(result) => result.signals,
        other => panic!("{about}: QUERY {pattern} was answered with {other:?}"),
    });
    let found: Vec<String> = found.map(|signal| signal.address).collect();
    let known = ADDRESSES.iter().copied();
    let mut expected: Vec<_> = known
        .filter(|address| matches(pattern, address) && scope.may_read(address))
        .collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "{about}: QUERY {pattern}");
}

// protocol/router.md 17.1, 17.2, 17.4, 17.5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scope_allows_what_it_says_and_nothing_else() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("tokens.json");
    let scopes = Scope::all().map(|it| (it.token(), format!("{}:{}", it.action, it.pattern)));
    let scopes: Vec<_> = scopes.chain([(ROOT.into(), "admin:/**".into())]).collect();
    let scopes: Vec<(String, [&str; 1])> = scopes
        .iter()
        .map(|(token, scope)| (token.clone(), [scope.as_str()]))
        .collect();
    let tokens: Vec<_> = scopes
        .iter()
        .map(|(token, scope)| Token::new(token, scope))
        .collect();
    write_tokens(&path, &tokens);
    let server = start(|config| config.token_files = vec![path]).await;
    let (mut root, _) = Client::with_token(&server, Protocol::Tcp, ROOT).await;
    for address in ADDRESSES {
        root.send(&set(address)).await;
        root.send(&announce(address)).await;
    }
    root.sync().await;
    let table = Table::new();
    for protocol in PROTOCOLS {
        for scope in Scope::all() {
            check(&server, protocol, &scope, &table).await;
        }
    }
    server.shutdown().await;
}
