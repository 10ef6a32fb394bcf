//! The end of a session (protocol/router.md 14.3).

use std::sync::Arc;

use clasp_proto::{Code, Message};
use clasp_router::{NewSession, Refusal};

use crate::stage::{Stage, announce, numbers, query, set, subscribe};

// protocol/router.md 14.3: a dead session once kept its place and its subscriptions
#[test]
fn an_ended_session_gives_everything_back_but_its_params_and_signals() {
    let mut stage = Stage::with(|config| config.sessions_max = 2);
    let stays = stage.session("stays");
    for round in 0..100 {
        let goes = stage.session(&format!("goes {round}"));
        for id in 1..=20 {
            stage.send(&goes, &subscribe(id, "/**")).unwrap();
        }
        stage.send(&goes, &set("/x", round)).unwrap();
        stage
            .send(&goes, &announce(["/signal".to_owned()]))
            .unwrap();
        stage.received(&goes);
        stage.router.detach(&goes);
        stage.send(&stays, &set("/x", round)).unwrap();
        assert_eq!(stage.received(&goes), []);
        assert_eq!(goes.outbox.queued_bytes(), 0);
        assert_eq!(stage.router.sessions(), 1);
    }
    stage.received(&stays);
    stage.send(&stays, &query("/**")).unwrap();
    assert!(
        matches!(&stage.received(&stays)[..], [Message::Result(result)] if result.signals.len() == 1)
    );
    assert_eq!(stage.revision(&stays, "/x"), Some(200));
}

// protocol/router.md 2.4
#[test]
fn sessions_beyond_the_bound_are_refused_with_503_until_one_ends() {
    let stage = Stage::with(|config| config.sessions_max = 3);
    let sessions: Vec<_> = (0..3)
        .map(|count| stage.session(&format!("s{count}")))
        .collect();
    let attach = |id: &str| {
        stage.router.attach(NewSession {
            id: id.into(),
            binding: clasp_proto::Binding::Length,
            principal: Arc::new(clasp_proto::Principal::anybody()),
        })
    };
    let refused = attach("more").unwrap_err();
    assert_eq!(refused, Refusal::SessionsFull { max: 3 });
    assert_eq!(refused.code(), Code::Overloaded);
    stage.router.detach(&sessions[1]);
    attach("more").unwrap();
}

// protocol/router.md 14.3
#[test]
fn a_session_that_ends_twice_ends_nobody_else() {
    let mut stage = Stage::new();
    let (gone, writer) = (stage.session("gone"), stage.session("w"));
    let reader = stage.reader("r", "/**");
    stage.router.detach(&gone);
    stage.router.detach(&Arc::clone(&gone));
    stage.send(&writer, &set("/x", 1)).unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [1]);
}

#[test]
fn an_inspection_tells_what_a_session_asked_for() {
    let mut stage = Stage::new();
    let (writer, session) = (stage.session("w"), stage.session("s"));
    for (id, pattern) in [(1, "/b/*/c"), (2, "/a/**"), (3, "/a/x*y")] {
        stage.send(&session, &subscribe(id, pattern)).unwrap();
    }
    stage.send(&writer, &set("/a/1", 1)).unwrap();
    let inspection = stage.router.inspect(&session, 2);
    assert_eq!(inspection.subscriptions, 3);
    assert_eq!(inspection.patterns, ["/b/*/c", "/a/**"]);
    assert!(inspection.queued_bytes > 0 && inspection.superseded == 0);
    stage.received(&session);
    assert_eq!(stage.router.inspect(&session, 0).queued_bytes, 0);
    assert_eq!(stage.router.inspect(&writer, 9).patterns, [""; 0]);
}
