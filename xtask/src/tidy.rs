//! `cargo xtask tidy`: the house rules of CONTRIBUTING.md that a script can check.

mod crates;
mod size;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use crate::{output, source};

/// One breach of a house rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Prints every finding; true if there is none.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let findings = findings(root)?;
    for finding in &findings {
        output::complain(&finding.to_string());
    }
    output::say(&format!("tidy: {} findings", findings.len()));
    Ok(findings.is_empty())
}

pub(crate) fn findings(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let sources = source::all(root)?;
    let mut findings = Vec::new();
    for source in &sources {
        text::check(source, &mut findings);
    }
    size::check(root, &sources, &mut findings)?;
    crates::check(root, &sources, &mut findings)?;
    findings.sort();
    Ok(findings)
}
