//! Options of running it: health, metrics, shutdown.

use std::time::Duration;

use clap::Args;
use clasp_server::Config;

use super::value::seconds;

#[derive(Debug, Args)]
#[command(next_help_heading = "Operations")]
pub(crate) struct Operations {
    /// Port for /healthz and /readyz, 0 for any free one
    #[arg(long, value_name = "PORT")]
    health_port: Option<u16>,
    /// Port for /metrics, 0 for any free one
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,
    /// Seconds that sessions have to end when the relay shuts down
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    drain_timeout: Duration,
}

impl Operations {
    pub(super) fn apply(&self, config: &mut Config) {
        config.health_port = self.health_port;
        config.metrics_port = self.metrics_port;
        config.drain_timeout = self.drain_timeout;
    }
}
