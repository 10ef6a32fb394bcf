//! Rules of an application over sockets: who may write, who sees what, and what is left out
//! (docs/protocol/router.md 17.6 to 17.8).

use clasp_proto::text::value_from_text;
use clasp_proto::{
    Announce, Bundle, Code, ErrorMessage, Get, Message, Param, Publish, Query, Set, Signal,
    SignalDefinition, Subscribe, TypeMask, Value,
};
use clasp_server::{AppConfigFile, Protocol};
use tempfile::TempDir;

use crate::harness::{Client, PROTOCOLS, Running, Token, framed, start, write_tokens};

const RULES: &str = r#"{
    "write_rules": [
        {"path": "/room/{room}",
            "pre_checks": [{"type": "state_field_equals_session", "lookup": "/room/{room}", "field": "owner", "allow_if_missing": true}],
            "checks": [{"type": "value_field_equals_session", "field": "owner"}]},
        {"path": "/own/{user}/**", "checks": [{"type": "segment_equals_session", "segment": "user"}]}
    ],
    "snapshot_visibility": [
        {"path": "/own/{user}/**", "visible": "owner", "owner_segment": "user"},
        {"path": "/talk/{room}", "visible": "require_state_not_null", "lookup": "/member/{room}/{session}"},
        {"path_contains": "/hidden/", "visible": false}
    ],
    "snapshot_transforms": [{"path": "/card/*", "redact_fields": ["secret"]}],
    "rate_limits": {"max_messages_per_second": 0}
}"#;

const ANN: &str = "cpsk_00000000000000000000000000000001";
const BOB: &str = "cpsk_00000000000000000000000000000002";
const NOBODY: &str = "cpsk_00000000000000000000000000000003";

struct Stage {
    server: Running,
    _folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let (tokens, rules) = (folder.path().join("tokens"), folder.path().join("rules"));
        let token = |token, subject| Token {
            subject,
            ..Token::new(token, &["admin:/**"])
        };
        let all = [
            token(ANN, Some("ann")),
            token(BOB, Some("bob")),
            token(NOBODY, None),
        ];
        write_tokens(&tokens, &all);
        std::fs::write(&rules, RULES).expect("the file is written");
        let server = start(|config| {
            config.token_files = vec![tokens];
            config.app_config = AppConfigFile::At(rules);
            // What the rules say counts.
            config.messages_per_second = 1;
        });
        Self {
            server: server.await,
            _folder: folder,
        }
    }

    async fn client(&self, protocol: Protocol, token: &str) -> Client {
        Client::with_token(&self.server, protocol, token).await.0
    }
}

fn set(address: &str, value: &str) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: value_from_text(value),
        ..Set::default()
    })
}

fn event(address: &str, value: &str) -> Message {
    Message::Publish(Publish {
        address: address.to_owned(),
        signal: Some(Signal::Event),
        value: Some(value_from_text(value)),
        ..Publish::default()
    })
}

fn bundle(messages: Vec<Message>) -> Message {
    let timestamp = None;
    Message::Bundle(Bundle {
        timestamp,
        messages,
    })
}

fn get(address: &str) -> Message {
    let address = address.to_owned();
    Message::Get(Get { address })
}

