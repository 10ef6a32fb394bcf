//! Options of the state: how long it is kept, and whether it survives a restart.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clasp_server::Config;

use super::value::{seconds, unless_zero};

#[derive(Debug, Args)]
#[command(next_help_heading = "State")]
pub(crate) struct State {
    /// Seconds without use after which a param expires, 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    param_ttl: Duration,
    /// Seconds after which an announced signal expires, 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    signal_ttl: Duration,
    /// Keep params and signals for ever and in any number
    #[arg(long)]
    no_ttl: bool,
    /// File that the params are written to and restored from
    #[arg(long, value_name = "PATH")]
    persist: Option<PathBuf>,
    /// Seconds between two writes of that file
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    persist_interval: Duration,
    /// Set a damaged file aside and start empty, instead of not starting
    #[arg(long)]
    persist_discard_corrupt: bool,
}

impl State {
    pub(super) fn apply(&self, config: &mut Config) {
        config.param_ttl = unless_zero(self.param_ttl);
        config.signal_ttl = unless_zero(self.signal_ttl);
        if self.no_ttl {
            *config = config.clone().without_ttl();
        }
        config.persist.clone_from(&self.persist);
        config.persist_interval = self.persist_interval;
        config.persist_discard_corrupt = self.persist_discard_corrupt;
    }
}
