//! Accept loop for CLASP links. It waits for nobody but the system: whatever a peer has to say is read in its own task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::accept::Acceptor;
use super::{admit, begin};
use crate::connection::Arrival;
use crate::limits::{
    TCP_KEEPALIVE_AFTER, TCP_KEEPALIVE_INTERVAL, TCP_KEEPALIVE_RETRIES, TCP_UNACKNOWLEDGED_MAX,
};
use crate::plan::Protocol;
use crate::shared::Shared;
use crate::supervisor::Connections;

/// Accepts until the shutdown, then waits for the connections to end, up to the drain deadline.
pub(crate) async fn run(listener: TcpListener, protocol: Protocol, shared: Arc<Shared>) {
    let mut connections = Connections::new(Arc::clone(&shared.counters));
    let shutdown_begun = shared.shutdown.begun();
    tokio::pin!(shutdown_begun);
    let mut acceptor = Acceptor::new(listener);
    loop {
        tokio::select! {
            (socket, peer) = acceptor.accept(&shared.counters) => {
                welcome(socket, peer, protocol, &shared, &mut connections);
            }
            () = connections.reap() => {}
            () = &mut shutdown_begun => break,
        }
    }
    drop(acceptor);
    // Those who have not greeted yet have nothing to lose.
    shared.admission.dismiss();
    tracing::info!(%protocol, "stopped accepting");
    connections.finish(shared.plan.drain_timeout).await;
}

/// Gives a new connection a task of its own.
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

const TOO_MANY_CONNECTIONS: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 38\r\n\
    Connection: close\r\n\r\ntoo many connections: try again later\n";
