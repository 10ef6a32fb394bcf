//! A reading: all totals of a server at a moment.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::hot::Entry;
use super::journal::JournalFigures;
use super::process::Resources;
use super::totals::Totals;
use crate::counters::{Counted, Ending};
use crate::shared::Shared;

/// Numbers that belong together, though they are not of one instant: the server goes on meanwhile.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) is_ready: bool,
    pub(crate) sessions: usize,
    pub(crate) subscriptions: usize,
    pub(crate) params: usize,
    /// Bytes that wait for all sessions, and for the one with most.
    pub(crate) queued_bytes: usize,
    pub(crate) queued_bytes_max: usize,
    pub(crate) totals: Totals,
    pub(crate) ended: [u64; Ending::ALL.len()],
    pub(crate) accepted: u64,
    pub(crate) turned_away: u64,
    pub(crate) displaced: u64,
    pub(crate) panicked: u64,
    pub(crate) accept_failures: u64,
    pub(crate) no_token: u64,
    pub(crate) wrong_token: u64,
    /// By how they went.
    pub(crate) logins: [(&'static str, u64); 3],
    pub(crate) snapshot_age: Option<u64>,
    pub(crate) snapshot_failures: u64,
    pub(crate) journal: Option<JournalFigures>,
    /// Negative once it has expired.
    pub(crate) certificate_expiry: Option<i64>,
    pub(crate) reloads: u64,
    pub(crate) reload_failures: u64,
    pub(crate) resources: Resources,
    /// Seconds since 1970.
    pub(crate) started_at: f64,
}

impl Reading {
    pub(crate) fn of(shared: &Shared) -> Self {
        let metrics = &shared.metrics;
        let count = |counted| shared.counters.read(counted);
        let queued = shared.router.all_sessions();
        let queued = queued.iter().map(|session| session.outbox.queued_bytes());
        let (queued_bytes, queued_bytes_max) =
            queued.fold((0, 0), |(sum, max), bytes| (sum + bytes, bytes.max(max)));
        let started_at = metrics.started_at.duration_since(UNIX_EPOCH);
        let (now, tls) = (SystemTime::now(), shared.plan.tls.as_ref());
        let snapshots = shared.snapshots.as_ref();
        let mut totals = Totals::default();
        for stripe in &metrics.stripes {
            totals += &stripe.0.lock().totals;
        }
        Self {
            is_ready: shared.is_ready(),
            sessions: shared.router.sessions(),
            subscriptions: shared.router.subscriptions(),
            params: shared.router.params(),
            queued_bytes,
            queued_bytes_max,
            totals,
            ended: Ending::ALL.map(|ending| count(Counted::Ended(ending))),
            accepted: count(Counted::Accepted),
            turned_away: count(Counted::TurnedAway),
            displaced: count(Counted::Displaced),
            panicked: count(Counted::Panicked),
            accept_failures: count(Counted::AcceptFailure),
            no_token: count(Counted::NoToken),
            wrong_token: count(Counted::WrongToken),
            logins: [
                ("ok", count(Counted::LoggedIn)),
                ("failed", count(Counted::LoginFailed)),
                ("throttled", count(Counted::LoginThrottled)),
            ],
            snapshot_age: snapshots.map(|snapshots| snapshots.status().age.as_secs()),
            snapshot_failures: count(Counted::SnapshotFailed),
            journal: shared.journal.as_ref().map(|journal| journal.figures()),
            certificate_expiry: tls
                .map(|tls| seconds_until(tls.server.certificate().expires_at(), now)),
            reloads: count(Counted::Reloaded),
            reload_failures: count(Counted::ReloadFailed),
            resources: Resources::now(),
            started_at: started_at.unwrap_or_default().as_secs_f64(),
        }
    }

    /// What was not passed on, by reason.
    pub(crate) const fn dropped(&self) -> [(&'static str, u64); 4] {
        [
            ("rate_limit", self.totals.tally.over_rate),
            ("session_ended", self.totals.tally.too_late),
            ("text", self.totals.texts),
            ("unreadable", self.totals.unreadable),
        ]
    }
}

fn seconds_until(at: SystemTime, now: SystemTime) -> i64 {
    match at.duration_since(now) {
        Ok(ahead) => ahead.as_secs() as i64,
        Err(past) => -(past.duration().as_secs() as i64),
    }
}

/// The addresses with most messages, the hottest first.
pub(crate) fn hottest(shared: &Shared, count: usize) -> Vec<Entry> {
    let mut merged: HashMap<String, Entry> = HashMap::new();
    for stripe in &shared.metrics.stripes {
        for entry in stripe.0.lock().hot.entries() {
            let held = merged.entry(entry.address.clone());
            let held = held.or_insert_with(|| Entry {
                count: 0,
                excess: 0,
                ..entry.clone()
            });
            held.count += entry.count;
            held.excess += entry.excess;
        }
    }
    let mut entries: Vec<_> = merged.into_values().collect();
    entries.sort_unstable_by(|left, right| {
        let by_count = right.count.cmp(&left.count);
        by_count.then_with(|| left.address.cmp(&right.address))
    });
    entries.truncate(count);
    entries
}
