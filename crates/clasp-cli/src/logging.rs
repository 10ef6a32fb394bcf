//! Log lines on stderr.

use std::io;

use tracing::Level;
use tracing_subscriber::EnvFilter;

use crate::args::Global;
use crate::error::CommandError;
use crate::output;

/// Starts writing log lines. RUST_LOG wins over the level, as long as it can be understood.
///
/// # Errors
/// The level is unknown.
pub(crate) fn start(global: &Global, default_level: &str) -> Result<(), CommandError> {
    let level = global.log_level.as_deref().unwrap_or(default_level);
    let known: Result<Level, _> = level.parse();
    let level = known.map_err(|_| CommandError::LogLevel(level.to_owned()))?;
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level.as_str()));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Nobody reads them any more: no reason to complain to nobody.
        .log_internal_errors(false)
        .with_writer(io::stderr)
        .with_ansi(output::is_colourful(&io::stderr()));
    if global.json_logs {
        lines.json().init();
    } else {
        lines.init();
    }
    Ok(())
}
