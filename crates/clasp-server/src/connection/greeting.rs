//! The beginning of a connection: the upgrade, HELLO, and WELCOME with the first snapshot.

use std::net::SocketAddr;
use std::sync::Arc;

use clasp_proto::{Binding, Features, Hello, Message, Welcome, binary};
use clasp_router::{NewSession, Session};
use clasp_transport::{FrameReader, HandshakeError, ProtocolError, Step, Stream, tls, websocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Arrival, Attached, input, output};
use crate::admission::Pending;
use crate::auth::{Denial, Identity};
use crate::counters::{Counted, Ending};
use crate::handshake::{self, Rejection};
use crate::limits::{FAREWELL_TIMEOUT, TLS_TIMEOUT};
use crate::metrics::Kind;
use crate::plan::Protocol;
use crate::roster::Entry;
use crate::shared::Shared;

/// A connection that has become a session.
pub(super) struct Greeted<'a> {
    pub(super) attached: Attached<'a>,
    /// What the peer calls itself.
    pub(super) name: String,
    pub(super) binding: Binding,
    pub(super) stream: Stream,
    pub(super) reader: FrameReader,
    /// Bytes that came behind the HELLO.
    pub(super) received: Vec<u8>,
}

/// A connection on which frames can be read.
struct Opened {
    stream: Stream,
    binding: Binding,
    reader: FrameReader,
    received: Vec<u8>,
}

/// Where a peer comes from.
#[derive(Clone, Copy)]
struct Newcomer {
    binding: Binding,
    protocol: Protocol,
    peer: SocketAddr,
}

/// Why there is no session.
enum Failure {
    /// The peer is gone, or did not speak our transport.
    Gone,
    Protocol(ProtocolError),
    Rejected(Rejection),
}

/// Waits for the peer to introduce itself; `None` if it did not, and was told so.
/// // protocol/router.md 2.1, protocol/limits.md 4.2, 4.3
pub(super) async fn greet<'a>(
    (arrival, peer): (Arrival, SocketAddr),
    shared: &'a Shared,
    permit: Pending,
) -> Option<Greeted<'a>> {
    let protocol = arrival.protocol();
    let mut opened = match open(arrival, shared, &permit).await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::debug!(%error, "no upgrade");
            return None;
        }
    };
    let hello = tokio::time::timeout(shared.plan.hello_timeout, first_frame(&mut opened));
    let greeted = match hello.await {
        Err(_) => Err(Failure::Rejected(Rejection::TimedOut)),
        Ok(Err(failure)) => Err(failure),
        Ok(Ok(first)) => {
            let newcomer = Newcomer {
                binding: opened.binding,
                protocol,
                peer,
            };
            let admitted = admit(&first, newcomer, shared).await;
            admitted.map_err(Failure::Rejected)
        }
    };
    if let Err(Failure::Rejected(rejection)) = &greeted {
        note(rejection, shared);
    }
    drop(permit);
    match greeted {
        Ok((attached, name)) => Some(Greeted {
            attached,
            name,
            binding: opened.binding,
            stream: opened.stream,
            reader: opened.reader,
            received: opened.received,
        }),
        Err(failure) => {
            turn_away(opened, failure).await;
            None
        }
    }
}

/// Tells a peer that said nothing why it has to go, where it can understand that. // protocol/limits.md 4.3
pub(super) async fn give_up(arrival: Arrival, shared: &Shared) {
    let Arrival::Socket {
        socket,
        protocol: Protocol::Tcp,
    } = arrival
    else {
        return;
    };
    if shared.plan.has_tls() {
        return;
    }
    let opened = Opened {
        stream: socket.into(),
        binding: Binding::Length,
        reader: FrameReader::length(),
        received: Vec::new(),
    };
    note(&Rejection::TimedOut, shared);
    turn_away(opened, Failure::Rejected(Rejection::TimedOut)).await;
}

async fn open(
    arrival: Arrival,
    shared: &Shared,
    permit: &Pending,
) -> Result<Opened, HandshakeError> {
    let protocol = arrival.protocol();
    let secured = tokio::time::timeout(TLS_TIMEOUT, secure(arrival, shared));
    let stream = secured.await.map_err(|_| HandshakeError::Closed)??;
    permit.progressed();
    let (binding, reader) = match protocol {
        Protocol::WebSocket => {
            let opened = upgrade(stream, shared).await;
            permit.progressed();
            return opened;
        }
        Protocol::Quic => (Binding::Bare, FrameReader::bare()),
        // Of the others none but TCP gets here.
        _ => (Binding::Length, FrameReader::length()),
    };
    Ok(Opened {
        stream,
        binding,
        reader,
        received: Vec::new(),
    })
}

/// The bytes of a connection, through TLS if the server speaks it.
async fn secure(arrival: Arrival, shared: &Shared) -> Result<Stream, HandshakeError> {
    match (arrival, &shared.plan.tls) {
        (Arrival::Socket { socket, .. }, Some(tls)) if shared.plan.has_tls() => {
            tls::accept(socket, &tls.server).await
        }
        (Arrival::Socket { socket, .. }, _) => Ok(socket.into()),
        (Arrival::Quic(arriving), _) => arriving.stream().await,
    }
}

async fn upgrade(stream: Stream, shared: &Shared) -> Result<Opened, HandshakeError> {
    let upgrade = websocket::accept(stream, &shared.plan.upgrade_rules, || shared.is_ready());
    let upgraded = tokio::time::timeout(shared.plan.upgrade_timeout, upgrade)
        .await
        .map_err(|_| HandshakeError::Closed)??;
    Ok(Opened {
        stream: upgraded.stream,
        binding: Binding::WebSocket,
        reader: FrameReader::websocket_server(),
        received: upgraded.leftover,
    })
}

