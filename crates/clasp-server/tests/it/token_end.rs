//! A session ends with its token: it reads nothing more and writes nothing more, not even what
//! was on its way (docs/protocol/router.md 17.9).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clasp_proto::{Close, Code, Message, Qos, Set, Subscribe, TypeMask, Value};
use clasp_server::{Counted, Ending, Protocol, Server};
use tempfile::TempDir;

use crate::harness::{
    Client, PROTOCOLS, Running, Token, framed_as, hello_with, narrow, soon, start, until, wall_s,
    write_tokens,
};

const SHORT: &str = "cpsk_00000000000000000000000000000001";
const LONG: &str = "cpsk_00000000000000000000000000000002";
const ALL: &[&str] = &["admin:/**"];

/// How long after the end of its token a session may go on.
const LATEST: Duration = Duration::from_secs(5);

struct Stage {
    server: Running,
    path: PathBuf,
    _folder: TempDir,
}

impl Stage {
    /// With a token that ends in so many seconds, and one that does not.
    async fn new(seconds: Option<u64>) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("tokens.json");
        let short = Token {
            expires_at: seconds.map(|seconds| wall_s() + seconds),
            ..Token::new(SHORT, ALL)
        };
        write_tokens(&path, &[short, Token::new(LONG, ALL)]);
        let files = vec![path.clone()];
        let server = start(|config| config.token_files = files).await;
        Self {
            server,
            path,
            _folder: folder,
        }
    }

    /// Takes the first token back.
    fn revoke(&self) {
        write_tokens(&self.path, &[Token::new(LONG, ALL)]);
    }
}

fn set(address: &str, bytes: usize) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: Value::Bytes(vec![7; bytes]),
        ..Set::default()
    })
}

async fn subscriber(server: &Server, protocol: Protocol) -> Client {
    let (mut client, _) = Client::with_token(server, protocol, SHORT).await;
    subscribe(&mut client).await;
    client
}

async fn subscribe(client: &mut Client) {
    let subscribe = Subscribe {
        id: 1,
        pattern: "/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    };
    client.send(&Message::Subscribe(subscribe)).await;
    client.sync().await;
}

/// Reads up to the end, while another session writes on; the last message must be this ERROR.
async fn check_end(stage: &Stage, mut client: Client, protocol: Protocol, code: Code) {
    let (mut writer, _) = Client::with_token(&stage.server, protocol, LONG).await;
    let go_on = async {
        loop {
            writer.send(&set("/x", 10)).await;
            writer.sync().await;
        }
    };
    let read = async {
        let mut last = None;
        while let Some(message) = client.next_or_end().await {
            last = Some(message);
        }
        last
    };
    let last = tokio::select! {
        last = soon("the end of the session", read) => last,
        () = go_on => unreachable!("it goes on for ever"),
    };
    let is_told = matches!(&last, Some(Message::Error(error)) if error.code == code.number());
    assert!(is_told, "{protocol}: {last:?}");
    if protocol == Protocol::WebSocket {
        assert_eq!(client.end().await, Some(Close::TokenEnded.number()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_its_token_expires() {
    let stage = Stage::new(Some(2)).await;
    let end = Instant::now() + Duration::from_secs(3) + LATEST;
    let mut clients = Vec::new();
    for protocol in PROTOCOLS {
        clients.push((protocol, subscriber(&stage.server, protocol).await));
    }
    for (protocol, client) in clients {
        check_end(&stage, client, protocol, Code::TokenExpired).await;
        assert!(Instant::now() < end, "{protocol}");
    }
    let expired = Counted::Ended(Ending::Expired);
    assert_eq!(stage.server.counters().read(expired), 3);
    let mut again = Client::dial(&stage.server, Protocol::Tcp).await;
    again.send(&hello_with(Some(SHORT))).await;
    assert_eq!(again.error().await, Code::TokenExpired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_its_token_is_taken_back() {
    for protocol in PROTOCOLS {
        let stage = Stage::new(None).await;
        let client = subscriber(&stage.server, protocol).await;
        let begin = Instant::now();
        stage.revoke();
        check_end(&stage, client, protocol, Code::Unauthorized).await;
        assert!(begin.elapsed() < LATEST, "{protocol}");
        let mut again = Client::dial(&stage.server, protocol).await;
        again.send(&hello_with(Some(SHORT))).await;
        assert_eq!(again.error().await, Code::Unauthorized);
    }
}

/// What a session that writes as fast as it can gets done before it ends is all that there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_on_and_on_writes_nothing_after_the_end() {
    let stage = Stage::new(None).await;
    let (mut writer, _) = Client::with_token(&stage.server, Protocol::Tcp, SHORT).await;
    let flood = async {
        let frames: Vec<_> = (0..50)
            .map(|_| framed_as(Qos::Fire, &set("/x", 10)))
            .collect();
        while writer.link.send_many(&frames).await.is_ok() {}
    };
    let revoke = async {
        until("some writes", || stage.server.sessions() == 1).await;
        stage.revoke();
    };
    soon("the end of the session", async {
        tokio::join!(flood, revoke)
    })
    .await;
    until("the end of the session", || stage.server.sessions() == 0).await;
    let (mut reader, before) = Client::with_token(&stage.server, Protocol::Tcp, LONG).await;
    assert_eq!(before.len(), 1);
    reader.sync().await;
    let (_, after) = Client::with_token(&stage.server, Protocol::Tcp, LONG).await;
    assert_eq!(after, before, "the param did not change any more");
}

/// A subscriber that does not read has megabytes waiting; none of them reaches it after the end,
/// but for what the system had taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_session_is_dropped_with_it() {
    const EVENT_BYTES: usize = 50_000;
    // More than the system takes, and less than that and an outbox.
    const EVENTS: usize = 130;
    let stage = Stage::new(None).await;
    let mut stuck = narrow(&stage.server).await;
    stuck.greet_with(SHORT).await;
    subscribe(&mut stuck).await;
    let (mut writer, _) = Client::with_token(&stage.server, Protocol::Tcp, LONG).await;
    for number in 0..EVENTS {
        writer
            .send(&set(&format!("/x/{number}"), EVENT_BYTES))
            .await;
        writer.sync().await;
    }
    let begin = Instant::now();
    stage.revoke();
    until("the end of the session", || stage.server.sessions() == 1).await;
    assert!(begin.elapsed() < LATEST);
    // Written behind the end: must not be among what the reader finds in its socket.
    writer.send(&set("/late", 1)).await;
    writer.sync().await;
    let mut received = 0;
    // The end may come in the middle of a frame, or as a reset.
    while let Ok(Some(frame)) = soon("a frame or the end", stuck.link.recv()).await {
        let late = frame.windows(5).any(|window| window == b"/late");
        assert!(!late);
        received += 1;
    }
    assert!(received < EVENTS, "all {received} of them came");
}
