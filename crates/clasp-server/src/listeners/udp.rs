//! Accept loop for QUIC. It waits for nobody but the system: handshakes go on in the tasks of their connections.

use std::sync::Arc;

use clasp_transport::quic::{Arriving, Listener};

use super::{admit, begin};
use crate::connection::Arrival;
use crate::plan::Protocol;
use crate::shared::Shared;
use crate::supervisor::Connections;

/// Accepts until the shutdown, then waits for the connections to end, up to the drain deadline.
pub(crate) async fn run(listener: Listener, shared: Arc<Shared>) {
    let mut connections = Connections::new(Arc::clone(&shared.counters));
    let shutdown_begun = shared.shutdown.begun();
    tokio::pin!(shutdown_begun);
    loop {
        tokio::select! {
            arriving = listener.accept() => match arriving {
                Some(arriving) => welcome(arriving, &shared, &mut connections),
                None => break,
            },
            () = connections.reap() => {}
            () = &mut shutdown_begun => break,
        }
    }
    listener.close();
    shared.admission.dismiss();
    tracing::info!(protocol = %Protocol::Quic, "stopped accepting");
    connections.finish(shared.plan.drain_timeout).await;
}

fn welcome(arriving: Arriving, shared: &Arc<Shared>, connections: &mut Connections) {
    let peer = arriving.peer();
    // Who may have made up its address gets no place while places are scarce. // protocol/limits.md 4.12
    if !arriving.is_validated() && shared.admission.is_crowded() {
        return arriving.validate();
    }
    match admit(peer, Protocol::Quic, shared) {
        Some(admitted) => begin(Arrival::Quic(arriving), peer, admitted, shared, connections),
        None => arriving.refuse(),
    }
}
