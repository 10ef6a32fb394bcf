//! Options of `clasp replay`.

use std::path::PathBuf;

use clap::Args;

use super::ConnectArgs;

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Which addresses
    #[arg(value_name = "PATTERN", default_value = "/**")]
    pub(crate) pattern: String,
    /// The file of the journal; a relay may be writing it
    #[arg(long, value_name = "PATH")]
    pub(crate) journal: PathBuf,
    /// Not earlier, in microseconds since 1970
    #[arg(long, value_name = "MICROSECONDS")]
    pub(crate) from: Option<u64>,
    /// Not later, in microseconds since 1970
    #[arg(long, value_name = "MICROSECONDS")]
    pub(crate) to: Option<u64>,
    /// How much faster than it was; 0 for as fast as the router takes it
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    pub(crate) speed: f64,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: Option<f64> = text.parse().ok();
    let speed = speed.filter(|it| it.is_finite() && *it >= 0.0);
    speed.ok_or_else(|| "expected a number from 0 on, for example 2 or 0.5".to_owned())
}
