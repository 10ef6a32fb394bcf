//! Discovery: how clients on the local network find this server.

pub(crate) mod broadcast;
mod mdns;

use std::sync::Arc;

use crate::plan::Protocol;
use crate::server::Bound;
use crate::shared::Shared;
use crate::supervisor::Parts;

/// Announces the WebSocket port, if there is one and it is to be announced.
pub(crate) fn start(shared: &Arc<Shared>, bound: &[Bound], parts: &mut Parts) {
    let mut websocket = bound
        .iter()
        .filter(|bound| bound.protocol == Protocol::WebSocket);
    if let Some(websocket) = websocket.next()
        && shared.plan.mdns
    {
        let announcement = mdns::Announcement {
            name: Arc::clone(&shared.plan.name),
            host: websocket.address.ip(),
            port: websocket.address.port(),
            has_tls: shared.plan.has_tls(),
        };
        parts.start(
            "mDNS announcement",
            mdns::run(announcement, Arc::clone(shared)),
        );
    }
}
