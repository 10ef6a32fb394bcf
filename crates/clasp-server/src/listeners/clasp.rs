//! Accept loop for CLASP links. It waits for no peer: whatever one has to say is read in its own task.

use std::io;
use std::sync::Arc;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::accept::Acceptor;
use super::{arrive, drain};
use crate::connection::{self, Arrival};
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
                if let Err(error) = prepare(&socket) {
                    // The peer has gone already.
                    tracing::debug!(%peer, %error, "cannot set up the socket");
                    continue;
                }
                let arrival = Arrival::Socket { socket, protocol };
                let Some(arrived) = arrive(peer, &shared) else {
                    arrival.turn_away(&shared);
                    continue;
                };
                connections.start(connection::serve(arrival, peer, Arc::clone(&shared), arrived));
            }
            () = connections.reap() => {}
            () = &mut shutdown_begun => break,
        }
    }
    drop(acceptor);
    // Those who have not greeted yet have nothing to lose.
    shared.admission.dismiss();
    tracing::info!(%protocol, "stopped accepting");
    drain(connections, &shared).await;
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
