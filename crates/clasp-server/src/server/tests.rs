//! A defect in one connection, provoked by a gate that panics.

use std::time::Duration;

use bytes::Bytes;
use clasp_proto::{Hello, Message, Set, Value, binary, frame};
use clasp_router::{Caller, Gate, Operation, Refusal, Router};
use clasp_transport::{DialOptions, Link, dial};
use tokio::time::timeout;

use super::*;
use crate::counters::Counted;

/// Panics at writes to one address.
struct Fragile;

impl Gate for Fragile {
    fn admit(&self, _: &Caller<'_>, operation: &Operation<'_>) -> Result<(), Refusal> {
        match operation {
            Operation::Set(set) if set.address == "/fragile" => panic!("provoked"),
            _ => Ok(()),
        }
    }
}

fn framed(message: &Message) -> Bytes {
    let (mut payload, mut bytes) = (Vec::new(), Vec::new());
    binary::encode(message, &mut payload).unwrap();
    frame::write(&mut bytes, message.qos(), &payload).unwrap();
    bytes.into()
}

fn set(address: &str) -> Bytes {
    let address = address.to_owned();
    framed(&Message::Set(Set {
        address,
        value: Value::Int(1),
        ..Set::default()
    }))
}

async fn next(link: &mut Link) -> Option<Message> {
    let received = timeout(Duration::from_secs(20), link.recv())
        .await
        .expect("no hang");
    let frame = received.ok()??;
    let (_, payload) = frame::split(&frame).unwrap();
    Some(binary::decode(payload).unwrap())
}

async fn welcomed(url: &str) -> Link {
    let mut link = dial(url, &DialOptions::default()).await.unwrap();
    link.send_many(&[framed(&Message::Hello(Hello::default()))])
        .await
        .unwrap();
    assert!(matches!(next(&mut link).await, Some(Message::Welcome(_))));
    assert!(matches!(next(&mut link).await, Some(Message::Snapshot(_))));
    link
}

#[tokio::test]
async fn a_panic_ends_its_connection_only_and_leaves_nothing_behind() {
    let config = Config {
        host: "127.0.0.1".to_owned(),
        websocket_port: None,
        tcp_port: Some(0),
        ..Config::development()
    };
    let shared = Shared::new(Plan::new(&config).unwrap()).unwrap();
    let router = Router::new(shared.plan.router.clone(), shared.clock.now());
    let router = router.with_gate(Box::new(Fragile));
    let open = Server::bind(&shared.plan).unwrap();
    let server = Server::serve(Arc::new(Shared { router, ..shared }), open);
    let url = format!("tcp://{}", server.local_addrs()[0].address);
    let mut bystander = welcomed(&url).await;
    for round in 1..=5 {
        let mut unlucky = welcomed(&url).await;
        assert_eq!(server.sessions(), 2);
        unlucky
            .send_many(&[set("/before"), set("/fragile"), set("/after")])
            .await
            .unwrap();
        while next(&mut unlucky).await.is_some() {}
        bystander.send_many(&[set("/other")]).await.unwrap();
        let Some(Message::Ack(ack)) = next(&mut bystander).await else {
            panic!("the bystander goes on, and hears nothing but its own answer");
        };
        assert_eq!(
            (ack.address.as_deref(), ack.revision),
            (Some("/other"), Some(round))
        );
        assert_eq!(server.sessions(), 1);
        assert_eq!(server.counters().read(Counted::Panicked), round);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn no_drain_timeout_is_too_long() {
    let config = Config {
        host: "127.0.0.1".to_owned(),
        websocket_port: Some(0),
        drain_timeout: Duration::MAX,
        ..Config::development()
    };
    let server = Server::start(&config).await.unwrap();
    timeout(Duration::from_secs(20), server.shutdown())
        .await
        .expect("no session is waited for");
}
