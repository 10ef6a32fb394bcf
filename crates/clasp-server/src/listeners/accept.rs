//! Accepting: binds a port and takes connections from the system, with pauses where it has none to give.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::counters::{Counted, Counters};
use crate::limits::{ACCEPT_BACKLOG, ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN};

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

/// A bound port. Dropping it closes the port.
pub(crate) struct Acceptor {
    listener: TcpListener,
    pause: Option<Pause>,
}

/// What a failed `accept` costs before the next one.
struct Pause {
    length: Duration,
    /// A moment, since waiting is begun anew whenever a connection ends.
    until: Instant,
}

impl Acceptor {
    pub(crate) const fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            pause: None,
        }
    }

    /// The next connection. Nothing is lost if this is dropped before.
    pub(crate) async fn accept(&mut self, counters: &Counters) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(pause) = &self.pause {
                tokio::time::sleep_until(pause.until.into()).await;
            }
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.pause = None;
                    return accepted;
                }
                Err(error) => self.pause = pause_after(&error, self.pause.as_ref(), counters),
            }
        }
    }
}

/// How long not to ask again. One client's trouble costs nothing; a want of file descriptors or memory does not
/// pass faster by asking more often.
fn pause_after(error: &io::Error, before: Option<&Pause>, counters: &Counters) -> Option<Pause> {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    ) {
        return None;
    }
    counters.count(Counted::AcceptFailure);
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
