//! Human and JSON output; the only place that prints. Results go to stdout, all else to stderr.

use std::io::{self, IsTerminal, Write};

use serde_json::Value as Json;

/// Writes one line of result.
///
/// # Errors
/// Nobody reads stdout any more.
pub(crate) fn result(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Writes one line of result that reports success.
///
/// # Errors
/// As for [`result`].
pub(crate) fn success(line: &str) -> io::Result<()> {
    result(&format!("{} {line}", paint(&io::stdout(), GREEN, "OK")))
}

/// Writes one line of result that reports a failure of what was looked at, not of the command.
///
/// # Errors
/// As for [`result`].
pub(crate) fn fail(line: &str) -> io::Result<()> {
    result(&format!("{} {line}", paint(&io::stdout(), RED, "FAIL")))
}

/// Writes a JSON object as one line of result.
///
/// # Errors
/// As for [`result`].
pub(crate) fn json(object: &Json) -> io::Result<()> {
    result(&object.to_string())
}

/// Writes text as it is.
///
/// # Errors
/// As for [`result`].
pub(crate) fn text(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

/// Tells the user what is going on.
pub(crate) fn status(line: &str) {
    // Without a stderr there is nobody to tell.
    drop(writeln!(io::stderr(), "{line}"));
}

/// Tells the user what was done.
pub(crate) fn done(line: &str) {
    status(&format!("{} {line}", paint(&io::stderr(), GREEN, "OK")));
}

/// Tells the user why the command failed.
pub(crate) fn failure(cause: &str) {
    let stderr = io::stderr();
    drop(writeln!(
        io::stderr(),
        "{}: {cause}",
        paint(&stderr, RED, "Error")
    ));
}

/// True when colours make sense there. no-color.org
pub(crate) fn is_colourful(stream: &impl IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !refused
}

/// A bar on stderr that grows, on a terminal only.
#[derive(Debug)]
pub(crate) struct Progress {
    label: String,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            is_shown: io::stderr().is_terminal(),
        }
    }

    /// Draws the bar; `done` is between 0 and 1.
    pub(crate) fn show(&self, done: f64) {
        if self.is_shown {
            let filled = (done.clamp(0.0, 1.0) * BAR_CELLS as f64) as usize;
            let bar = format!("{}{}", "#".repeat(filled), "-".repeat(BAR_CELLS - filled));
            drop(write!(io::stderr(), "\r{:<12} [{bar}]", self.label));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}

fn paint(stream: &impl IsTerminal, colour: &str, text: &str) -> String {
    if is_colourful(stream) {
        format!("{colour}{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const BAR_CELLS: usize = 40;
