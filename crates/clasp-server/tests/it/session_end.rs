//! What the end of a session gives back, however it ends.

use std::time::{Duration, Instant};

use clasp_proto::{Code, Message, Qos, Set, Value};
use clasp_server::Protocol;

use crate::harness::{Client, framed_payload, soon, start};

const BOTH: [Protocol; 2] = [Protocol::WebSocket, Protocol::Tcp];

fn set(lock: bool) -> Message {
    Message::Set(Set {
        address: "/x".to_owned(),
        value: Value::Int(1),
        lock,
        ..Set::default()
    })
}

// protocol/router.md 6.8, 14.3: a lock once outlived the connection of its holder for ever
#[tokio::test]
async fn a_lock_is_free_when_its_holder_is_cut_off() {
    for protocol in BOTH {
        let server = start(|_| {}).await;
        let mut holder = Client::welcomed(&server, protocol).await;
        holder.send(&set(true)).await;
        assert!(matches!(holder.next().await, Message::Ack(_)));
        let mut other = Client::welcomed(&server, protocol).await;
        other.send(&set(false)).await;
        assert_eq!(other.error().await, Code::LockHeld);
        drop(holder);
        let free = async {
            loop {
                other.send(&set(false)).await;
                match other.next().await {
                    Message::Ack(_) => return,
                    Message::Error(error) => assert_eq!(error.code, Code::LockHeld.number()),
                    unexpected => panic!("unexpected {unexpected:?}"),
                }
            }
        };
        soon("the lock", free).await;
    }
}

/// A new client finds a place, sooner or later.
async fn check_place(server: &clasp_server::Server) {
    let find = async { while Client::try_welcomed(server).await.is_none() {} };
    soon("a place", find).await;
}

// protocol/router.md 14.3, 14.4: five of these once used up five places for ever
#[tokio::test]
async fn truncated_frames_cost_no_places() {
    let server = start(|config| config.sessions_max = 5).await;
    for round in 0..20 {
        check_place(&server).await;
        let Some(mut client) = Client::try_welcomed(&server).await else {
            continue;
        };
        // SET with a flag that says more follows, SNAPSHOT and SYNC without their fields.
        for payload in [&[0x21, 0x87, 0, 1, b'/'][..], &[0x23], &[0x40, 1, 0]] {
            let frames = vec![framed_payload(Qos::Fire, payload); 1 + round % 6];
            // At 17 of them the link ends.
            client.link.send_many(&frames).await.ok();
        }
    }
    check_place(&server).await;
}

// protocol/router.md 14.2, 14.3: a session whose time was up once went on as a zombie
#[tokio::test]
async fn a_session_that_timed_out_is_closed_and_gives_its_place_back() {
    let server = start(|config| {
        config.sessions_max = 1;
        config.session_timeout = Duration::from_millis(200);
    })
    .await;
    let mut silent = Client::welcomed(&server, Protocol::Tcp).await;
    assert_eq!(silent.next().await, Message::Ping);
    assert_eq!(silent.error().await, Code::Timeout);
    assert_eq!(silent.next_or_end().await, None);
    check_place(&server).await;
}

// protocol/router.md 14.1: only what was sent to it once kept a session alive
#[tokio::test]
async fn a_session_that_only_asks_is_not_idle() {
    const TIMEOUT: Duration = Duration::from_millis(300);
    let server = start(|config| config.session_timeout = TIMEOUT).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    let begin = Instant::now();
    while begin.elapsed() < 3 * TIMEOUT {
        let told = client.sync().await;
        assert!(
            told.iter().all(|message| *message == Message::Ping),
            "{told:?}"
        );
    }
}
