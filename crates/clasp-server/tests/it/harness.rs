//! A server on loopback, a small client that shows every message, and a socket that says anything.

use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use clasp_proto::{
    Code, Hello, Message, Param, Publish, Qos, Signal, Subscribe, TypeMask, Value, binary, frame,
};
use clasp_server::{Config, Protocol, Server};
use clasp_transport::tls::Trust;
use clasp_transport::{Closed, DialOptions, Link, Step, dial, websocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::timeout;

/// Far beyond what anything here takes; whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// The outcome of something that must come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(what, wait).await;
}

/// All that a server speaks.
pub(crate) const PROTOCOLS: [Protocol; 3] = [Protocol::WebSocket, Protocol::Quic, Protocol::Tcp];

/// A server of one test. A test holds one at a time, lest it waits for itself.
pub(crate) struct Running {
    server: Server,
    _turn: Turn,
}

/// Tests run side by side, except those that measure the memory of the process.
enum Turn {
    Shared {
        _guard: RwLockReadGuard<'static, ()>,
    },
    Alone {
        _guard: RwLockWriteGuard<'static, ()>,
    },
}

static TURNS: RwLock<()> = RwLock::const_new(());

impl Running {
    /// Stops the server, and lets other tests have their turn.
    pub(crate) async fn shutdown(self) {
        self.server.shutdown().await;
    }
}

impl Deref for Running {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// A server on free ports with all protocols.
pub(crate) async fn start(adjust: impl FnOnce(&mut Config)) -> Running {
    let _turn = Turn::Shared {
        _guard: TURNS.read().await,
    };
    Running {
        server: server(adjust).await,
        _turn,
    }
}

/// The same with no other test beside it.
pub(crate) async fn start_alone(adjust: impl FnOnce(&mut Config)) -> Running {
    let _turn = Turn::Alone {
        _guard: TURNS.write().await,
    };
    Running {
        server: server(adjust).await,
        _turn,
    }
}

/// One more server in a test that has its turn already.
pub(crate) async fn server(adjust: impl FnOnce(&mut Config)) -> Server {
    let server = Server::start(&config(adjust)).await;
    server.expect("the server starts")
}

/// All protocols on free ports.
pub(crate) fn config(adjust: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config {
        host: "127.0.0.1".to_owned(),
        websocket_port: Some(0),
        tcp_port: Some(0),
        quic_port: Some(0),
        messages_per_second: 0,
        ..Config::development()
    };
    adjust(&mut config);
    config
}

/// Bytes of this process that are in memory.
pub(crate) fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells the size");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number") * 4096
}

pub(crate) fn address(server: &Server, protocol: Protocol) -> SocketAddr {
    let bound = server
        .local_addrs()
        .iter()
        .find(|bound| bound.protocol == protocol);
    bound.expect("the listener is open").address
}

pub(crate) fn url(server: &Server, protocol: Protocol) -> String {
    let scheme = protocol.scheme(server.has_tls());
    format!("{scheme}://{}", address(server, protocol))
}

/// A message as a frame.
pub(crate) fn framed(message: &Message) -> Bytes {
    framed_as(message.qos(), message)
}

pub(crate) fn framed_as(qos: Qos, message: &Message) -> Bytes {
    let mut payload = Vec::new();
    binary::encode(message, &mut payload).expect("the message fits a frame");
    framed_payload(qos, &payload)
}

pub(crate) fn framed_payload(qos: Qos, payload: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, qos, payload).expect("the payload fits a frame");
    bytes.into()
}

pub(crate) fn hello() -> Message {
    Message::Hello(Hello {
        version: 1,
        name: "test".to_owned(),
        ..Hello::default()
    })
}

pub(crate) fn hello_with(token: Option<&str>) -> Message {
    Message::Hello(Hello {
        version: 1,
        name: "test".to_owned(),
        token: token.map(str::to_owned),
        ..Hello::default()
    })
}

/// A token for a file of them.
pub(crate) struct Token<'a> {
    pub(crate) token: &'a str,
    pub(crate) scopes: &'a [&'a str],
    pub(crate) subject: Option<&'a str>,
    pub(crate) expires_at: Option<u64>,
}

impl<'a> Token<'a> {
    pub(crate) const fn new(token: &'a str, scopes: &'a [&'a str]) -> Self {
        Self {
            token,
            scopes,
            subject: None,
            expires_at: None,
        }
    }
}

/// Writes a file as `clasp token` does, all at once.
pub(crate) fn write_tokens(path: &Path, tokens: &[Token<'_>]) {
    let entries = tokens.iter().map(|it| {
        let entry = serde_json::json!({
            "token": it.token,
            "scopes": it.scopes,
            "subject": it.subject,
            "expires_at": it.expires_at,
            "created_at": 1,
        });
        (it.token.to_owned(), entry)
    });
    let entries: serde_json::Map<_, _> = entries.collect();
    let text = serde_json::json!({ "tokens": entries }).to_string();
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("the file is written");
    make_private(&new);
    std::fs::rename(new, path).expect("it takes the place of the old one");
}

/// Takes the file from everybody but its owner: a server refuses secrets that others can read.
pub(crate) fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, mode).expect("it is our file");
}

