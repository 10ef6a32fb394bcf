//! Automation of this repository: `cargo xtask <tidy|conformance|readme|ci|long>`.

mod blank;
mod ci;
mod conformance;
mod long;
mod output;
mod readme;
mod source;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;

use crate::conformance::Question;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            output::complain(&format!("Error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Runs one task; false means that it found something to complain about.
fn run(arguments: &[&str]) -> anyhow::Result<bool> {
    let root = root();
    match arguments {
        ["tidy"] => tidy::run(&root),
        ["conformance"] => conformance::run(&root, Question::Uncited),
        ["conformance", "--deny"] => conformance::run(&root, Question::Deny),
        ["conformance", "--tests"] => conformance::run(&root, Question::Untested),
        ["readme"] => readme::run(&root),
        ["ci"] => ci::run(&root, ci::Extent::Full),
        ["ci", "--fast"] => ci::run(&root, ci::Extent::Fast),
        ["long"] => long::run(&root),
        _ => bail!(
            "expected one of: tidy, conformance [--deny or --tests], readme, ci [--fast], long; found {arguments:?}"
        ),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the root of the workspace")
        .to_owned()
}
