//! The roster: who is connected and by what right, so that sessions can be listed and ended.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use clasp_router::{Closed, Router, Session, SessionKey, Timestamp};
use parking_lot::Mutex;

use crate::auth::Credential;
use crate::plan::Protocol;

/// All sessions, from before their WELCOME to their end.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    entries: Mutex<HashMap<SessionKey, Arc<Entry>>>,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) session: Arc<Session>,
    pub(crate) credential: Credential,
    /// What the client calls itself.
    pub(crate) name: Box<str>,
    pub(crate) protocol: Protocol,
    pub(crate) peer: SocketAddr,
    /// When it came.
    pub(crate) since: Timestamp,
}

impl Roster {
    pub(crate) fn enter(&self, entry: Entry) {
        let key = entry.session.key;
        self.entries.lock().insert(key, Arc::new(entry));
    }

    pub(crate) fn leave(&self, session: &Session) {
        self.entries.lock().remove(&session.key);
    }

    /// Every entry, by the time it came.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        let mut entries: Vec<_> = self.entries.lock().values().cloned().collect();
        entries.sort_unstable_by_key(|entry| entry.session.key);
        entries
    }

    /// Ends the sessions that have their rights from this credential, or from one that was handed on from it; says how
    /// many there were.
    // protocol/router.md 17.9
    pub(crate) fn end(&self, router: &Router, credential: &Credential) -> usize {
        let is_by = |entry: &Entry| entry.credential.rests_on(credential);
        self.end_where(router, Closed::Revoked, is_by)
    }

    /// Ends the sessions of a subject.
    pub(crate) fn end_subject(&self, router: &Router, subject: &str) -> usize {
        let is_of = |entry: &Entry| entry.session.principal.subject.as_deref() == Some(subject);
        self.end_where(router, Closed::Revoked, is_of)
    }

    /// Ends the session with this id; false if there is none.
    pub(crate) fn dismiss(&self, router: &Router, id: &str) -> bool {
        self.end_where(router, Closed::Dismissed, |entry| &*entry.session.id == id) > 0
    }

    /// Ends sessions, each as soon as its connection runs.
    pub(crate) fn end_where(
        &self,
        router: &Router,
        reason: Closed,
        is_meant: impl Fn(&Entry) -> bool,
    ) -> usize {
        let mut entries = self.entries();
        entries.retain(|entry| is_meant(entry));
        for entry in &entries {
            router.end(&entry.session, reason);
        }
        entries.len()
    }
}
