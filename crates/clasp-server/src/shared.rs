//! Shared: what every connection and every part of a server can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clasp_router::Router;
use tokio::sync::Notify;

use crate::admission::Admission;
use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::features::journal::{self, Journal};
use crate::features::snapshot::{self, Snapshots};
use crate::gates;
use crate::metrics::Metrics;
use crate::plan::{Plan, Protocol};
use crate::roster::Roster;
use crate::server::StartError;
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
    pub(crate) authenticator: Authenticator,
    pub(crate) roster: Roster,
    pub(crate) counters: Arc<Counters>,
    pub(crate) metrics: Metrics,
    /// Nothing if the state is kept in memory only.
    pub(crate) snapshots: Option<Snapshots>,
    /// Nothing if writes are not recorded.
    pub(crate) journal: Option<Arc<Journal>>,
    /// Every listener is bound and the state is what it was before the last end.
    pub(crate) is_complete: AtomicBool,
}

impl Shared {
    /// With the params of the last run, if they were kept, and who may come in. Waits for the disk.
    ///
    /// # Errors
    /// What was kept cannot be used.
    pub(crate) fn new(plan: Plan) -> Result<Self, StartError> {
        let clock = Clock::new();
        let authenticator = Authenticator::open(&plan.authentication)?;
        let State {
            router,
            snapshots,
            journal,
        } = State::recover(&plan, &clock)?;
        Ok(Self {
            router: gates::guarded(router, plan.app_config.as_ref()),
            snapshots,
            journal,
            admission: Admission::new(plan.caps),
            authenticator,
            roster: Roster::default(),
            clock,
            shutdown: Shutdown::new(),
            reload: Notify::new(),
            counters: Arc::default(),
            metrics: Metrics::new(plan.listens_for(Protocol::Metrics)),
            plan,
            is_complete: AtomicBool::new(false),
        })
    }

    /// Says that every listener is bound and nothing is left to be recovered.
    pub(crate) fn complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    /// True while clients may be sent here.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
            && !self.shutdown.has_begun()
            && self
                .journal
                .as_ref()
                .is_none_or(|journal| journal.is_well())
    }
}

/// What is there at the start.
struct State {
    router: Router,
    snapshots: Option<Snapshots>,
    journal: Option<Arc<Journal>>,
}

impl State {
    /// From the journal if it holds anything, or else from the file of the snapshots.
    fn recover(plan: &Plan, clock: &Clock) -> Result<Self, StartError> {
        let mut snapshots = None;
        let mut from_file = || match &plan.snapshots {
            None => Ok(None),
            Some(kept) => {
                let (router, writer) = snapshot::load(kept, &plan.router, clock)?;
                snapshots = Some(writer);
                Ok::<_, StartError>(Some(router))
            }
        };
        let (router, journal) = match &plan.journal {
            None => (from_file()?, None),
            Some(journal) => {
                let (router, journal) = journal::open(journal, &plan.router, clock, from_file)?;
                (Some(router), journal)
            }
        };
        if let (Some(kept), None) = (&plan.snapshots, &snapshots) {
            tracing::info!(
                "the state comes from the journal, not from {}",
                kept.path.display()
            );
            snapshots = Some(snapshot::take_over(kept)?);
        }
        Ok(Self {
            router: router.unwrap_or_else(|| Router::new(plan.router.clone(), clock.now())),
            snapshots,
            journal,
        })
    }
}
