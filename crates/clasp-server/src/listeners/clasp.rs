//! Accept loop for CLASP links of any kind. It waits for no peer: whatever one has to say is read in its own task.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::admission::Arrived;
use crate::connection::{self, Arrival};
use crate::counters::Counted;
use crate::limits::FAREWELL_TIMEOUT;
use crate::plan::Protocol;
use crate::shared::Shared;
use crate::supervisor::Connections;

/// Where connections come from.
pub(super) trait Door: Send + 'static {
    /// The next one; nothing if there will be no more. Dropping the future loses none.
    fn next(
        &mut self,
        shared: &Shared,
    ) -> impl Future<Output = Option<(Arrival, SocketAddr)>> + Send;

    /// Lets nobody in any more; who is in stays.
    fn close(self);
}

/// Accepts until the shutdown, then waits for the connections to end, up to the drain deadline.
pub(super) async fn run(mut door: impl Door, protocol: Protocol, shared: Arc<Shared>) {
    let mut connections = Connections::new(Arc::clone(&shared.counters));
    let shutdown_begun = shared.shutdown.begun();
    tokio::pin!(shutdown_begun);
    loop {
        tokio::select! {
            next = door.next(&shared) => {
                let Some((arrival, peer)) = next else { break };
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
    door.close();
    // Those who have not greeted yet have nothing to lose.
    shared.admission.dismiss();
    tracing::info!(%protocol, "stopped accepting");
    drain(connections, &shared).await;
}

/// Takes a connection in, unless its address has too many.
fn arrive(peer: SocketAddr, shared: &Shared) -> Option<Arrived> {
    let arrived = shared.admission.arrive(peer.ip());
    if arrived.is_none() {
        shared.counters.count(Counted::TurnedAway);
    }
    arrived
}

/// Waits for the connections to end, up to the drain deadline, which begins when they have been told.
async fn drain(mut connections: Connections, shared: &Shared) {
    shared.shutdown.told().await;
    // Even who has no time at all is told.
    let deadline = shared.plan.drain_timeout.max(FAREWELL_TIMEOUT);
    connections.finish(deadline).await;
}