/// Seconds since 1970.
pub(crate) fn wall_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("the clock is set").as_secs()
}

/// A connection that understands what it is told.
pub(crate) struct Client {
    pub(crate) link: Link,
}

impl Client {
    /// Connected, but not yet greeted.
    pub(crate) async fn dial(server: &Server, protocol: Protocol) -> Self {
        let options = DialOptions {
            timeout: PATIENCE,
            trust: Trust::Anybody,
        };
        let link = dial(&url(server, protocol), &options)
            .await
            .expect("the server answers");
        Self { link }
    }

    /// Welcomed, with its first snapshot read.
    pub(crate) async fn welcomed(server: &Server, protocol: Protocol) -> Self {
        let mut client = Self::dial(server, protocol).await;
        client.greet().await;
        client
    }

    /// Welcomed with a token; gives its first snapshot as well.
    pub(crate) async fn with_token(
        server: &Server,
        protocol: Protocol,
        token: &str,
    ) -> (Self, Vec<Param>) {
        let mut client = Self::dial(server, protocol).await;
        let params = client.greet_with(token).await;
        (client, params)
    }

    pub(crate) async fn greet_with(&mut self, token: &str) -> Vec<Param> {
        self.send(&hello_with(Some(token))).await;
        let welcome = self.next().await;
        assert!(matches!(welcome, Message::Welcome(_)), "got {welcome:?}");
        match self.next().await {
            Message::Snapshot(snapshot) => snapshot.params,
            other => panic!("expected a SNAPSHOT, got {other:?}"),
        }
    }

    async fn greet(&mut self) {
        self.send(&hello()).await;
        assert!(matches!(self.next().await, Message::Welcome(_)));
        assert!(matches!(self.next().await, Message::Snapshot(_)));
    }

    /// Welcomed, unless there is no place; the server may hang up at any moment before.
    pub(crate) async fn try_welcomed(server: &Server) -> Option<Self> {
        Self::try_welcomed_at(&url(server, Protocol::WebSocket)).await
    }

    /// The same by the url of the server, which may be another process.
    pub(crate) async fn try_welcomed_at(url: &str) -> Option<Self> {
        let link = dial(url, &DialOptions::default()).await.ok()?;
        let mut client = Self { link };
        let greeted = client.ask(&hello()).await?;
        matches!(greeted, Message::Welcome(_)).then_some(client)
    }

    /// The next message after this one is sent, or nothing when the link fails or ends.
    pub(crate) async fn ask(&mut self, message: &Message) -> Option<Message> {
        self.link.send_many(&[framed(message)]).await.ok()?;
        self.try_next().await
    }

    /// The next message, or nothing when the link fails or ends.
    pub(crate) async fn try_next(&mut self) -> Option<Message> {
        let frame = soon("an answer", self.link.recv()).await.ok()??;
        let (_, payload) = frame::split(&frame).expect("a whole frame");
        Some(binary::decode(payload).expect("a message"))
    }

    pub(crate) async fn send(&mut self, message: &Message) {
        self.send_frames(&[framed(message)]).await;
    }

    pub(crate) async fn send_frames(&mut self, frames: &[Bytes]) {
        soon("room to send", self.link.send_many(frames))
            .await
            .expect("the link takes frames");
    }

    /// The next message; there must be one.
    pub(crate) async fn next(&mut self) -> Message {
        self.next_or_end().await.expect("the link goes on")
    }

    /// The next message, nothing at the end of the link.
    pub(crate) async fn next_or_end(&mut self) -> Option<Message> {
        let frame = soon("a message", self.link.recv())
            .await
            .expect("the link works")?;
        let (_, payload) = frame::split(&frame).expect("a whole frame");
        Some(binary::decode(payload).expect("a message"))
    }

    /// Everything up to the answer to a PING that is sent now.
    pub(crate) async fn sync(&mut self) -> Vec<Message> {
        self.send(&Message::Ping).await;
        let mut before = Vec::new();
        loop {
            match self.next().await {
                Message::Pong => return before,
                message => before.push(message),
            }
        }
    }

    /// The code of the ERROR that must come next.
    pub(crate) async fn error(&mut self) -> Code {
        match self.next().await {
            Message::Error(error) => Code::from_number(error.code).expect("a known code"),
            other => panic!("expected an ERROR, got {other:?}"),
        }
    }

