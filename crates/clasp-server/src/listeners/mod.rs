//! Ways in: one module per protocol family, and what they have in common.

pub(crate) mod accept;
mod clasp;
mod udp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use clasp_transport::quic;
use tokio::net::TcpListener;

use crate::admission::{Admitted, Pending};
use crate::connection::{self, Arrival};
use crate::counters::Counted;
use crate::http::serve::serve;
use crate::http::{health, metrics};
use crate::plan::{Listening, Plan, Protocol};
use crate::server::{Bound, StartError};
use crate::shared::Shared;
use crate::supervisor::{Connections, Parts};

/// A listener that is bound and not served yet.
pub(crate) enum Listener {
    Socket(TcpListener),
    Quic(quic::Listener),
}

/// Where the parts of a server go.
pub(crate) struct PartsOf<'a> {
    pub(crate) clasp: &'a mut Parts,
    pub(crate) services: &'a mut Parts,
}

/// Binds a listener of the plan.
pub(crate) fn bind(listening: Listening, plan: &Plan) -> Result<(Bound, Listener), StartError> {
    let Listening { protocol, address } = listening;
    let failed = |source| StartError::Bind {
        protocol,
        address,
        source,
    };
    let (listener, address) = match (protocol, &plan.tls) {
        (Protocol::Quic, Some(tls)) => {
            let listener = quic::Listener::bind(address, &tls.server).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            (Listener::Quic(listener), address)
        }
        _ => {
            let listener = accept::bind(address).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            (Listener::Socket(listener), address)
        }
    };
    Ok((Bound { protocol, address }, listener))
}

impl Listener {
    /// Begins to accept. Ports where CLASP is spoken end when the server shuts down, the others with its last session.
    pub(crate) fn start(self, protocol: Protocol, parts: PartsOf<'_>, shared: &Arc<Shared>) {
        let PartsOf { clasp, services } = parts;
        let shared = Arc::clone(shared);
        match (protocol, self) {
            (Protocol::WebSocket, Self::Socket(listener)) => {
                clasp.start("WebSocket listener", clasp::run(listener, protocol, shared));
            }
            (_, Self::Quic(listener)) => clasp.start("QUIC listener", udp::run(listener, shared)),
            (Protocol::Health, Self::Socket(listener)) => {
                let routes = health::routes(Arc::clone(&shared));
                services.start("health port", serve(listener, protocol, routes, shared));
            }
            (Protocol::Metrics, Self::Socket(listener)) => {
                let routes = metrics::routes(Arc::clone(&shared));
                services.start("metrics port", serve(listener, protocol, routes, shared));
            }
            (Protocol::Tcp | Protocol::Quic, Self::Socket(listener)) => {
                clasp.start("TCP listener", clasp::run(listener, protocol, shared));
            }
        }
    }
}

/// Asks for a place for a connection, and counts what came of it.
fn admit(peer: SocketAddr, protocol: Protocol, shared: &Shared) -> Option<Admitted> {
    let admitted = shared.admission.admit(peer.ip(), protocol, Instant::now());
    match &admitted {
        None => shared.counters.count(Counted::TurnedAway),
        Some(admitted) => {
            shared.counters.count(Counted::Accepted);
            if admitted.displaced {
                shared.counters.count(Counted::Displaced);
            }
        }
    }
    admitted
}

/// Gives a connection that has been admitted a task of its own.
fn begin(
    arrival: Arrival,
    peer: SocketAddr,
    admitted: Admitted,
    shared: &Arc<Shared>,
    connections: &mut Connections,
) {
    let Admitted {
        connected, pending, ..
    } = admitted;
    let ticket = Pending::ticket(&pending);
    let shared = Arc::clone(shared);
    let task = connections.start(async move {
        connection::serve(arrival, peer, shared, pending).await;
        drop(connected);
    });
    ticket.belongs_to(task);
}
