//! A slot: what a shard keeps of one address, its param and its cached route.

use std::sync::Arc;

use clasp_proto::Signal;

use crate::filter::FilterState;
use crate::gate::Veil;
use crate::index::Index;
use crate::param::Param;
use crate::route::Route;
use crate::router::Router;
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
    /// How much of it is shown, once somebody asked.
    pub(crate) veil: Option<Veil>,
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
            veil: None,
            recent: false,
        }
    }

    /// The revision of its param, 0 without one.
    pub(crate) fn revision(&self) -> u64 {
        self.param.as_ref().map_or(0, |param| param.revision)
    }

    /// True if nothing but a cached route would be lost with it.
    pub(crate) const fn is_bare(&self) -> bool {
        self.param.is_none() && self.filters.is_none()
    }

    /// True if nothing would be lost with it that somebody still has to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        let mut filters = self.filters.iter().flat_map(|filters| filters.iter());
        self.param.is_none() && !filters.any(FilterState::is_waiting)
    }

    /// How much of the address is shown; asked of the gates once.
    pub(crate) fn current_veil(&mut self, router: &Router) -> Veil {
        *self.veil.get_or_insert_with(|| router.veil(&self.address))
    }

    /// The cached route, read anew if subscriptions changed since.
    pub(crate) fn current_route(&mut self, index: &Index) -> Arc<Route> {
        let generation = index.generation();
        match &self.route {
            Some(route) if route.generation == generation => Arc::clone(route),
            _ => {
                let route = index.route(&self.address);
                self.keep_filters_of(&route);
                self.route = Some(Arc::clone(&route));
                route
            }
        }
    }

    /// What the subscriber `session` was last sent of this address, as this signal.
    pub(crate) fn filter_of(&mut self, session: SessionKey, signal: Signal) -> &mut FilterState {
        let filters = self.filters.get_or_insert_default();
        let is_it = |filter: &FilterState| filter.session == session && filter.signal == signal;
        let known = filters.iter().position(is_it);
        let at = known.unwrap_or_else(|| {
            filters.push(FilterState::new(session, signal));
            filters.len() - 1
        });
        &mut filters[at]
    }

    /// All that the subscriber `session` was last sent of this address.
    pub(crate) fn filters_of(
        &mut self,
        session: SessionKey,
    ) -> impl Iterator<Item = &mut FilterState> {
        let filters = self.filters.iter_mut();
        let filters = filters.flat_map(|filters| filters.iter_mut());
        filters.filter(move |filter| filter.session == session)
    }

    /// Forgets all that the subscriber `session` was sent, and what waits for it.
    pub(crate) fn forget_filters_of(&mut self, session: SessionKey) {
        let Some(filters) = &mut self.filters else {
            return;
        };
        filters.retain(|filter| filter.session != session);
        if filters.is_empty() {
            self.filters = None;
        }
    }

    /// Forgets what subscribers were sent who are not in `route` with limits.
    fn keep_filters_of(&mut self, route: &Route) {
        let Some(filters) = &mut self.filters else {
            return;
        };
        let limited = |filter: &FilterState| {
            let mut targets = route.targets.iter();
            targets.any(|target| target.is(filter.session) && target.limits(filter.signal))
        };
        filters.retain(limited);
        if filters.is_empty() {
            self.filters = None;
        }
    }
}
