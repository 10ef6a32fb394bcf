//! The routes as an admin meets them, without a socket.

#![cfg(feature = "journal")]

use axum::body::to_bytes;
use axum::http::Request;
use clasp_proto::{Binding, Message, Principal, Publish, Set, Value};
use clasp_router::{Gate, NewSession, Operation, Veil, Work};
use serde_json::json;
use tower::ServiceExt as _;

use super::*;
use crate::config::Config;
use crate::plan::Plan;

/// Nobody is shown the secret of anything.
struct Redaction;

impl Gate for Redaction {
    fn veil(&self, _: &str) -> Veil {
        Veil {
            is_redacted: true,
            ..Veil::default()
        }
    }

    fn leaves_out(&self, _: &str, member: &str) -> bool {
        member == "secret"
    }
}

fn shared(config: Config) -> Arc<Shared> {
    let mut shared = Shared::new(Plan::new(&config).unwrap()).unwrap();
    let router = std::mem::replace(
        &mut shared.router,
        clasp_router::Router::new(Default::default(), shared.clock.now()),
    );
    shared.router = router.with_gate(Box::new(Redaction));
    Arc::new(shared)
}

fn in_memory() -> Config {
    Config {
        journal_memory: true,
        ..Config::development()
    }
}

fn write(shared: &Shared, messages: &[Message]) {
    let session = shared
        .router
        .attach(NewSession {
            id: "writer".into(),
            binding: Binding::WebSocket,
            principal: Arc::new(Principal::anybody()),
        })
        .unwrap();
    let mut work = Work::default();
    let mut batch = shared.router.batch(&session, shared.clock.now(), &mut work);
    for message in messages {
        let mut payload = Vec::new();
        binary::encode(message, &mut payload).unwrap();
        match binary::view(&payload).unwrap() {
            MessageRef::Set(set) => batch.submit(&Operation::Set(set)).unwrap(),
            MessageRef::Publish(publish) => batch.submit(&Operation::Publish(publish)).unwrap(),
            other => panic!("{other:?}"),
        };
    }
    batch.finish(None);
    shared.router.detach(&session);
}

fn set(address: &str, value: impl Into<Value>) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: value.into(),
        revision: None,
        lock: false,
        unlock: false,
        ttl: None,
    })
}

async fn ask(shared: &Arc<Shared>, path: &str) -> (u16, JsonValue) {
    let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
    let answer = routes(Arc::clone(shared)).oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// The numbers of the entries that a question finds.
async fn found(shared: &Arc<Shared>, path: &str) -> Vec<u64> {
    let (status, entries) = ask(shared, path).await;
    assert_eq!(status, 200, "{path}: {entries}");
    let entries = entries.as_array().unwrap().iter();
    entries
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn entries_are_told_in_the_form_of_4_5() {
    let shared = shared(in_memory());
    let journal = shared.journal.clone().unwrap();
    assert_eq!(
        ask(&shared, "/api/journal/latest").await.1,
        json!({"seq": 0})
    );
    let secret = [("name", Value::from("a")), ("secret", Value::from("b"))];
    let event = Publish {
        address: "/e".to_owned(),
        signal: Some(Signal::Event),
        value: Some(Value::Bytes(vec![1, 255])),
        ..Publish::default()
    };
    write(
        &shared,
        &[
            set("/a", 0.5),
            set("/a", Value::from(secret)),
            Message::Publish(event),
            set("/a_b/c", 1),
        ],
    );
    journal.kept(4).await;
    let (status, entries) = ask(&shared, "/api/journal/query").await;
    assert_eq!(status, 200);
    let at = entries[0]["timestamp"].as_u64().unwrap();
    let expected = json!([
        {"seq": 1, "timestamp": at, "author": "writer", "address": "/a", "signal_type": "param",
         "value": 0.5, "revision": 1, "msg_type": 33},
        {"seq": 2, "timestamp": at, "author": "writer", "address": "/a", "signal_type": "param",
         "value": {"name": "a"}, "revision": 2, "msg_type": 33},
        {"seq": 3, "timestamp": at, "author": "writer", "address": "/e", "signal_type": "event",
         "value": [1, 255], "revision": null, "msg_type": 32},
        {"seq": 4, "timestamp": at, "author": "writer", "address": "/a_b/c", "signal_type": "param",
         "value": 1, "revision": 1, "msg_type": 33},
    ]);
    assert_eq!(entries, expected);
    assert_eq!(
        ask(&shared, "/api/journal/latest").await.1,
        json!({"seq": 4})
    );
    let early = at - 1;
    let late = at + 60_000_000;
    for (path, expected) in [
        ("query?pattern=/a".to_owned(), &[1, 2][..]),
        ("query?pattern=/a_b/**".to_owned(), &[4]),
        ("query?pattern=/aXb/**".to_owned(), &[]),
        ("query?pattern=/a&limit=1".to_owned(), &[1]),
        ("query?limit=0".to_owned(), &[]),
        ("query?types=event,unknown".to_owned(), &[3]),
        ("query?types=unknown".to_owned(), &[]),
        (format!("query?from={late}"), &[]),
        (format!("query?from={at}&to={at}"), &[1, 2, 3, 4]),
        (format!("query?to={early}"), &[]),
        ("since?seq=2".to_owned(), &[3, 4]),
        ("since?seq=0&limit=2".to_owned(), &[1, 2]),
        ("since?seq=4".to_owned(), &[]),
    ] {
        assert_eq!(
            found(&shared, &format!("/api/journal/{path}")).await,
            expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_bad_question_and_a_missing_journal_are_told() {
    let with = shared(in_memory());
    for path in [
        "query?pattern=a",
        "query?from=soon",
        "query?limit=-1",
        "since",
        "since?seq=x",
    ] {
        let (status, answer) = ask(&with, &format!("/api/journal/{path}")).await;
        assert_eq!(status, 400, "{path}: {answer}");
    }
    assert_eq!(ask(&with, "/api/journal/snapshot").await, (200, json!([])));
    let without = shared(Config::development());
    let (status, answer) = ask(&without, "/api/journal/latest").await;
    assert_eq!(status, 501, "{answer}");
}

#[tokio::test]
async fn the_newest_snapshot_is_told_without_what_is_redacted() {
    let folder = tempfile::tempdir().unwrap();
    let shared = shared(Config {
        journal: Some(folder.path().join("journal.db")),
        ..Config::development()
    });
    let secret = [("name", Value::from("a")), ("secret", Value::from("b"))];
    write(&shared, &[set("/a", Value::from(secret))]);
    let (kept, journal) = (Arc::clone(&shared), shared.journal.clone().unwrap());
    blocking(move || journal.keep_state(&kept.router))
        .await
        .unwrap();
    let (status, params) = ask(&shared, "/api/journal/snapshot").await;
    assert_eq!(status, 200);
    let at = params[0]["timestamp"].clone();
    let expected = json!([
        {"address": "/a", "value": {"name": "a"}, "revision": 1, "writer": "writer", "timestamp": at}
    ]);
    assert_eq!(params, expected);
    crate::features::journal::finish(&shared).await;
}
