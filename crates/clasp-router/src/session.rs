//! Sessions: who is connected, by number inside and by text on the wire.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clasp_proto::{Binding, Principal};

use crate::index::Subscription;
use crate::outbox::Outbox;
use crate::owed::Owed;
use crate::rate::Rate;
use crate::refusal::Refusal;
use crate::snapshot::Cursor;
use crate::sync::Mutex;

/// A session inside the router: a number that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub(crate) u64);

/// What a connection says of itself when it is attached.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The id that goes over the wire: at most 64 of `[0-9a-zA-Z-]`, unique.
    pub id: Arc<str>,
    /// How frames are delimited on its transport.
    pub binding: Binding,
    /// Who it acts for.
    pub principal: Arc<Principal>,
}

/// A connected peer: its outbox, and what it asked for.
#[derive(Debug)]
pub struct Session {
    /// Its number.
    pub key: SessionKey,
    /// Its id on the wire.
    pub id: Arc<str>,
    /// Who it acts for.
    pub principal: Arc<Principal>,
    /// What it still has to be sent.
    pub outbox: Outbox,
    pub(crate) rate: Mutex<Rate>,
    pub(crate) held: Mutex<Held>,
    pub(crate) owed: Mutex<Owed>,
    pub(crate) has_cursor: AtomicBool,
    /// Its rights are gone: it does nothing more, whatever it sent before.
    pub(crate) is_over: AtomicBool,
}

/// What a session holds and gives back when it ends.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) subscriptions: HashMap<u32, Arc<Subscription>>,
    pub(crate) cursors: VecDeque<Cursor>,
    /// The addresses whose locks it holds.
    pub(crate) locks: HashSet<Arc<str>>,
    /// Bundles that wait for their time, and the bytes of them.
    pub(crate) scheduled: usize,
    pub(crate) scheduled_bytes: usize,
    pub(crate) gestures: usize,
    /// The session was detached: nothing may be put here any more.
    pub(crate) is_ended: bool,
}

impl Session {
    /// True once its rights are gone. // protocol/router.md 17.9
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// True while a snapshot waits for room in the outbox.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.has_cursor.load(Ordering::Relaxed)
    }

    /// True while answers wait until the writes before them are kept.
    #[must_use]
    pub fn owes(&self) -> bool {
        !self.owed.lock().is_empty()
    }

    /// True if so many of them wait that no more writes of the session should be done.
    #[must_use]
    pub fn owes_much(&self) -> bool {
        self.owed.lock().is_full()
    }

    /// Up to which number writes have to be kept until the first of them, and the last, can go.
    #[must_use]
    pub fn owed(&self) -> Option<RangeInclusive<u64>> {
        self.owed.lock().sequences()
    }
}

/// All sessions. Read on attach and detach, and to find a session by its id.
#[derive(Debug)]
pub(crate) struct Sessions {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    by_id: HashMap<Arc<str>, Arc<Session>>,
    by_key: HashMap<SessionKey, Arc<Session>>,
}

impl Sessions {
    /// A table for at most `max` sessions, 0 for any number.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            table: Mutex::new(Table::default()),
        }
    }

    pub(crate) fn attach(
        &self,
        new: NewSession,
        budget_bytes: usize,
        rate: Rate,
    ) -> Result<Arc<Session>, Refusal> {
        let mut table = self.table.lock();
        if self.max != 0 && table.by_id.len() >= self.max {
            return Err(Refusal::SessionsFull { max: self.max });
        }
        table.last += 1;
        let session = Arc::new(Session {
            key: SessionKey(table.last),
            id: new.id,
            principal: new.principal,
            outbox: Outbox::new(new.binding, budget_bytes),
            rate: Mutex::new(rate),
            held: Mutex::new(Held::default()),
            owed: Mutex::new(Owed::default()),
            has_cursor: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let before = table
            .by_id
            .insert(Arc::clone(&session.id), Arc::clone(&session));
        assert!(before.is_none(), "session ids are unique");
        table.by_key.insert(session.key, Arc::clone(&session));
        Ok(session)
    }

    pub(crate) fn detach(&self, session: &Session) {
        let mut table = self.table.lock();
        table.by_id.remove(&session.id);
        table.by_key.remove(&session.key);
    }

    pub(crate) fn by_key(&self, key: SessionKey) -> Option<Arc<Session>> {
        self.table.lock().by_key.get(&key).cloned()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.table.lock().by_id.get(id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.lock().by_id.len()
    }

    /// A copy of the list, for the rare call that goes through all sessions.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.table.lock().by_id.values().cloned().collect()
    }
}
