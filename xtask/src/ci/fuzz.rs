//! A short run of every fuzz target, to see that none of them falls over.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::{Step, succeeds};

/// The installation of cargo-fuzz if there is none; then for each folder its seeds as a beginning, and one step for
/// each target.
pub(super) fn steps(root: &Path) -> anyhow::Result<Vec<Step>> {
    let (tool, install) = tool(root);
    let mut steps = Vec::new();
    for folder in FOLDERS {
        let targets = targets(&root.join(folder).join("fuzz/fuzz_targets"))?;
        if targets.is_empty() {
            continue;
        }
        steps.push(seeds(folder));
        steps.extend(targets.iter().map(|target| run(folder, &tool, target)));
    }
    if steps.is_empty() {
        return Ok(steps);
    }
    Ok(install.into_iter().chain(steps).collect())
}

fn seeds(folder: &str) -> Step {
    Step {
        folder: format!("{folder}/fuzz").into(),
        ..Step::new(
            format!("fuzz seeds of {folder}"),
            &["cargo", "run", "--quiet", "--example", "seeds"],
        )
    }
}

fn run(folder: &str, tool: &str, target: &str) -> Step {
    let seconds = format!("-max_total_time={SECONDS}");
    on_nightly(Step {
        folder: folder.into(),
        ..Step::new(
            format!("fuzz {target} of {folder}"),
            &[tool, "fuzz", "run", target, "--", &seconds, "-verbosity=0"],
        )
    })
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

/// Crates that may have fuzz targets; one without a folder `fuzz` is passed by.
const FOLDERS: [&str; 3] = [
    "crates/clasp-proto",
    "crates/clasp-auth",
    "crates/clasp-server",
];
const SECONDS: u32 = 20;
