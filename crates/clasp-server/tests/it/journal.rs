//! A server with a journal: REPLAY, and disks that are full or fail (docs/journal.md).

use std::path::PathBuf;

use clasp_proto::{
    Bundle, Code, Get, Message, Publish, Qos, Replay, Set, Signal, TypeMask, Value, binary,
};
use clasp_server::{Protocol, Server};
use clasp_store::journal::failpoints::{self, Action};
use clasp_store::journal::{Point, Reader};

use crate::harness::{Client, framed, framed_payload, start, start_alone, until};

fn set(address: &str, value: i64) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: Value::Int(value),
        revision: None,
        lock: false,
        unlock: false,
        ttl: None,
    })
}

fn publish(address: &str, signal: Signal) -> Message {
    Message::Publish(Publish {
        address: address.to_owned(),
        signal: Some(signal),
        value: Some(Value::Bool(true)),
        ..Publish::default()
    })
}

fn replay(pattern: &str, adjust: impl FnOnce(&mut Replay)) -> Message {
    let mut replay = Replay {
        pattern: pattern.to_owned(),
        from: None,
        to: None,
        limit: None,
        types: TypeMask::ALL,
    };
    adjust(&mut replay);
    Message::Replay(replay)
}

/// The revisions of SETs, and 0 for a PUBLISH.
fn revisions(messages: &[Message]) -> Vec<u64> {
    let revision = |message: &Message| match message {
        Message::Set(set) => set.revision.expect("a SET that was done has one"),
        Message::Publish(_) => 0,
        other => panic!("{other:?} is no part of an answer"),
    };
    messages.iter().map(revision).collect()
}

async fn played(client: &mut Client, wish: Message, count: usize) -> Vec<Message> {
    client.send(&wish).await;
    let mut messages = Vec::new();
    while messages.len() < count {
        messages.push(client.next().await);
    }
    messages
}

// protocol/router.md 11.3, 11.4, 11.6
#[tokio::test]
async fn what_was_done_is_played_again_in_order_and_in_pages() {
    let (_folder, path) = place();
    let server = start(|config| config.journal = Some(path)).await;
    let mut writer = Client::welcomed(&server, Protocol::Tcp).await;
    let mut payload = Vec::new();
    for number in 1..=2500 {
        payload.clear();
        binary::encode(&set("/a/x", number), &mut payload).unwrap();
        writer
            .send_frames(&[framed_payload(Qos::Fire, &payload)])
            .await;
    }
    for signal in [Signal::Event, Signal::Stream] {
        writer.send(&publish("/a/y", signal)).await;
    }
    writer.send(&set("/b", 1)).await;
    assert!(matches!(writer.next().await, Message::Ack(_)));
    let mut reader = Client::welcomed(&server, Protocol::WebSocket).await;
    reader.sync().await;
    let expected: Vec<u64> = (1..=1000).collect();
    let wish = || replay("/a/**", |_| {});
    assert_eq!(
        revisions(&played(&mut reader, wish(), 1000).await),
        expected
    );
    assert_eq!(reader.sync().await, [], "1000 is what it gets");
    let all = replay("/a/**", |wish| wish.limit = Some(20_000));
    let expected: Vec<u64> = (1..=2500).chain([0]).collect();
    reader.send(&all).await;
    // The PONG tells when all of it is there. // protocol/router.md 12.1
    assert_eq!(revisions(&reader.sync().await), expected);
    let events = |wish: &mut Replay| wish.types = TypeMask::of(&[Signal::Event]);
    assert_eq!(
        revisions(&played(&mut reader, replay("/**", events), 1).await),
        [0]
    );
    let one = |wish: &mut Replay| wish.limit = Some(1);
    assert_eq!(
        revisions(&played(&mut reader, replay("/b", one), 1).await),
        [1]
    );
    for nothing in [
        replay("/none", |_| {}),
        replay("/b", |wish| wish.to = Some(1)),
    ] {
        reader.send(&nothing).await;
        // Sent behind it, and answered with nothing before.
        assert_eq!(
            revisions(&played(&mut reader, replay("/b", |_| {}), 1).await),
            [1]
        );
    }
    reader.send(&replay("b", |_| {})).await;
    assert_eq!(
        error(reader.next().await),
        (Code::InvalidPattern, "b".to_owned())
    );
}

// docs/journal.md, "At the start"
#[tokio::test]
async fn many_writes_bring_a_snapshot_before_its_hour() {
    let (_folder, path) = place();
    let server = start(|config| config.journal = Some(path.clone())).await;
    let mut writer = Client::welcomed(&server, Protocol::Tcp).await;
    let members = (0..1000).map(|number| set(&format!("/a/{number}"), number));
    let bundle = framed(&Message::Bundle(Bundle {
        timestamp: None,
        messages: members.collect(),
    }));
    let kept = || {
        let reader = Reader::open(&path).expect("the journal can be read beside its writer");
        let snapshot = reader.newest_snapshot().expect("it is whole");
        snapshot.map(|snapshot| snapshot.sequence)
    };
    until("the snapshot of the start", || kept().is_some()).await;
    for writes in [100_000, 200_000] {
        for _ in 0..100 {
            writer.send_frames(std::slice::from_ref(&bundle)).await;
        }
        for _ in 0..100 {
            assert!(matches!(writer.next().await, Message::Ack(_)));
        }
        if writes < 200_000 {
            assert_eq!(kept(), Some(0), "nothing but that of the start");
        }
    }
    until("a snapshot of the writes", || kept() >= Some(200_000)).await;
    server.shutdown().await;
}

