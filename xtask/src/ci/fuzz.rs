//! A short run of every fuzz target, to see that none of them falls over.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::{Step, succeeds};

/// The installation of cargo-fuzz if there is none, the golden frames as a beginning, then one step for each target.
pub(super) fn steps(root: &Path) -> anyhow::Result<Vec<Step>> {
    let targets = targets(&root.join(FOLDER).join("fuzz/fuzz_targets"))?;
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let (tool, install) = tool(root);
    let seconds = format!("-max_total_time={SECONDS}");
    let runs = targets.iter().map(|target| {
        on_nightly(Step {
            folder: FOLDER.into(),
            ..Step::new(
                format!("fuzz {target}"),
                &[&tool, "fuzz", "run", target, "--", &seconds, "-verbosity=0"],
            )
        })
    });
    let seeds = Step {
        folder: format!("{FOLDER}/fuzz").into(),
        ..Step::new(
            "fuzz seeds",
            &["cargo", "run", "--quiet", "--example", "seeds"],
        )
    };
    Ok(install.into_iter().chain([seeds]).chain(runs).collect())
}

fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut targets = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            targets.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    targets.sort();
    Ok(targets)
}

/// The cargo-fuzz of the machine, or our own below target with the step that installs it.
fn tool(root: &Path) -> (String, Option<Step>) {
    if succeeds(&["cargo-fuzz", "--version"]) {
        return ("cargo-fuzz".to_owned(), None);
    }
    let home = root.join("target/tools");
    let binary = home.join("bin/cargo-fuzz").display().to_string();
    let install = Step::new(
        "install cargo-fuzz",
        &[
            "cargo",
            "install",
            "cargo-fuzz",
            "--locked",
            "--root",
            &home.display().to_string(),
        ],
    );
    let is_there = succeeds(&[&binary, "--version"]);
    (binary, (!is_there).then_some(install))
}

/// The sanitizers need an unstable option: a nightly compiler has it, another one can be told to.
fn on_nightly(mut step: Step) -> Step {
    if succeeds(&["rustup", "run", "nightly", "cargo", "--version"]) {
        // Whoever runs us through cargo has set CARGO to the stable one.
        step.environment_removed = vec!["CARGO", "RUSTC", "RUSTDOC"];
        step.with("RUSTUP_TOOLCHAIN", "nightly")
    } else {
        step.with("RUSTC_BOOTSTRAP", "1")
    }
}

const FOLDER: &str = "crates/clasp-proto";
const SECONDS: u32 = 20;
