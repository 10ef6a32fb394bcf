//! Ways in: one module per protocol family, and what they have in common.

pub(crate) mod accept;
mod clasp;
mod quic;
mod tcp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use clasp_transport::quic::Listener as QuicListener;
use tokio::net::TcpListener;

use self::tcp::Port;
use crate::discovery::broadcast::{self, Responder};
use crate::http::serve::serve;
use crate::http::{auth, health, metrics};
use crate::plan::{Listening, Plan, Protocol};
use crate::rendezvous;
use crate::server::{Bound, StartError};
use crate::shared::Shared;
use crate::supervisor::Parts;

/// A listener that is bound and not served yet.
pub(crate) enum Listener {
    Socket(TcpListener),
    Quic(QuicListener),
    Broadcast(Responder),
}

/// Where the parts of a server go.
pub(crate) struct PartsOf<'a> {
    pub(crate) clasp: &'a mut Parts,
    pub(crate) services: &'a mut Parts,
}

/// Binds a listener of the plan; nothing if that fails and the server can do without.
pub(crate) fn bind(
    listening: Listening,
    plan: &Plan,
) -> Result<Option<(Bound, Listener)>, StartError> {
    let Listening {
        protocol,
        address,
        gives_way,
    } = listening;
    match open(protocol, address, plan) {
        Ok((listener, address)) => Ok(Some((Bound { protocol, address }, listener))),
        Err(error) if gives_way => {
            let flag = protocol.flag();
            tracing::warn!(%error, "cannot listen on {address} for {protocol}, going on without: {flag} chooses another port, or 0 for none");
            Ok(None)
        }
        Err(source) => Err(StartError::Bind {
            protocol,
            address,
            source,
        }),
    }
}

fn open(
    protocol: Protocol,
    address: SocketAddr,
    plan: &Plan,
) -> io::Result<(Listener, SocketAddr)> {
    match (protocol, &plan.tls) {
        (Protocol::Quic, Some(tls)) => {
            let listener = QuicListener::bind(address, &tls.server)?;
            let address = listener.local_addr()?;
            Ok((Listener::Quic(listener), address))
        }
        (Protocol::Broadcast, _) => {
            let responder = Responder::bind(address)?;
            let address = responder.local_addr()?;
            Ok((Listener::Broadcast(responder), address))
        }
        _ => {
            let listener = accept::bind(address)?;
            let address = listener.local_addr()?;
            Ok((Listener::Socket(listener), address))
        }
    }
}

impl Listener {
    /// Begins to accept. Ports where CLASP is spoken end when the server shuts down, the others with its last session.
    pub(crate) fn start(self, protocol: Protocol, parts: PartsOf<'_>, shared: &Arc<Shared>) {
        let PartsOf { clasp, services } = parts;
        let shared = Arc::clone(shared);
        match (protocol, self) {
            (Protocol::WebSocket, Self::Socket(listener)) => {
                let door = Port::new(listener, protocol);
                clasp.start("WebSocket listener", clasp::run(door, protocol, shared));
            }
            (_, Self::Quic(door)) => {
                clasp.start("QUIC listener", clasp::run(door, protocol, shared));
            }
            (_, Self::Broadcast(responder)) => {
                clasp.start("broadcast responder", broadcast::run(responder, shared));
            }
            (Protocol::Rendezvous, Self::Socket(listener)) => {
                let routes = rendezvous::http::routes(shared.plan.rendezvous_ttl, shared.clock);
                services.start("rendezvous port", serve(listener, protocol, routes, shared));
            }
            (Protocol::Health, Self::Socket(listener)) => {
                let routes = health::routes(Arc::clone(&shared));
                services.start("health port", serve(listener, protocol, routes, shared));
            }
            (Protocol::Metrics, Self::Socket(listener)) => {
                let routes = metrics::routes(Arc::clone(&shared));
                services.start("metrics port", serve(listener, protocol, routes, shared));
            }
            (Protocol::Auth, Self::Socket(listener)) => {
                let routes = auth::routes(Arc::clone(&shared));
                services.start("auth port", serve(listener, protocol, routes, shared));
            }
            (Protocol::Tcp | Protocol::Quic | Protocol::Broadcast, Self::Socket(listener)) => {
                let door = Port::new(listener, protocol);
                clasp.start("TCP listener", clasp::run(door, protocol, shared));
            }
        }
    }
}
