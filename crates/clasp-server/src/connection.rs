//! One CLASP connection.

use std::net::SocketAddr;
use std::sync::Arc;

use clasp_transport::Stream;

use crate::admission::Pending;
use crate::shared::Shared;

/// Serves a connection until it ends.
pub(crate) async fn serve(stream: Stream, peer: SocketAddr, shared: Arc<Shared>, permit: Pending) {
    let plan = &shared.plan;
    let limits = (
        plan.session_timeout,
        plan.upgrade_timeout,
        plan.hello_timeout,
    );
    tracing::debug!(%peer, protocol = %permit.protocol(), name = %plan.name, token = plan.token.is_some(), ?limits);
    drop((stream, plan.upgrade_rules.clone()));
}
