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
use crate::limits::{CLOSE_TIMEOUT, FULL_RETRY, IDLE};

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
        let mut is_clean = true;
        loop {
            if compactions.is_empty() {
                self.wait(&mut is_clean);
            }
            let work = self.shared.take();
            compactions.extend(work.compactions);
            let is_last = work.closing && work.chunks.is_empty();
            if is_last && compactions.is_empty() {
                break;
            }
            is_clean = false;
            let written = self.write(work.chunks, compactions.front_mut());
            let finished = compactions.pop_front_if(|compaction| compaction.is_done());
            if let Some(compaction) = finished {
                compaction.finish(Ok(()));
            }
            if let Err(error) = written {
                self.fail(error, compactions);
                break;
            }
        }
    }

    /// Until there is something; the log is moved into the database when nothing comes for a while.
    fn wait(&mut self, is_clean: &mut bool) {
        if !*is_clean {
            self.shared.wait(Some(IDLE));
            if self.shared.fresh() == 0 {
                *is_clean = self.checkpoint(true).is_ok();
            }
        }
        self.shared.wait(None);
        self.gather();
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
        mut compaction: Option<&mut Compaction>,
    ) -> Result<(), JournalError> {
        let mut gives_up = None;
        loop {
            let committed = match &mut self.sink {
                Sink::File(file) => file.commit(&chunks, compaction.as_deref_mut()),
                Sink::Ring(ring) => {
                    ring.extend(&chunks);
                    Ok(())
                }
            };
            match committed {
                Ok(()) => break,
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Full) => {}
            }
            self.tell_full();
            if self.shared.is_closing() {
                let gives_up = *gives_up.get_or_insert_with(|| Instant::now() + CLOSE_TIMEOUT);
                if Instant::now() >= gives_up {
                    return Err(JournalError::Closed);
                }
            }
            std::thread::sleep(FULL_RETRY);
        }
        if !chunks.is_empty() {
            self.shared.written(chunks);
            failpoints::pass(Point::BeforeAck);
            (self.on_progress)(self.shared.progress());
        }
        self.checkpoint(false)
    }

    fn checkpoint(&mut self, is_idle: bool) -> Result<(), JournalError> {
        let Sink::File(file) = &mut self.sink else {
            return Ok(());
        };
        match file.checkpoint(is_idle) {
            Ok(()) => Ok(()),
            // It is in the log, and moved when there is room.
            Err(Trouble::Full) => Ok(()),
            Err(Trouble::Failed(error)) => Err(error),
        }
    }

    /// Once for each time that it becomes full.
    fn tell_full(&self) {
        if self.shared.progress().state != State::Full {
            tracing::error!(
                "the journal's disk is full: nothing is acknowledged until there is room; make some"
            );
            self.shared.full();
            (self.on_progress)(self.shared.progress());
        }
    }

    fn fail(&self, error: JournalError, compactions: VecDeque<Compaction>) {
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