/// The first frame; what came behind it stays in `received`.
async fn first_frame(opened: &mut Opened) -> Result<Vec<u8>, Failure> {
    let Opened {
        stream,
        reader,
        received,
        ..
    } = opened;
    let mut control = Vec::new();
    loop {
        let mut at = 0;
        let step = reader.next(received, &mut at).map_err(Failure::Protocol)?;
        let frame = match step {
            Step::Binary(range) => Some(received[range].to_vec()),
            Step::Assembled(frame) => Some(frame),
            Step::Ping(range) => {
                control.clear();
                websocket::pong(&mut control, &received[range]);
                stream
                    .write_all(&control)
                    .await
                    .map_err(|_| Failure::Gone)?;
                None
            }
            Step::Text | Step::Pong => None,
            Step::Close { .. } => return Err(Failure::Gone),
            Step::NeedMore(_) => {
                // Fragments of a message that is not whole yet.
                received.drain(..at);
                let read = stream.read_buf(received).await;
                if read.is_ok_and(|count| count > 0) {
                    continue;
                }
                return Err(Failure::Gone);
            }
        };
        received.drain(..at);
        if let Some(frame) = frame {
            return Ok(frame);
        }
    }
}

/// HELLO to session: WELCOME and the snapshot wait in its outbox. // protocol/router.md 2.8
async fn admit<'a>(
    first: &[u8],
    newcomer: Newcomer,
    shared: &'a Shared,
) -> Result<(Attached<'a>, String), Rejection> {
    let hello = handshake::read_hello(first)?;
    shared.metrics.add_message(Kind::Hello);
    let authenticator = &shared.authenticator;
    loop {
        let revocations = authenticator.revocations();
        let identity = identify(&hello, shared).await?;
        let attached = attach(&hello, newcomer, identity, shared)?;
        if authenticator.revocations() == revocations {
            welcome(&attached.session, shared);
            return Ok((attached, hello.name));
        }
        // It may have been this token, a moment before the session was in the roster.
    }
}

async fn identify(hello: &Hello, shared: &Shared) -> Result<Identity, Denial> {
    let now = shared.clock.now().wall;
    let token = hello.token.as_deref();
    shared.authenticator.identify(token, now).await
}

/// Makes a session and enters it into the roster.
fn attach<'a>(
    hello: &Hello,
    newcomer: Newcomer,
    identity: Identity,
    shared: &'a Shared,
) -> Result<Attached<'a>, Rejection> {
    if shared.shutdown.has_begun() {
        return Err(Rejection::ShuttingDown);
    }
    // protocol/router.md 2.7
    let id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
    let new = NewSession {
        id,
        binding: newcomer.binding,
        principal: identity.principal,
    };
    let session = shared.router.attach(new).map_err(Rejection::Full)?;
    let mut attached = Attached {
        shared,
        session,
        ending: Ending::CutOff,
    };
    // Asked only now: a session that is attached later than that is not told of the shutdown.
    if shared.shutdown.has_begun() {
        attached.ending = Ending::ShuttingDown;
        return Err(Rejection::ShuttingDown);
    }
    shared.roster.enter(Entry {
        session: Arc::clone(&attached.session),
        credential: identity.credential,
        name: hello.name.as_str().into(),
        protocol: newcomer.protocol,
        peer: newcomer.peer,
        since: shared.clock.now().wall,
    });
    Ok(attached)
}

/// Counts a rejection.
fn note(rejection: &Rejection, shared: &Shared) {
    shared.metrics.add_error(rejection.code());
    match rejection {
        Rejection::Denied(Denial::Missing) => shared.counters.count(Counted::NoToken),
        Rejection::Denied(_) => shared.counters.count(Counted::WrongToken),
        _ => {}
    }
}

fn welcome(session: &Arc<Session>, shared: &Shared) {
    let now = shared.clock.now();
    let welcome = Message::Welcome(Welcome {
        // protocol/router.md 1.2, 2.5
        version: PROTOCOL_VERSION,
        features: Features::SIGNALS,
        time: now.wall.0,
        session: session.id.to_string(),
        name: shared.plan.name.to_string(),
        token: None,
    });
    let mut payload = Vec::new();
    binary::encode(&welcome, &mut payload).expect("the name was checked to be short");
    input::with_work(shared, |work| {
        let mut batch = shared.router.batch(session, now, work);
        batch.answer(&payload);
        batch.greet();
        batch.finish(None);
    });
}

/// ERROR, then the close with the same text, so that every client notices at once.
/// // protocol/router.md 2.3, protocol/wire.md 7.5
async fn turn_away(opened: Opened, failure: Failure) {
    let Opened {
        mut stream,
        binding,
        ..
    } = opened;
    let mut last = Vec::new();
    let (close, text) = match failure {
        Failure::Gone => return,
        Failure::Protocol(error) => (error.close(), error.to_string()),
        Failure::Rejected(rejection) => {
            let text = rejection.to_string();
            output::error(&mut last, binding, rejection.code(), &text);
            (rejection.close(), text)
        }
    };
    tracing::debug!(reason = %text, "turned away");
    if binding == Binding::WebSocket {
        websocket::close(&mut last, close.number(), &text);
    }
    let closing = async {
        stream.write_all(&last).await?;
        stream.shutdown().await
    };
    // A peer that does not take it loses it.
    tokio::time::timeout(FAREWELL_TIMEOUT, closing).await.ok();
}

/// What HELLO and WELCOME say. // protocol/router.md 1.2
pub(crate) const PROTOCOL_VERSION: u8 = 1;
