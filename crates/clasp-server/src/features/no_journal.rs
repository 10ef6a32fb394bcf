//! Stand-in for the journal in a build without that feature: a plan that asks for it is refused, so that none of this runs.

use std::sync::Arc;
use std::task::Waker;

use clasp_proto::{Pattern, Signal};
use clasp_router::{Router, RouterConfig};
use clasp_store::journal::{Entry, JournalError, Snapshot};

use crate::clock::Clock;
use crate::features::recovery_error::RecoveryError;
use crate::metrics::JournalFigures;
use crate::plan::JournalPlan;
use crate::shared::Shared;
use crate::supervisor::Parts;

/// There is none.
pub(crate) enum Journal {}

/// What nobody can ask for.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "nobody looks")]
pub(crate) struct Wanted {
    pub(crate) pattern: Pattern,
    pub(crate) from: Option<u64>,
    pub(crate) to: Option<u64>,
    pub(crate) signals: Option<Vec<Signal>>,
}

/// A router without a journal.
pub(crate) fn open<E: From<RecoveryError>>(
    _: &JournalPlan,
    config: &RouterConfig,
    clock: &Clock,
    otherwise: impl FnOnce() -> Result<Option<Router>, E>,
) -> Result<(Router, Option<Arc<Journal>>), E> {
    let router = otherwise()?;
    let router = router.unwrap_or_else(|| Router::new(config.clone(), clock.now()));
    Ok((router, None))
}

/// Nothing to start.
pub(crate) fn start(_: &Arc<Shared>, _: &mut Parts) {}

/// Nothing to finish.
pub(crate) async fn finish(_: &Arc<Shared>) {}

impl Journal {
    pub(crate) fn has_kept(&self, _: u64, _: &Waker) -> bool {
        match *self {}
    }

    pub(crate) fn is_settled(&self, _: u64) -> bool {
        match *self {}
    }

    pub(crate) async fn kept(&self, _: u64) {
        match *self {}
    }

    pub(crate) fn is_filling(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_room(&self, _: &Waker, _: &mut u64) -> bool {
        match *self {}
    }

    pub(crate) fn figures(&self) -> JournalFigures {
        match *self {}
    }

    pub(crate) fn is_well(&self) -> bool {
        match *self {}
    }

    pub(crate) async fn page(
        self: &Arc<Self>,
        _: Arc<Wanted>,
        _: u64,
        _: usize,
    ) -> Result<Vec<Entry>, JournalError> {
        match **self {}
    }

    pub(crate) async fn latest(self: &Arc<Self>) -> Result<u64, JournalError> {
        match **self {}
    }

    pub(crate) async fn newest_snapshot(
        self: &Arc<Self>,
    ) -> Result<Option<Snapshot>, JournalError> {
        match **self {}
    }
}