    /// Reads to the end of the link; gives the number of the close.
    pub(crate) async fn end(&mut self) -> Option<u16> {
        while self.next_or_end().await.is_some() {}
        self.link.closed().and_then(|closed| closed.code)
    }
}

/// A client that is fine must be served, whatever else goes on.
pub(crate) async fn check_served(server: &Server) {
    for protocol in PROTOCOLS {
        assert_eq!(Client::welcomed(server, protocol).await.sync().await, []);
    }
}

/// A connection for which the system keeps little, not greeted yet.
pub(crate) async fn narrow(server: &Server) -> Client {
    let stream = narrow_socket(address(server, Protocol::Tcp)).await;
    Client {
        link: Link::length(stream.into()),
    }
}

/// A socket for which the system keeps little.
pub(crate) async fn narrow_socket(address: SocketAddr) -> TcpStream {
    // The system would gladly keep some megabytes for a reader that does not ask for less.
    let socket = TcpSocket::new_v4().expect("there are sockets");
    let limited = socket.set_recv_buffer_size(16 * 1024);
    limited.expect("a buffer may be small");
    let connect = socket.connect(address);
    soon("a connection", connect)
        .await
        .expect("the port is open")
}

/// A session with more on its way than it will ever read.
pub(crate) async fn stuck_reader(server: &Server) -> Client {
    let mut publisher = Client::welcomed(server, Protocol::Tcp).await;
    let mut stuck = narrow(server).await;
    stuck.greet().await;
    let subscribe = Subscribe {
        id: 1,
        pattern: "/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    };
    stuck.send(&Message::Subscribe(subscribe)).await;
    stuck.sync().await;
    // More than the system keeps for its writer, and less than the server does.
    let event = |i: usize| {
        framed(&Message::Publish(Publish {
            address: "/e".to_owned(),
            signal: Some(Signal::Param),
            value: Some(Value::Bytes(vec![i as u8; 60_000])),
            ..Publish::default()
        }))
    };
    let frames: Vec<_> = (0..90).map(event).collect();
    publisher.send_frames(&frames).await;
    publisher.sync().await;
    stuck
}

/// A socket without manners.
pub(crate) async fn socket(server: &Server, protocol: Protocol) -> TcpStream {
    let connect = TcpStream::connect(address(server, protocol));
    soon("a connection", connect)
        .await
        .expect("the port is open")
}

/// A socket that has been upgraded, to say anything in frames or not.
pub(crate) async fn upgraded(server: &Server) -> TcpStream {
    let mut socket = socket(server, Protocol::WebSocket).await;
    socket
        .write_all(upgrade_request("").as_bytes())
        .await
        .expect("the request is taken");
    let head = read_head(&mut socket).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket
}

pub(crate) fn upgrade_request(headers: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

/// Asks one thing over HTTP; gives the status and the body.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let connect = TcpStream::connect(address);
    let mut socket = soon("a connection", connect)
        .await
        .expect("the port is open");
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let sent = socket.write_all(request.as_bytes()).await;
    sent.expect("the request is taken");
    let answer = String::from_utf8(read_to_end(&mut socket).await).expect("an answer is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a head names its status"), body.to_owned())
}

/// Reads byte by byte, so that nothing behind the head is lost.
pub(crate) async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(
            soon("a response head", socket.read_u8())
                .await
                .expect("more of the head"),
        );
    }
    String::from_utf8(head).expect("a head is text")
}

/// Reads until these bytes have come, and nothing beyond them.
pub(crate) async fn read_until(socket: &mut TcpStream, expected: &[u8]) {
    let mut received = Vec::new();
    while !received.ends_with(expected) {
        received.push(
            soon("an answer", socket.read_u8())
                .await
                .expect("the connection goes on"),
        );
    }
}

/// Everything up to the end; a reset is an end as well.
pub(crate) async fn read_to_end(socket: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    soon(
        "the end of the connection",
        socket.read_to_end(&mut received),
    )
    .await
    .ok();
    received
}

/// How the server said goodbye in these bytes.
pub(crate) fn goodbye(bytes: &mut [u8]) -> Option<Closed> {
    let (mut reader, mut at) = (websocket::Reader::client(), 0);
    loop {
        match reader
            .next(bytes, &mut at)
            .expect("the server keeps the rules")
        {
            Step::Close { code, reason } => {
                let reason = String::from_utf8_lossy(&bytes[reason]).into_owned();
                return Some(Closed { code, reason });
            }
            Step::NeedMore(_) => return None,
            _ => {}
        }
    }
}

/// A client's frame under a mask of zeros.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend((long as u16).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