fn subscribe() -> Message {
    Message::Subscribe(Subscribe {
        id: 1,
        pattern: "/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    })
}

/// Whatever was said of addresses of these tests: which, and its value.
fn told(messages: Vec<Message>) -> Vec<(String, Option<Value>)> {
    let mut told = Vec::new();
    for message in messages {
        match message {
            Message::Snapshot(snapshot) => told.extend(snapshot.params.into_iter().map(of_param)),
            Message::Set(set) => told.push((set.address, Some(set.value))),
            Message::Publish(publish) => told.push((publish.address, publish.value)),
            Message::Result(result) => {
                let signals = result.signals.into_iter();
                told.extend(signals.map(|signal| (signal.address, None)));
            }
            Message::Error(error) => panic!("refused: {error:?}"),
            _ => {}
        }
    }
    told.retain(|(address, _)| !address.starts_with("/member"));
    told.sort_by(|a, b| a.0.cmp(&b.0));
    told
}

fn of_param(param: Param) -> (String, Option<Value>) {
    (param.address, Some(param.value))
}

fn errors(messages: Vec<Message>) -> Vec<(u16, String, Option<String>)> {
    let errors = messages.into_iter().filter_map(|message| match message {
        Message::Error(ErrorMessage {
            code,
            message,
            address,
            ..
        }) => Some((code, message, address)),
        _ => None,
    });
    errors.collect()
}

// protocol/router.md 17.6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_refused_in_the_words_of_its_rule() {
    let stage = Stage::new().await;
    let taken = "Field 'owner' at '/room/red' does not match session identity";
    let stranger = |subject: &str| {
        format!("Path segment 'user' is 'ann', does not match session identity '{subject}'")
    };
    for protocol in PROTOCOLS {
        let mut ann = stage.client(protocol, ANN).await;
        ann.send(&set("/room/red", r#"{"owner": "ann"}"#)).await;
        ann.send(&event("/own/ann/x", "1")).await;
        assert_eq!(errors(ann.sync().await), [], "{protocol}");
        for (token, subject) in [(BOB, "bob"), (NOBODY, "")] {
            let mut other = stage.client(protocol, token).await;
            let room = r#"{"owner": "bob"}"#;
            for (message, expected, address) in [
                (set("/own/ann/x", "1"), stranger(subject), "/own/ann/x"),
                (event("/own/ann/x", "1"), stranger(subject), "/own/ann/x"),
                (set("/room/red", room), taken.to_owned(), "/room/red"),
                (
                    bundle(vec![set("/made", "1"), event("/own/ann/x", "1")]),
                    format!("Bundle rejected: {}", stranger(subject)),
                    "/own/ann/x",
                ),
                (
                    bundle(vec![set("/made", "1"), set("/room/red", room)]),
                    format!("Bundle rejected: {taken}"),
                    "/room/red",
                ),
            ] {
                other.send(&message).await;
                let found = errors(other.sync().await);
                let refused = (Code::Refused.number(), expected, Some(address.to_owned()));
                assert_eq!(found, [refused], "{protocol} {subject} {message:?}");
            }
            other.send(&get("/made")).await;
            let found = errors(other.sync().await);
            assert_eq!(found[0].0, Code::AddressNotFound.number(), "{protocol}");
        }
    }
    stage.server.shutdown().await;
}

const ADDRESSES: [&str; 4] = ["/card/1", "/own/ann/x", "/talk/red", "/x/hidden/y"];

const CARD: &str = r#"{"name": "ann", "secret": 1}"#;

/// A write to each of them.
fn writes(kind: fn(&str, &str) -> Message) -> Vec<Message> {
    ADDRESSES.map(|address| kind(address, CARD)).into()
}

// protocol/router.md 17.7, 17.8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_out_shows_the_same() {
    let stage = Stage::new().await;
    let mut writer = stage.client(Protocol::Tcp, ANN).await;
    writer.send(&set("/member/red/ann", "true")).await;
    for message in writes(set) {
        writer.send(&message).await;
    }
    for address in ADDRESSES {
        writer.send(&announce(address)).await;
    }
    assert_eq!(errors(writer.sync().await), []);
    for protocol in PROTOCOLS {
        check_shown(&stage, &mut writer, protocol, ANN, &ADDRESSES[..3]).await;
        check_shown(&stage, &mut writer, protocol, BOB, &ADDRESSES[..1]).await;
        check_shown(&stage, &mut writer, protocol, NOBODY, &ADDRESSES[..1]).await;
    }
    stage.server.shutdown().await;
}

async fn check_shown(
    stage: &Stage,
    writer: &mut Client,
    protocol: Protocol,
    token: &str,
    shown: &[&str],
) {
    let whole = value_from_text(CARD);
    let redacted = value_from_text(r#"{"name": "ann"}"#);
    let value = |address: &str| match address.starts_with("/card") {
        true => redacted.clone(),
        false => whole.clone(),
    };
    let expected: Vec<_> = shown
        .iter()
        .map(|address| ((*address).to_owned(), Some(value(address))))
        .collect();
    let about = |way: &str| format!("{way} of {token} over {protocol}");
    let (mut client, params) = Client::with_token(&stage.server, protocol, token).await;
    let mut greeted: Vec<_> = params.into_iter().map(of_param).collect();
    greeted.retain(|(address, _)| !address.starts_with("/member"));
    greeted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(greeted, expected, "{}", about("snapshot after WELCOME"));
    for address in ADDRESSES {
        client.send(&get(address)).await;
        let answers = client.sync().await;
        if shown.contains(&address) {
            let found = told(answers);
            assert_eq!(
                found,
                [(address.to_owned(), Some(value(address)))],
                "{}",
                about("GET")
            );
        } else {
            let found = errors(answers);
            assert_eq!(
                found[0].0,
                Code::AddressNotFound.number(),
                "{}",
                about("GET")
            );
        }
    }
    let pattern = "/**".to_owned();
    client.send(&Message::Query(Query { pattern })).await;
    let found = told(client.sync().await);
    let found: Vec<&str> = found.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(found, shown, "{}", about("QUERY"));
    client.send(&subscribe()).await;
    assert_eq!(
        told(client.sync().await),
        expected,
        "{}",
        about("SUBSCRIBE")
    );
    for (way, messages) in [
        ("SET", writes(set)),
        ("PUBLISH", writes(event)),
        ("BUNDLE of SET", vec![bundle(writes(set))]),
        ("BUNDLE of PUBLISH", vec![bundle(writes(event))]),
    ] {
        let frames: Vec<_> = messages.iter().map(framed).collect();
        writer.send_frames(&frames).await;
        assert_eq!(errors(writer.sync().await), [], "{}", about(way));
        let delivered = client
            .sync()
            .await
            .into_iter()
            .flat_map(|message| match message {
                Message::Bundle(bundle) => bundle.messages,
                other => vec![other],
            });
        assert_eq!(told(delivered.collect()), expected, "{}", about(way));
    }
}

fn announce(address: &str) -> Message {
    let signal = SignalDefinition {
        address: address.to_owned(),
        signal: Signal::Param,
        datatype: None,
        access: None,
        meta: None,
    };
    Message::Announce(Announce {
        namespace: "/".to_owned(),
        signals: vec![signal],
        meta: None,
    })
}

/// Two clients that make the same room at the same moment: one of them has it.
// protocol/router.md 17.6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_make_a_room_at_once_one_owns_it() {
    let stage = Stage::new().await;
    let mut ann = stage.client(Protocol::WebSocket, ANN).await;
    let mut bob = stage.client(Protocol::Tcp, BOB).await;
    let made = |subject: &str, room: usize| {
        let value = format!(r#"{{"owner": "{subject}"}}"#);
        framed(&set(&format!("/room/{room}"), &value))
    };
    let of = |subject: &str| {
        (0..RACES)
            .map(|room| made(subject, room))
            .collect::<Vec<_>>()
    };
    let (of_ann, of_bob) = (of("ann"), of("bob"));
    let (of_ann, of_bob) = tokio::join!(race(&mut ann, &of_ann), race(&mut bob, &of_bob));
    for room in 0..RACES {
        let address = format!("/room/{room}");
        let lost = (of_ann.contains(&address), of_bob.contains(&address));
        let winner = match lost {
            (false, true) => "ann",
            (true, false) => "bob",
            both => panic!("{address} was refused to both or none: {both:?}"),
        };
        ann.send(&get(&address)).await;
        let owner = value_from_text(&format!(r#"{{"owner": "{winner}"}}"#));
        assert_eq!(told(ann.sync().await), [(address, Some(owner))]);
    }
    stage.server.shutdown().await;
}

/// The addresses whose writes were refused.
async fn race(client: &mut Client, writes: &[bytes::Bytes]) -> Vec<String> {
    let mut refused = Vec::new();
    for write in writes {
        client.send_frames(std::slice::from_ref(write)).await;
        let errors = errors(client.sync().await);
        refused.extend(errors.into_iter().filter_map(|(_, _, address)| address));
    }
    refused
}

const RACES: usize = 500;
