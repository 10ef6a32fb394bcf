//! Where connections over TCP come from: CLASP over WebSocket, and over bare TCP.

use std::io;
use std::net::SocketAddr;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::accept::Acceptor;
use super::clasp::Door;
use crate::connection::Arrival;
use crate::limits::{
    TCP_KEEPALIVE_AFTER, TCP_KEEPALIVE_INTERVAL, TCP_KEEPALIVE_RETRIES, TCP_UNACKNOWLEDGED_MAX,
};
use crate::plan::Protocol;
use crate::shared::Shared;

/// A port of TCP.
pub(super) struct Port {
    acceptor: Acceptor,
    protocol: Protocol,
}

impl Port {
    pub(super) fn new(listener: TcpListener, protocol: Protocol) -> Self {
        Self {
            acceptor: Acceptor::new(listener),
            protocol,
        }
    }
}

impl Door for Port {
    async fn next(&mut self, shared: &Shared) -> Option<(Arrival, SocketAddr)> {
        loop {
            let (socket, peer) = self.acceptor.accept(&shared.counters).await;
            match prepare(&socket) {
                Ok(()) => {
                    let protocol = self.protocol;
                    return Some((Arrival::Socket { socket, protocol }, peer));
                }
                // The peer has gone already.
                Err(error) => tracing::debug!(%peer, %error, "cannot set up the socket"),
            }
        }
    }

    fn close(self) {}
}

/// Sends at once, and finds out when the peer is gone without a word: a machine that lost its power or its network
/// says nothing, and a session without traffic would wait for it. // protocol/limits.md 4.13
fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    if let Err(error) = ask_for_life(socket) {
        // Some systems know no such thing; vanished peers are found by the session timeout there.
        tracing::debug!(%error, "cannot set up keepalive");
    }
    Ok(())
}

fn ask_for_life(socket: &TcpStream) -> io::Result<()> {
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