// protocol/router.md 11.6
#[tokio::test]
async fn too_many_questions_are_refused() {
    let (_folder, path) = place();
    let server = start(|config| config.journal = Some(path)).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    client.send(&set("/a", 1)).await;
    assert!(matches!(client.next().await, Message::Ack(_)));
    let frames = vec![framed(&replay("/a", |_| {})); 12];
    client.send_frames(&frames).await;
    let mut answers = (0, 0);
    while answers.0 + answers.1 < 12 {
        match client.next().await {
            Message::Set(_) => answers.0 += 1,
            other => {
                assert_eq!(error(other), (Code::RateLimited, "/a".to_owned()));
                answers.1 += 1;
            }
        }
    }
    assert!(answers.0 >= 8, "{answers:?}");
}

fn error(message: Message) -> (Code, String) {
    let Message::Error(error) = message else {
        panic!("expected an ERROR, found {message:?}")
    };
    let mut codes = Code::ALL.into_iter();
    let code = codes.find(|code| code.number() == error.code);
    (
        code.expect("a known code"),
        error.address.unwrap_or_default(),
    )
}

async fn acknowledged(client: &mut Client, address: &str) {
    client.send(&set(address, 1)).await;
    let told = client.next().await;
    let is_ack = matches!(&told, Message::Ack(ack) if ack.address.as_deref() == Some(address));
    assert!(is_ack, "{address}: {told:?}");
}

async fn refused(client: &mut Client, address: &str) {
    client.send(&set(address, 1)).await;
    let expected = (Code::Unavailable, address.to_owned());
    assert_eq!(error(client.next().await), expected);
}

async fn is_there(client: &mut Client, address: &str) -> bool {
    client
        .send(&Message::Get(Get {
            address: address.to_owned(),
        }))
        .await;
    matches!(client.next().await, Message::Snapshot(_))
}

pub(crate) fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("journal.db");
    (folder, path)
}

async fn present(server: &Server, addresses: &[&str]) -> Vec<bool> {
    let mut client = Client::welcomed(server, Protocol::Tcp).await;
    client.sync().await;
    let mut found = Vec::new();
    for address in addresses {
        found.push(is_there(&mut client, address).await);
    }
    found
}

// protocol/router.md 18.5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_in_its_turn() {
    let (_folder, path) = place();
    let server = start_alone(|config| config.journal = Some(path)).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    client.sync().await;
    failpoints::set(Point::BeforeFsync, 0, Action::Stall);
    client.send(&set("/a", 1)).await;
    let unreadable = framed_payload(Qos::Confirm, &[0xEE]);
    client.send_frames(&[unreadable]).await;
    // Both were done: this is answered at once.
    assert_eq!(client.sync().await, []);
    failpoints::clear();
    let first = client.next().await;
    assert!(matches!(first, Message::Ack(_)), "{first:?}");
    assert_eq!(client.error().await, Code::InvalidMessage);
    server.shutdown().await;
}

// T-DUR-04, protocol/router.md 18.6
#[tokio::test]
async fn a_full_disk_is_told_and_recovered_from() {
    let (_folder, path) = place();
    let server = start_alone(|config| config.journal = Some(path.clone())).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    client.sync().await;
    acknowledged(&mut client, "/a").await;
    // Tried again four times a second: longer than the five seconds after which that is told.
    (0..28).for_each(|_| failpoints::set(Point::BeforeFsync, 0, Action::Full));
    refused(&mut client, "/b").await;
    assert!(!server.is_ready());
    refused(&mut client, "/c").await;
    assert!(is_there(&mut client, "/a").await, "reading goes on");
    until("room on the disk", || server.is_ready()).await;
    failpoints::clear();
    acknowledged(&mut client, "/d").await;
    server.shutdown().await;
    let server = start(|config| config.journal = Some(path.clone())).await;
    // /b was answered with an error, and done; /c was not.
    let found = present(&server, &["/a", "/b", "/c", "/d"]).await;
    assert_eq!(found, [true, true, false, true]);
    server.shutdown().await;
}

// T-DUR-05, protocol/router.md 18.6
#[tokio::test]
async fn after_a_failed_fsync_nothing_is_acknowledged() {
    let (_folder, path) = place();
    let server = start_alone(|config| config.journal = Some(path.clone())).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    client.sync().await;
    acknowledged(&mut client, "/a").await;
    failpoints::set(Point::BeforeFsync, 0, Action::SyncError);
    refused(&mut client, "/b").await;
    failpoints::clear();
    assert!(!server.is_ready());
    for address in ["/c", "/a"] {
        refused(&mut client, address).await;
    }
    assert!(is_there(&mut client, "/a").await, "reading goes on");
    server.shutdown().await;
    let server = start(|config| config.journal = Some(path.clone())).await;
    assert!(server.is_ready());
    assert_eq!(present(&server, &["/a", "/c"]).await, [true, false]);
    server.shutdown().await;
}
