//! A slot: what a shard keeps of one address, its param and its cached route.

use std::sync::Arc;

use crate::filter::FilterState;
use crate::param::Param;
use crate::route::Route;
use crate::session::SessionKey;

/// One address of a shard.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) address: Arc<str>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) param: Option<Param>,
    /// What subscribers with limits were last sent.
    #[expect(
        clippy::box_collection,
        reason = "one word in the many slots without limits"
    )]
    pub(crate) filters: Option<Box<Vec<FilterState>>>,
    /// The second for which the expiry of the param is scheduled, 0 if it is not.
    pub(crate) due_second: u32,
    /// Written since the hand of the eviction clock last passed.
    pub(crate) recent: bool,
}

impl Slot {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.into(),
            route: None,
            param: None,
            filters: None,
            due_second: 0,
            recent: false,
        }
    }

    /// True if nothing but a cached route would be lost with it.
    pub(crate) fn is_idle(&self) -> bool {
        let waits = self
            .filters
            .as_ref()
            .is_some_and(|filters| filters.iter().any(FilterState::is_waiting));
        self.param.is_none() && !waits
    }

    /// What the subscriber `session` was last sent of this address.
    pub(crate) fn filter_of(&mut self, session: SessionKey) -> &mut FilterState {
        let filters = self.filters.get_or_insert_default();
        let known = filters.iter().position(|filter| filter.session == session);
        let at = known.unwrap_or_else(|| {
            filters.push(FilterState::new(session));
            filters.len() - 1
        });
        &mut filters[at]
    }

    /// Forgets what subscribers were sent who are not in `route` with limits.
    pub(crate) fn keep_filters_of(&mut self, route: &Route) {
        let Some(filters) = &mut self.filters else {
            return;
        };
        let limited = |session| {
            let mut targets = route.targets.iter();
            targets.any(|target| target.is(session) && !target.limited.is_empty())
        };
        filters.retain(|filter| limited(filter.session));
        if filters.is_empty() {
            self.filters = None;
        }
    }
}
