//! Options of `clasp top`.

use clap::Args;

use super::seconds;

#[derive(Debug, Args)]
#[command(after_help = TOP_KEYS)]
pub(crate) struct TopArgs {
    /// Metrics port of the router: that of `clasp-relay --metrics-port`
    #[arg(
        short,
        long,
        value_name = "URL",
        default_value = "http://localhost:9090",
        env = "CLASP_METRICS",
        hide_env_values = true
    )]
    pub(crate) metrics: String,
    /// Seconds between two looks
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) interval: f64,
    /// Look twice, print what happened between, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Print one JSON object for each look
    #[arg(long)]
    pub(crate) json: bool,
    /// Addresses to show
    #[arg(short, long, value_name = "NUMBER", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) addresses: u16,
}

/// How the view is left, and what its figures are.
const TOP_KEYS: &str = "\
q, Esc or Ctrl+C ends the view. Where stdout is no terminal, the same is printed as text.
Rates are those between two looks. The hottest addresses are estimates from samples, and only there while the router has a
metrics port.";
