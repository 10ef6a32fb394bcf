//! Accept loop for QUIC. It waits for no peer: handshakes go on in the tasks of their connections.

use std::sync::Arc;

use clasp_transport::quic::{Arriving, Listener};

use super::{arrive, drain};
use crate::connection::{self, Arrival};
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
            arrived = next(&listener, &shared) => {
                let Some(arriving) = arrived else { break };
                let peer = arriving.peer();
                let arrival = Arrival::Quic(arriving);
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
    listener.close();
    shared.admission.dismiss();
    tracing::info!(protocol = %Protocol::Quic, "stopped accepting");
    drain(connections, &shared).await;
}
/// The next connection that may have a task.
async fn next(listener: &Listener, shared: &Shared) -> Option<Arriving> {
    loop {
        let arriving = listener.accept().await?;
        // Who may have made up its address gets no place while places are scarce. // protocol/limits.md 4.12
        if arriving.is_validated() || !shared.admission.wants_proof() {
            return Some(arriving);
        }
        arriving.validate();
    }
}
