//! Shared: what every connection and every part of a server can reach.

use std::sync::Arc;

use clasp_router::Router;
use tokio::sync::Notify;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::plan::Plan;
use crate::shutdown::Shutdown;

/// One server.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) plan: Plan,
    pub(crate) clock: Clock,
    pub(crate) shutdown: Shutdown,
    /// Somebody wants the certificate to be read again.
    pub(crate) reload: Notify,
    pub(crate) admission: Admission,
    pub(crate) counters: Arc<Counters>,
}

impl Shared {
    pub(crate) fn new(plan: Plan) -> Self {
        let clock = Clock::new();
        Self {
            router: Router::new(plan.router.clone(), clock.now()),
            admission: Admission::new(plan.caps),
            clock,
            plan,
            shutdown: Shutdown::new(),
            reload: Notify::new(),
            counters: Arc::default(),
        }
    }
}
