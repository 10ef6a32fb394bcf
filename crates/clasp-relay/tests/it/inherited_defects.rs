//! Promises of the documentation that earlier relays broke, one test for each: what a client of this relay sees.

use clasp_client::{Client, ClientError, Code, Reconnect, Set, Value};
use clasp_transport::{DialOptions, dial};

use crate::harness::Relay;

async fn connect(relay: &Relay) -> Client {
    let client = Client::builder(&relay.url()).reconnect(Reconnect::never());
    client.connect().await.expect("a session")
}

fn code(refused: Result<u64, ClientError>) -> Option<u16> {
    match refused {
        Err(ClientError::Refused(refusal)) => Some(refusal.code),
        _ => None,
    }
}

#[tokio::test]
async fn a_second_hello_is_refused_and_the_session_goes_on() {
    let relay = Relay::start(&["--max-sessions=1"]);
    let mut link = dial(&relay.url(), &DialOptions::default())
        .await
        .expect("a link");
    let hello = b"\x53\x01\x00\x0d\x01\x01\xe0\x00\x06Client\x00\x00";
    let ping = b"\x53\x01\x00\x01\x41";
    let frames = [hello.as_slice(), hello.as_slice(), ping.as_slice()].map(Into::into);
    link.send_many(&frames).await.expect("taken");
    let mut kinds = Vec::new();
    while kinds.last() != Some(&PONG) {
        let frame = link.recv().await.expect("the link works");
        kinds.push(frame.expect("the session goes on")[4]);
    }
    assert_eq!(kinds, [WELCOME, SNAPSHOT, ERROR, PONG]);
}

#[tokio::test]
async fn a_lock_ends_with_its_session() {
    let relay = Relay::start(&[]);
    let (holder, other) = (connect(&relay).await, connect(&relay).await);
    holder.set("/a", 1).lock().await.expect("the lock is free");
    assert_eq!(
        code(other.set("/a", 2).await),
        Some(Code::LockHeld.number())
    );
    holder.close().await;
    while let Err(error) = other.set("/a", 3).await {
        assert!(
            matches!(&error, ClientError::Refused(refusal) if refusal.is(Code::LockHeld)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn only_the_holder_unlocks() {
    let relay = Relay::start(&[]);
    let (holder, other) = (connect(&relay).await, connect(&relay).await);
    holder.set("/a", 1).lock().await.expect("the lock is free");
    assert_eq!(
        code(other.set("/a", 2).unlock().await),
        Some(Code::LockHeld.number())
    );
    holder
        .set("/a", 3)
        .unlock()
        .await
        .expect("it is the holder's");
    other.set("/a", 4).await.expect("the lock is free");
}

#[tokio::test]
async fn a_get_of_nothing_is_answered_at_once() {
    let relay = Relay::start(&[]);
    let client = connect(&relay).await;
    assert_eq!(
        client
            .get("/nothing")
            .await
            .expect("an answer")
            .map(|param| param.value),
        None
    );
}

#[tokio::test]
async fn a_bundle_is_all_or_nothing() {
    let relay = Relay::start(&[]);
    let client = connect(&relay).await;
    client.set("/a", 1).await.expect("set");
    let conflicting = Set {
        address: "/a".to_owned(),
        value: Value::Int(2),
        revision: Some(7),
        ..Set::default()
    };
    let refused = client
        .bundle()
        .set("/b", 2)
        .set_with(conflicting)
        .send()
        .await;
    assert!(
        matches!(refused, Err(ClientError::Refused(_))),
        "{refused:?}"
    );
    assert!(
        client.get("/b").await.expect("an answer").is_none(),
        "half of it was done"
    );
    let done = client.bundle().set("/a", 3).set("/b", 3).send().await;
    assert!(done.is_ok(), "{done:?}");
}

#[tokio::test]
async fn more_than_ten_receivers_see_the_order_of_revisions() {
    let relay = Relay::start(&[]);
    let writer = connect(&relay).await;
    let mut readers = Vec::new();
    for _ in 0..12 {
        let reader = connect(&relay).await;
        let updates = reader.subscribe("/a").await.expect("a subscription");
        readers.push((reader, updates));
    }
    for value in 1..=200 {
        writer.set_unconfirmed("/a", value).await.expect("sent");
    }
    for (_, updates) in &mut readers {
        let mut before = 0;
        while before < 200 {
            let update = updates.next().await.expect("the subscription goes on");
            let value = update.value.as_i64().expect("a number");
            assert!(value > before, "{value} came after {before}");
            before = value;
        }
    }
}

const WELCOME: u8 = 0x02;
const SNAPSHOT: u8 = 0x23;
const PONG: u8 = 0x42;
const ERROR: u8 = 0x51;
