//! Discovery: how clients find this server.

pub(crate) mod broadcast;
mod mdns;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::plan::Protocol;
use crate::rendezvous::registrar;
use crate::server::Bound;
use crate::shared::Shared;
use crate::supervisor::Parts;

/// Tells others of the WebSocket port, in the ways that the plan says.
pub(crate) fn start(shared: &Arc<Shared>, bound: &[Bound], parts: &mut Parts) {
    let mut websocket = bound
        .iter()
        .filter(|bound| bound.protocol == Protocol::WebSocket);
    let websocket = websocket.next().map(|bound| bound.address);
    if let Some(websocket) = websocket {
        if shared.plan.mdns {
            announce(websocket, shared, parts);
        }
        let answers = bound
            .iter()
            .any(|bound| bound.protocol == Protocol::Broadcast);
        let is_usual = websocket.port() == USUAL_PORT && !shared.plan.has_tls();
        if answers && !is_usual {
            tracing::info!(
                "clients that know this server by broadcast only try ws:// on port {USUAL_PORT}, where it is not"
            );
        }
    }
    if let Some(elsewhere) = shared.plan.elsewhere.clone() {
        let shared = Arc::clone(shared);
        parts.start("registration", registrar::run(elsewhere, websocket, shared));
    }
}

fn announce(websocket: SocketAddr, shared: &Arc<Shared>, parts: &mut Parts) {
    let announcement = mdns::Announcement {
        name: Arc::clone(&shared.plan.name),
        host: websocket.ip(),
        port: websocket.port(),
        has_tls: shared.plan.has_tls(),
    };
    parts.start(
        "mDNS announcement",
        mdns::run(announcement, Arc::clone(shared)),
    );
}

/// Where a client connects that was answered by broadcast: the answer has no port.
const USUAL_PORT: u16 = 7330;
