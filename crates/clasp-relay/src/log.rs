//! The log on stdout: which lines, and in which form.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::flags::Basics;

/// Starts writing log lines; JSON if LOG_FORMAT says so.
pub(crate) fn start(basics: &Basics) {
    let asked = EnvFilter::new(&basics.log_level);
    let filter = if basics.verbose {
        EnvFilter::new(VERBOSE)
    } else {
        // An empty variable would mean errors only, and nobody would learn of the port.
        let variable = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
        let wanted = Some(variable).filter(|text| !text.trim().is_empty());
        wanted
            .and_then(|text| EnvFilter::try_new(text).ok())
            .unwrap_or(asked)
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Nobody reads them any more: no reason to complain to nobody.
        .log_internal_errors(false)
        .with_ansi(io::stdout().is_terminal());
    let wants_json =
        std::env::var("LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    if wants_json {
        lines.json().init();
    } else {
        lines.init();
    }
}

/// What `--verbose` logs: everything of this program, and what its libraries think noteworthy.
const VERBOSE: &str =
    "debug,clasp=trace,clasp_server=trace,clasp_router=trace,clasp_transport=trace";
