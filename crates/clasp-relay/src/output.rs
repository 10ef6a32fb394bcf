//! The only place that prints; everything else is a log line.

use std::fmt::Display;
use std::io::{self, Write};

/// Tells why the relay does not run.
pub(crate) fn failure(cause: &dyn Display) {
    // Without a stderr there is nobody to tell.
    drop(writeln!(io::stderr(), "Error: {cause}"));
}

/// Writes what was asked for instead of a run.
///
/// # Errors
/// Nobody reads stdout any more.
pub(crate) fn text(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}
