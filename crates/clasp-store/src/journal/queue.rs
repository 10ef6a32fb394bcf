//! What waits for the writer: encoded as it comes, taken all at once.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::compaction::Compaction;
use super::encoding::Chunk;
use super::error::AppendError;
use super::failpoints::{self, Point};
use super::record::Record;
use crate::limits::{CHUNK_BYTES, QUEUE_BYTES_MAX, QUEUE_RECORDS_MAX};

/// How the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// What is appended becomes durable.
    Running,
    /// The disk is full, or another program holds the file: what waits is kept, and written when that is over.
    Blocked,
    /// The disk has failed: nothing becomes durable any more.
    Failed,
}

/// What has become of the records, told after each commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// All records up to this one are durable.
    pub durable: u64,
    /// How the journal is.
    pub state: State,
}

/// Shared by those who append and the one who writes.
#[derive(Debug)]
pub(super) struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    durable: AtomicU64,
    state: AtomicU8,
    is_half_full: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: Vec<Chunk>,
    /// Emptied chunks, whose memory is used again.
    spare: Vec<Chunk>,
    /// Records that wait or are being written, and those that room was reserved for.
    records: usize,
    reserved: usize,
    /// Bytes that wait or are being written.
    bytes: usize,
    /// Records that wait.
    fresh: usize,
    /// The first sequence number of the next record, once it is known.
    next: Option<u64>,
    compactions: Vec<Compaction>,
    closing: bool,
    failed: bool,
}

/// What the writer has to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) chunks: Vec<Chunk>,
    pub(super) compactions: Vec<Compaction>,
    pub(super) closing: bool,
}

impl Shared {
    pub(super) fn new(latest: Option<u64>) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                next: latest.map(|latest| latest + 1),
                ..Waiting::default()
            }),
            wake: Condvar::new(),
            durable: AtomicU64::new(latest.unwrap_or(0)),
            state: AtomicU8::new(RUNNING),
            is_half_full: AtomicBool::new(false),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            durable: self.durable.load(Ordering::Acquire),
            state: match self.state.load(Ordering::Acquire) {
                RUNNING => State::Running,
                BLOCKED => State::Blocked,
                _ => State::Failed,
            },
        }
    }

    pub(super) fn reserve(&self, records: usize) -> bool {
        let mut waiting = self.waiting.lock();
        let taken = waiting.records + waiting.reserved + records;
        let has_room = taken <= QUEUE_RECORDS_MAX && waiting.bytes < QUEUE_BYTES_MAX;
        // More than there is room for is let in alone, or it would wait for ever.
        let alone = waiting.records + waiting.reserved == 0;
        let granted = !waiting.failed && !waiting.closing && (has_room || alone);
        if granted {
            waiting.reserved += records;
        }
        granted
    }

    pub(super) fn release(&self, records: usize) {
        let mut waiting = self.waiting.lock();
        waiting.reserved = waiting.reserved.saturating_sub(records);
    }

    pub(super) fn is_half_full(&self) -> bool {
        self.is_half_full.load(Ordering::Relaxed)
    }

    /// Records that are not durable yet.
    pub(super) fn backlog(&self) -> usize {
        self.waiting.lock().records
    }

    pub(super) fn append(&self, record: &Record<'_>) -> Result<(), AppendError> {
        let count = record.writes.len() as u64;
        let before = record.sequence.checked_sub(count);
        let first = before.filter(|_| count > 0).ok_or(AppendError::Empty)? + 1;
        failpoints::pass(Point::BeforeAppend);
        let mut waiting = self.waiting.lock();
        if waiting.failed {
            return Err(AppendError::Failed);
        }
        if waiting.closing {
            return Err(AppendError::Closed);
        }
        if let Some(expected) = waiting.next.filter(|next| *next != first) {
            return Err(AppendError::OutOfOrder {
                expected,
                found: first,
            });
        }
        waiting.next = Some(record.sequence + 1);
        waiting.push(record);
        self.note_load(&waiting);
        let is_idle = waiting.fresh == 1;
        drop(waiting);
        failpoints::pass(Point::AfterAppend);
        if is_idle {
            self.wake.notify_one();
        }
        Ok(())
    }

    pub(super) fn compact(&self, compaction: Compaction) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.failed || waiting.closing {
            return false;
        }
        waiting.compactions.push(compaction);
        drop(waiting);
        self.wake.notify_one();
        true
    }

    pub(super) fn close(&self) {
        self.waiting.lock().closing = true;
        self.wake.notify_one();
    }

    /// Waits until there is something to do, or for this long if there is something to do anyway.
    pub(super) fn wait(&self, at_most: Option<Duration>) {
        let mut waiting = self.waiting.lock();
        match at_most {
            Some(limit) => {
                let limit = std::time::Instant::now() + limit;
                while waiting.is_idle() && !self.wake.wait_until(&mut waiting, limit).timed_out() {}
            }
            None => self
                .wake
                .wait_while(&mut waiting, |waiting| waiting.is_idle()),
        }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.lock().is_idle()
    }

    /// Records that wait.
    pub(super) fn fresh(&self) -> usize {
        self.waiting.lock().fresh
    }

    pub(super) fn take(&self) -> Work {
        let mut waiting = self.waiting.lock();
        waiting.fresh = 0;
        Work {
            chunks: std::mem::take(&mut waiting.chunks),
            compactions: std::mem::take(&mut waiting.compactions),
            closing: waiting.closing,
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.waiting.lock().closing
    }

    /// These chunks are durable.
    pub(super) fn written(&self, mut chunks: Vec<Chunk>) {
        let last = chunks.last().map(|chunk| chunk.last);
        {
            let mut waiting = self.waiting.lock();
            for chunk in &mut chunks {
                waiting.records -= chunk.records;
                waiting.bytes -= chunk.bytes.len();
                chunk.clear();
            }
            let room = SPARE_CHUNKS.saturating_sub(waiting.spare.len());
            waiting.spare.extend(chunks.drain(..).take(room));
            self.note_load(&waiting);
        }
        if let Some(last) = last {
            self.durable.store(last, Ordering::Release);
        }
        self.state.store(RUNNING, Ordering::Release);
    }

    fn note_load(&self, waiting: &Waiting) {
        let is_half_full =
            waiting.records > QUEUE_RECORDS_MAX / 2 || waiting.bytes > QUEUE_BYTES_MAX / 2;
        self.is_half_full.store(is_half_full, Ordering::Relaxed);
    }

    pub(super) fn block(&self) {
        self.state.store(BLOCKED, Ordering::Release);
    }

    pub(super) fn fail(&self) {
        let mut waiting = self.waiting.lock();
        waiting.failed = true;
        waiting.compactions.clear();
        self.state.store(FAILED, Ordering::Release);
    }
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.fresh == 0 && self.compactions.is_empty() && !self.closing
    }

    fn push(&mut self, record: &Record<'_>) {
        let is_full = |chunk: &Chunk| chunk.bytes.len() >= CHUNK_BYTES;
        if self.chunks.last().is_none_or(is_full) {
            let chunk = self.spare.pop().unwrap_or_default();
            self.chunks.push(chunk);
        }
        let chunk = self.chunks.last_mut().expect("there is one now");
        let before = chunk.bytes.len();
        chunk.push(record);
        self.bytes += chunk.bytes.len() - before;
        self.reserved = self.reserved.saturating_sub(1);
        self.records += 1;
        self.fresh += 1;
    }
}

const RUNNING: u8 = 0;
const BLOCKED: u8 = 1;
const FAILED: u8 = 2;

/// Enough for the commits of a busy disk.
const SPARE_CHUNKS: usize = 16;
