//! Stand-in for rendezvous in a build without that feature: a plan that asks for it is refused, so that none of this runs.

pub(crate) mod http {
    use std::time::Duration;

    use axum::Router;

    use crate::clock::Clock;

    /// No routes.
    pub(crate) fn routes(_: Duration, _: Clock) -> Router {
        Router::new()
    }
}

pub(crate) mod registrar {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use crate::elsewhere::Elsewhere;
    use crate::shared::Shared;

    /// Registers nowhere.
    pub(crate) async fn run(_: Elsewhere, _: Option<SocketAddr>, shared: Arc<Shared>) {
        shared.shutdown.begun().await;
    }
}
