//! Serving HTTP: takes sockets from a port, and speaks HTTP on each of them for a limited time.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::{ConnectInfo, DefaultBodyLimit};
use axum::{Extension, Router};
use clasp_transport::tls::{self, HANDSHAKE_RECORD};
use clasp_transport::{HandshakeError, Stream};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::admission::{Admission, Arrived, Caps};
use crate::limits::{
    HTTP_BODY_BYTES_MAX, HTTP_CONNECTION_TIME, HTTP_CONNECTIONS_MAX, HTTP_CONNECTIONS_PER_IP_MAX,
    HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIMEOUT, HTTP_LAST_ANSWER, HTTP_QUEUED_MAX, QUEUED_TIME_MAX,
    TLS_TIMEOUT,
};
use crate::listeners::accept::Acceptor;
use crate::plan::Protocol;
use crate::shared::Shared;
use crate::supervisor::Connections;

/// Answers requests with `routes` until the server has no more sessions, also while it drains.
///
/// A handler can ask for the peer with `ConnectInfo<SocketAddr>`. A body is at most
/// [`HTTP_BODY_BYTES_MAX`] unless its route says otherwise.
pub(crate) async fn serve(
    listener: TcpListener,
    protocol: Protocol,
    routes: Router,
    shared: Arc<Shared>,
) {
    let routes = routes.layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX));
    let admission = Admission::new(HTTP_CAPS);
    let mut connections = Connections::new(Arc::clone(&shared.counters));
    let mut acceptor = Acceptor::new(listener);
    let mut finished = pin!(shared.shutdown.finished());
    loop {
        tokio::select! {
            (socket, peer) = acceptor.accept(&shared.counters) => {
                let Some(arrived) = admission.arrive(peer.ip()) else { continue };
                let (routes, shared) = (routes.clone(), Arc::clone(&shared));
                let conversation = converse(socket, (protocol, peer), routes, shared);
                connections.start(wait_and(conversation, peer, admission.clone(), arrived));
            }
            () = connections.reap() => {}
            () = &mut finished => break,
        }
    }
    drop(acceptor);
    admission.close();
    connections.finish(HTTP_LAST_ANSWER).await;
}

/// Holds a conversation when there is a place for it, for as long as nobody needs that more.
async fn wait_and(
    conversation: impl Future<Output = ()>,
    peer: SocketAddr,
    admission: Admission,
    arrived: Arrived,
) {
    let Arrived { connected, queued } = arrived;
    let place = timeout(QUEUED_TIME_MAX, admission.admit(peer.ip(), queued)).await;
    let Some(admitted) = place.ok().flatten() else {
        return;
    };
    tokio::select! {
        () = conversation => {}
        () = admitted.pending.displaced() => {}
    }
    drop(connected);
}

/// Speaks HTTP on a socket, through TLS if the server has a certificate.
async fn converse(
    socket: TcpStream,
    (protocol, peer): (Protocol, SocketAddr),
    routes: Router,
    shared: Arc<Shared>,
) {
    match timeout(TLS_TIMEOUT, secure(socket, protocol, &shared)).await {
        Ok(Ok(stream)) => speak(stream, peer, routes, shared).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
        Err(_) => tracing::debug!(%peer, "no TLS in time"),
    }
}

/// The bytes of a connection. Ports for probes answer with and without TLS, since what probes them seldom knows the
/// authority and never sends a secret.
async fn secure(
    socket: TcpStream,
    protocol: Protocol,
    shared: &Shared,
) -> Result<Stream, HandshakeError> {
    let Some(tls) = shared.plan.tls.as_ref().filter(|_| shared.plan.has_tls()) else {
        return Ok(socket.into());
    };
    let mut first = [0];
    if protocol.is_for_probes() {
        socket.peek(&mut first).await?;
        if first[0] != HANDSHAKE_RECORD {
            return Ok(socket.into());
        }
    }
    tls::accept(socket, &tls.server).await
}

