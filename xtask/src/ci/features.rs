//! The relay with every feature alone, with none and with all: each combination has to compile without a warning, and
//! to refuse the flags of what it lacks.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

use super::Step;

/// One step for each combination that the other steps do not build.
pub(super) fn steps(root: &Path) -> anyhow::Result<Vec<Step>> {
    let alone = features(root)?;
    let none = std::iter::once(String::new());
    let combinations = none.chain(alone);
    Ok(combinations
        .flat_map(|features| [lints(&features), tests(&features)])
        .collect())
}

/// The features of the relay, as its manifest names them.
fn features(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .context("cannot read the answer of cargo metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let relay = packages
        .filter(|package| package["name"] == "clasp-relay")
        .find_map(|package| package["features"].as_object());
    let names = relay.context("no package clasp-relay")?.keys();
    Ok(names.filter(|name| *name != "default").cloned().collect())
}

fn lints(features: &str) -> Step {
    let command = [
        "cargo",
        "clippy",
        "--package",
        "clasp-relay",
        "--no-default-features",
        "--features",
        features,
        "--",
        "-D",
        "warnings",
    ];
    Step::new(format!("lints with {}", shown(features)), &command)
}

fn tests(features: &str) -> Step {
    let command = [
        "cargo",
        "test",
        "--package",
        "clasp-relay",
        "--no-default-features",
        "--features",
        features,
        "--bins",
    ];
    Step::new(format!("flags with {}", shown(features)), &command)
}

fn shown(features: &str) -> &str {
    if features.is_empty() {
        "no feature"
    } else {
        features
    }
}
