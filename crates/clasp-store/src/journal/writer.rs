//! The one thread that writes: all that waits becomes one commit, then everybody is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::compaction::Compaction;
use super::encoding::Chunk;
use super::error::JournalError;
use super::failpoints::{self, Point};
use super::file::{JournalFile, Trouble};
use super::queue::{Progress, Shared, State};
use super::ring::Ring;
use crate::limits::{BLOCKED_RETRY, CLOSE_TIMEOUT, IDLE, READERS_RECHECK};

/// Where records go.
pub(super) enum Sink {
    File(Box<JournalFile>),
    Ring(Arc<Ring>),
}

/// How records are gathered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gathering {
    pub(super) batch_size: usize,
    pub(super) flush: Duration,
}

pub(super) struct Writer {
    pub(super) sink: Sink,
    pub(super) shared: Arc<Shared>,
    pub(super) gathering: Gathering,
    pub(super) on_progress: Box<dyn Fn(Progress) + Send>,
}

impl Writer {
    /// Until the journal is closed and all is written, or the disk fails.
    pub(super) fn run(mut self) {
        let mut compactions = VecDeque::new();
        if let Err(error) = self.write_all(&mut compactions) {
            self.fail(&error, compactions);
        }
    }

    fn write_all(&mut self, compactions: &mut VecDeque<Compaction>) -> Result<(), JournalError> {
        let mut is_clean = true;
        loop {
            match compactions.front() {
                None => self.wait(&mut is_clean)?,
                Some(it) if it.waits() => self.shared.wait(Some(READERS_RECHECK)),
                Some(_) => {}
            }
            let work = self.shared.take();
            compactions.extend(work.compactions);
            if work.closing {
                compactions.iter_mut().for_each(Compaction::hurry);
            }
            if work.closing && work.chunks.is_empty() && compactions.is_empty() {
                return Ok(());
            }
            is_clean = false;
            self.write(work.chunks, compactions)?;
            if let Some(done) = compactions.pop_front_if(|compaction| compaction.is_done()) {
                done.finish(Ok(()));
            }
        }
    }

    /// Until there is something; the log is moved into the database when nothing comes for a while.
    fn wait(&mut self, is_clean: &mut bool) -> Result<(), JournalError> {
        if !*is_clean {
            self.shared.wait(Some(IDLE));
        }
        while !*is_clean && self.shared.is_idle() {
            *is_clean = self.checkpoint(true)?;
            self.shared.wait(Some(IDLE));
        }
        self.shared.wait(None);
        self.gather();
        Ok(())
    }

    /// A burst comes record by record: lets it come to its end, as long as that is worth a commit.
    fn gather(&self) {
        let end = Instant::now() + self.gathering.flush;
        let mut fresh = self.shared.fresh();
        while fresh > 0 && fresh < self.gathering.batch_size && Instant::now() < end {
            std::thread::yield_now();
            let now = self.shared.fresh();
            if now == fresh {
                break;
            }
            fresh = now;
        }
    }

    fn write(
        &mut self,
        chunks: Vec<Chunk>,
        compactions: &mut VecDeque<Compaction>,
    ) -> Result<(), JournalError> {
        let mut gives_up = None;
        while let Err(error) = self.try_to_write(&chunks, compactions.front_mut())? {
            if let Some(compaction) = compactions.pop_front() {
                // What room there is belongs to the records.
                compaction.finish(Err(error.into()));
                continue;
            }
            self.tell_blocked(&error);
            if self.shared.is_closing() {
                let gives_up = *gives_up.get_or_insert_with(|| Instant::now() + CLOSE_TIMEOUT);
                if Instant::now() >= gives_up {
                    return Err(JournalError::Closed);
                }
            }
            std::thread::sleep(BLOCKED_RETRY);
            // A log that begins anew needs no more room.
            self.checkpoint(true)?;
        }
        if !chunks.is_empty() {
            self.shared.written(chunks);
            failpoints::pass(Point::BeforeAck);
            (self.on_progress)(self.shared.progress());
        }
        self.checkpoint(false).map(drop)
    }

    /// Writes all of it, or tells what is in the way for now.
    fn try_to_write(
        &mut self,
        chunks: &[Chunk],
        compaction: Option<&mut Compaction>,
    ) -> Result<Result<(), rusqlite::Error>, JournalError> {
        match &mut self.sink {
            Sink::File(file) => match file.commit(chunks, compaction) {
                Ok(()) => Ok(Ok(())),
                Err(Trouble::Later(error)) => Ok(Err(error)),
                Err(Trouble::Failed(error)) => Err(error),
            },
            Sink::Ring(ring) => {
                ring.extend(chunks);
                Ok(Ok(()))
            }
        }
    }

    fn checkpoint(&mut self, is_idle: bool) -> Result<bool, JournalError> {
        let Sink::File(file) = &mut self.sink else {
            return Ok(true);
        };
        match file.checkpoint(is_idle) {
            Ok(is_clean) => Ok(is_clean),
            // It is in the log, and moved when there is room.
            Err(Trouble::Later(_)) => Ok(false),
            Err(Trouble::Failed(error)) => Err(error),
        }
    }

    /// Once for each time that nothing can be written.
    fn tell_blocked(&self, error: &rusqlite::Error) {
        if self.shared.progress().state != State::Blocked {
            tracing::error!(
                "the journal cannot be written, and nothing is acknowledged until it can: {error}: make room on its disk, and let nobody else write it"
            );
            self.shared.block();
            (self.on_progress)(self.shared.progress());
        }
    }

    fn fail(&self, error: &JournalError, compactions: VecDeque<Compaction>) {
        tracing::error!(
            "the journal has failed, and acknowledges nothing any more: {error}: mend the disk, then start again"
        );
        self.shared.fail();
        for compaction in compactions {
            compaction.finish(Err(JournalError::Failed));
        }
        (self.on_progress)(self.shared.progress());
    }
}
