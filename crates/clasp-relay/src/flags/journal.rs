//! Options of the journal: every write on the disk before it is acknowledged.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clasp_server::Config;

use super::value::{age, milliseconds};

#[derive(Debug, Args)]
#[command(next_help_heading = "Journal")]
pub(crate) struct Journal {
    /// File that every write is recorded in before it is acknowledged, and restored from; journal.db if no path follows
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "journal.db")]
    journal: Option<PathBuf>,
    /// Record the newest 10000 writes in memory, for REPLAY only
    #[arg(long)]
    journal_memory: bool,
    /// Kind of journal: sqlite
    #[arg(long, value_name = "KIND", default_value = "sqlite")]
    journal_backend: String,
    /// What an ACK means: fsync (a power cut is survived), os (the end of the process is), memory (nothing)
    #[arg(long, value_name = "LEVEL", default_value = "fsync")]
    journal_durability: String,
    /// Writes that are committed without a wait for more
    #[arg(long, value_name = "COUNT", default_value = "100")]
    journal_batch_size: usize,
    /// Milliseconds that a write waits for others at most, while they come faster than the disk writes
    #[arg(long, value_name = "MS", default_value = "50", value_parser = milliseconds)]
    journal_flush_ms: Duration,
    /// Remove records before this sequence number, once a snapshot holds what they did
    #[arg(long, value_name = "SEQUENCE")]
    journal_compact_before: Option<u64>,
    /// Remove records older than this likewise: 7d, 12h, 30m, 90s
    #[arg(long, value_name = "AGE", value_parser = age)]
    journal_compact_age: Option<Duration>,
}

impl Journal {
    pub(super) fn apply(&self, config: &mut Config) {
        config.journal.clone_from(&self.journal);
        config.journal_memory = self.journal_memory;
        config.journal_backend.clone_from(&self.journal_backend);
        config
            .journal_durability
            .clone_from(&self.journal_durability);
        config.journal_batch_size = self.journal_batch_size;
        config.journal_flush = self.journal_flush_ms;
        config.journal_compact_before = self.journal_compact_before;
        config.journal_compact_age = self.journal_compact_age;
    }
}
