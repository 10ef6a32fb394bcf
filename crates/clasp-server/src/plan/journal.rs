//! What is journaled, and how.

use std::time::Duration;

use clasp_store::journal::{Durability, Options, Place};

use crate::config::Config;
use crate::config_error::ConfigError;

/// A journal to be kept.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(feature = "journal"),
    expect(dead_code, reason = "a build without the journal has nobody who looks")
)]
pub(crate) struct JournalPlan {
    pub(crate) options: Options,
    /// ACKs come when a write is durable; else as soon as it is done.
    pub(crate) acks_wait: bool,
    /// Which records are removed with every snapshot.
    pub(crate) compact_before: Option<u64>,
    pub(crate) compact_age: Option<Duration>,
}

impl JournalPlan {
    /// What the configuration asks for, if anything. What is wrong with it is added to the errors.
    pub(super) fn new(config: &Config, errors: &mut Vec<ConfigError>) -> Option<Self> {
        if config.journal_backend != "sqlite" {
            let found = config.journal_backend.clone();
            errors.push(ConfigError::JournalBackend { found });
        }
        let level = level(&config.journal_durability, errors);
        if config.journal_batch_size == 0 {
            let flag = "--journal-batch-size";
            errors.push(ConfigError::Zero { flag });
        }
        if config.journal.is_some() && config.journal_memory {
            errors.push(ConfigError::TwoJournals);
        }
        let (place, acks_wait) = match &config.journal {
            None if !config.journal_memory => return None,
            None => (Place::Memory, false),
            Some(path) => {
                let (durability, acks_wait) = level;
                let path = path.clone();
                (Place::File { path, durability }, acks_wait)
            }
        };
        Some(Self {
            options: Options {
                place,
                batch_size: config.journal_batch_size,
                flush: config.journal_flush,
            },
            acks_wait,
            compact_before: config.journal_compact_before,
            compact_age: config.journal_compact_age,
        })
    }
}

/// When a record counts as durable, and whether ACKs wait for that.
fn level(text: &str, errors: &mut Vec<ConfigError>) -> (Durability, bool) {
    match text {
        "fsync" => (Durability::Fsync, true),
        "os" => (Durability::Os, true),
        "memory" => (Durability::Os, false),
        _ => {
            let found = text.to_owned();
            errors.push(ConfigError::JournalDurability { found });
            (Durability::Fsync, true)
        }
    }
}
