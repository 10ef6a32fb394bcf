//! Accept loop for CLASP links. It waits for nobody but the system: whatever a peer has to say is read in its own task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{admit, begin};
use crate::connection::Arrival;
use crate::counters::Counted;
use crate::limits::{
    ACCEPT_BACKLOG, ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN, TCP_KEEPALIVE_AFTER,
    TCP_KEEPALIVE_INTERVAL, TCP_KEEPALIVE_RETRIES, TCP_UNACKNOWLEDGED_MAX,
};
use crate::plan::Protocol;
use crate::shared::Shared;
use crate::supervisor::Connections;

/// Binds an address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // Otherwise a restart would have to wait for the connections of the last run to be forgotten.
    // On Windows the option would let another process take the port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

/// Accepts until the shutdown, then waits for the connections to end, up to the drain deadline.
pub(crate) async fn run(listener: TcpListener, protocol: Protocol, shared: Arc<Shared>) {
    let mut connections = Connections::new(Arc::clone(&shared.counters));
    let shutdown_begun = shared.shutdown.begun();
    tokio::pin!(shutdown_begun);
    let mut pause = None;
    loop {
        tokio::select! {
            accepted = accept(&listener, pause.as_ref()) => match accepted {
                Ok((socket, peer)) => {
                    pause = None;
                    welcome(socket, peer, protocol, &shared, &mut connections);
                }
                Err(error) => pause = pause_after(&error, pause.as_ref(), &shared),
            },
            () = connections.reap() => {}
            () = &mut shutdown_begun => break,
        }
    }
    drop(listener);
    // Those who have not greeted yet have nothing to lose.
    shared.admission.dismiss();
    tracing::info!(%protocol, "stopped accepting");
    connections.finish(shared.plan.drain_timeout).await;
}

/// What a failed `accept` costs before the next one.
struct Pause {
    length: Duration,
    /// A moment, since waiting is begun anew whenever a connection ends.
    until: Instant,
}

async fn accept(
    listener: &TcpListener,
    pause: Option<&Pause>,
) -> io::Result<(TcpStream, SocketAddr)> {
    if let Some(pause) = pause {
        tokio::time::sleep_until(pause.until.into()).await;
    }
    listener.accept().await
}

fn welcome(
    socket: TcpStream,
    peer: SocketAddr,
    protocol: Protocol,
    shared: &Arc<Shared>,
    connections: &mut Connections,
) {
    let Some(admitted) = admit(peer, protocol, shared) else {
        return turn_away(&socket, protocol, shared);
    };
    if let Err(error) = prepare(&socket) {
        // The peer has gone already.
        tracing::debug!(%peer, %error, "cannot set up the socket");
        return;
    }
    begin(Arrival::Socket(socket), peer, admitted, shared, connections);
}

/// Sends at once, and finds out when the peer is gone without a word: a machine that lost its power or its network
/// says nothing, and a session without traffic would wait for it. // protocol/limits.md 4.13
fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new()
        .with_time(TCP_KEEPALIVE_AFTER)
        .with_interval(TCP_KEEPALIVE_INTERVAL)
        .with_retries(TCP_KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(TCP_UNACKNOWLEDGED_MAX))?;
    Ok(())
}

/// Says why, if the socket takes it at once, which an empty one does.
fn turn_away(socket: &TcpStream, protocol: Protocol, shared: &Shared) {
    if protocol == Protocol::WebSocket && !shared.plan.has_tls() {
        // Nothing is lost if the peer does not learn why.
        socket.try_write(TOO_MANY_CONNECTIONS).ok();
    }
}

/// How long not to ask again. One client's trouble costs nothing; a want of file descriptors or memory does not
/// pass faster by asking more often.
fn pause_after(error: &io::Error, before: Option<&Pause>, shared: &Shared) -> Option<Pause> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    ) {
        return None;
    }
    shared.counters.count(Counted::AcceptFailure);
    if before.is_none() {
        tracing::error!(%error, "cannot accept connections: raise the limit of open files, or lower --max-sessions");
    }
    let length = before.map_or(ACCEPT_PAUSE_MIN, |before| {
        (before.length * 2).min(ACCEPT_PAUSE_MAX)
    });
    Some(Pause {
        length,
        until: Instant::now() + length,
    })
}

const TOO_MANY_CONNECTIONS: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 38\r\n\
    Connection: close\r\n\r\ntoo many connections: try again later\n";
