//! `clasp info`: what this program can do.

use std::env::consts;

use crate::error::CommandError;
use crate::output;

/// Prints name, version, platform, protocols and examples.
///
/// # Errors
/// Nobody reads stdout.
pub(crate) fn run() -> Result<(), CommandError> {
    let text = format!(
        "CLASP: a router for live values, and a client for scripts\n\
         \n\
         Version:   {}\n\
         Platform:  {}\n\
         Arch:      {}\n\
         Protocols: websocket (ws://, wss://, port 7330), quic (quic://, port 7331), tcp (tcp://, tcps://, port 7340)\n\
         Features:  none\n\
         \n\
         Examples:\n\
         {EXAMPLES}",
        env!("CARGO_PKG_VERSION"),
        consts::OS,
        consts::ARCH,
    );
    Ok(output::result(&text)?)
}

const EXAMPLES: &str = "  clasp server
  clasp sub '/lights/**'
  clasp set /lights/1/brightness 0.8
  clasp get /lights/1/brightness
  clasp emit /cues/go '{\"cue\": 4}'
  clasp bench";