/// Speaks HTTP/1.1 on a stream until its peer or the server ends it, or it has lasted long enough: neither
/// a slow request nor an answer that nobody reads keeps its place for longer.
async fn speak<S>(stream: S, peer: SocketAddr, routes: Router, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(routes.layer(Extension(ConnectInfo(peer))));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HTTP_HEAD_TIMEOUT)
            .max_buf_size(HTTP_HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = sleep(HTTP_CONNECTION_TIME) => None,
        () = shared.shutdown.finished() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            let last = timeout(HTTP_LAST_ANSWER, connection).await;
            last.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "HTTP connection failed");
    }
}

/// A connection keeps its place for as long as it lasts, or until others need it.
const HTTP_CAPS: Caps = Caps {
    connections_per_ip_max: 0,
    pending_max: HTTP_CONNECTIONS_MAX,
    pending_per_ip_max: HTTP_CONNECTIONS_PER_IP_MAX,
    queued_max: HTTP_QUEUED_MAX,
};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::routing::post;
    use clasp_transport::memory;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::config::Config;
    use crate::plan::Plan;

    fn shared() -> Arc<Shared> {
        let plan = Plan::new(&Config::development()).unwrap();
        Arc::new(Shared::new(plan).unwrap())
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    /// What is answered to these bytes, after which the peer says nothing more, and after how long.
    async fn answer(request: &[u8]) -> (String, Duration) {
        let routes = Router::new()
            .route("/", post(async |body: String| body))
            .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX));
        let (server_end, mut client_end) = memory::pair(1024 * 1024);
        client_end.write_all(request).await.unwrap();
        let begun = tokio::time::Instant::now();
        speak(server_end, peer(), routes, shared()).await;
        let mut answer = Vec::new();
        client_end.read_to_end(&mut answer).await.unwrap();
        let head = String::from_utf8(answer).unwrap();
        (
            head.lines().next().unwrap_or_default().to_owned(),
            begun.elapsed(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_lasts_longer_or_takes_more_than_it_may() {
        let post = |bytes: usize, body: &[u8]| {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {bytes}\r\n\r\n");
            [head.as_bytes(), body].concat()
        };
        let long_head = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(HTTP_HEAD_BYTES_MAX));
        let (start, end) = (Duration::ZERO, HTTP_CONNECTION_TIME + HTTP_LAST_ANSWER);
        for (request, status, time) in [
            (&b""[..], "", HTTP_HEAD_TIMEOUT),
            (b"POST / HTTP/1.1\r\nHos", "", HTTP_HEAD_TIMEOUT),
            (&post(3, b"abc"), "HTTP/1.1 200 OK", HTTP_HEAD_TIMEOUT),
            (&post(3, b"ab"), "", end),
            (
                &post(HTTP_BODY_BYTES_MAX + 1, &[b'a'; HTTP_BODY_BYTES_MAX + 1]),
                "HTTP/1.1 413 Payload Too Large",
                HTTP_HEAD_TIMEOUT,
            ),
            (
                long_head.as_bytes(),
                "HTTP/1.1 431 Request Header Fields Too Large",
                start,
            ),
            (
                b"\x16\x03\x01 is no HTTP",
                "HTTP/1.1 400 Bad Request",
                start,
            ),
        ] {
            let text = String::from_utf8_lossy(&request[..request.len().min(40)]);
            assert_eq!(answer(request).await, (status.to_owned(), time), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_end_with_the_server() {
        let (server_end, mut client_end) = memory::pair(1024);
        let shared = shared();
        let begun = tokio::time::Instant::now();
        let conversation = speak(server_end, peer(), Router::new(), Arc::clone(&shared));
        let end = async {
            client_end
                .write_all(b"GET / HTTP/1.1\r\n\r\n")
                .await
                .unwrap();
            client_end.read_u8().await.unwrap();
            shared.shutdown.finish();
        };
        tokio::join!(conversation, end);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
