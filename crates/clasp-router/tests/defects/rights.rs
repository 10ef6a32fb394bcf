//! Scopes hold for every operation and for everything that is shown (protocol/router.md 17).

use clasp_proto::{Code, Message, Signal, Value};

use crate::stage::{Stage, announce, bundle, get, publish, query, set, subscribe};

fn event(address: &str) -> Message {
    publish(address, Signal::Event, Value::Null)
}

fn results(messages: &[Message]) -> Vec<&str> {
    let signals = messages.iter().filter_map(|message| match message {
        Message::Result(result) => Some(&result.signals),
        _ => None,
    });
    signals.flatten().map(|signal| &*signal.address).collect()
}

fn addresses(messages: &[Message]) -> Vec<&str> {
    let mut addresses: Vec<&str> = messages
        .iter()
        .flat_map(|message| match message {
            Message::Snapshot(snapshot) => {
                let params = snapshot.params.iter();
                params.map(|param| &*param.address).collect()
            }
            Message::Set(set) => vec![&*set.address],
            Message::Publish(publish) => vec![&*publish.address],
            _ => Vec::new(),
        })
        .collect();
    addresses.sort_unstable();
    addresses
}

// protocol/router.md 17.2, 17.4, 17.5, 18.2: a scope on `/a/*` once let a session subscribe to
// `/a/**`, and one on `/**` to admin everything did not let it subscribe at all
#[test]
fn every_operation_is_held_against_the_scopes() {
    for (scopes, message, is_allowed) in [
        ("read:/a/*", subscribe(1, "/a/**"), false),
        ("read:/a/*/b", subscribe(1, "/a/**/b"), false),
        ("read:/a/*", subscribe(1, "/a/*"), true),
        ("read:/a/*", subscribe(1, "/a/b"), true),
        ("read:/a/**", subscribe(1, "/**"), false),
        ("admin:/**", subscribe(1, "/a/**"), true),
        ("write:/a/**", subscribe(1, "/a/**"), true),
        ("emit:/a/**", subscribe(1, "/a/**"), false),
        ("read:/**", set("/a", 1), false),
        ("read:/**", event("/a"), false),
        ("emit:/a", event("/a"), true),
        ("emit:/a", set("/a", 1), false),
        ("write:/b/**", set("/a", 1), false),
        ("write:/a", set("/a", 1), true),
        ("write:/a", set("/a/b", 1), false),
        ("read:/**", event("/clasp/p2p/signal/admin"), false),
        ("read:/**", event("/clasp/p2p/announce"), false),
        ("read:/b", get("/a"), false),
        ("emit:/a", get("/a"), false),
        ("write:/a", get("/a"), true),
        ("write:/a", bundle([set("/a", 1), set("/b", 1)]), false),
        ("write:/a", bundle([set("/a", 1), event("/b")]), false),
        ("write:/a", bundle([bundle([event("/b")])]), false),
        ("write:/a", bundle([set("/a", 1), event("/a")]), true),
        ("read:/**", announce(["/a".to_owned()]), false),
        (
            "write:/a",
            announce(["/a".to_owned(), "/b".to_owned()]),
            false,
        ),
        (
            "write:/**",
            announce(["/a".to_owned(), "/b".to_owned()]),
            true,
        ),
        ("emit:/**", query("/**"), false),
        ("", query("/**"), false),
        ("read:/b", query("/**"), true),
    ] {
        let mut stage = Stage::new();
        let (session, admin) = (stage.scoped("s", scopes), stage.reader("admin", "/**"));
        stage.send(&admin, &set("/a", 0)).unwrap();
        stage.received(&admin);
        let expected = (!is_allowed).then_some(Code::Forbidden);
        let code = stage.code(&session, &message);
        assert_eq!(code, expected, "{scopes} {message:?}");
        if !is_allowed {
            let told = stage.received(&session);
            let is_told = matches!(&told[..], [Message::Error(error)] if error.code == 301);
            assert!(is_told, "{scopes} {message:?} {told:?}");
            assert_eq!(stage.received(&admin), [], "{scopes} {message:?}");
            assert_eq!(stage.router.params(), 1);
        }
    }
}

// protocol/router.md 17.4: every session once got the whole state after WELCOME
#[test]
fn the_first_snapshot_and_answers_hold_only_what_may_be_read() {
    let mut stage = Stage::new();
    let admin = stage.session("admin");
    for address in ["/a/1", "/a/2", "/b/1", "/box/s"] {
        stage.send(&admin, &set(address, 1)).unwrap();
        let announced = announce([address.to_owned()]);
        stage.send(&admin, &announced).unwrap();
    }
    for (scopes, expected) in [
        ("read:/a/**", &["/a/1", "/a/2"][..]),
        ("read:/a/1,write:/box/*", &["/a/1", "/box/s"]),
        ("emit:/**", &[]),
        ("", &[]),
        ("admin:/**", &["/a/1", "/a/2", "/b/1", "/box/s"]),
    ] {
        let session = stage.scoped("s", scopes);
        stage.greet(&session);
        let greeting = stage.received(&session);
        assert_eq!(addresses(&greeting), expected, "{scopes}");
        assert!(matches!(greeting[0], Message::Snapshot(_)), "{scopes}");
        if stage.send(&session, &query("/**")).is_ok() {
            let answered = stage.received(&session);
            assert_eq!(results(&answered), expected, "{scopes}");
        }
        stage.router.detach(&session);
    }
}

// protocol/router.md 17.5: what a subscription delivers is what may be read, whatever is written
// later and however it comes
#[test]
fn nothing_that_may_not_be_read_is_delivered() {
    let mut stage = Stage::new();
    let (writer, session) = (stage.session("w"), stage.scoped("s", "read:/a/*"));
    stage.send(&session, &subscribe(1, "/a/*")).unwrap();
    assert!(stage.send(&session, &subscribe(2, "/**")).is_err());
    for message in [
        set("/a/1", 1),
        set("/a/1/deep", 1),
        set("/b", 1),
        event("/a/2"),
        event("/b"),
        bundle([set("/a/3", 1), set("/b", 2)]),
    ] {
        stage.send(&writer, &message).unwrap();
    }
    let received = stage.received(&session);
    assert_eq!(addresses(&received), ["/a/1", "/a/2", "/a/3"]);
}

// protocol/router.md 11.2
#[test]
fn a_replay_needs_the_right_to_read_all_that_it_matches() {
    let mut stage = Stage::new();
    let reader = stage.scoped("r", "read:/a/**");
    let check = |pattern: &str, expected: Option<&str>| {
        let mut work = clasp_router::Work::default();
        let batch = stage.router.batch(&reader, stage.now, &mut work);
        let refusal = batch.may_replay(pattern).err().map(|it| it.to_string());
        batch.finish(None);
        assert_eq!(refusal.as_deref(), expected, "{pattern}");
    };
    let refused = Some("Insufficient scope for replay");
    check("/a/**", None);
    check("/a/b", None);
    check("/**", refused);
    check("/*/b", refused);
    stage.received(&reader);
}
