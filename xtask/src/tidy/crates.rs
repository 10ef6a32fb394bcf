//! Which crate may depend on which, and that a crate's clippy.toml keeps the rules of the root.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Finding;
use crate::source::Source;

pub(super) fn check(
    root: &Path,
    sources: &[Source],
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    directions(&metadata(root)?, findings)?;
    clippy_configurations(sources, findings);
    Ok(())
}

fn metadata(root: &Path) -> anyhow::Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("cannot read the answer of cargo metadata")
}

/// Dependencies for tests may point anywhere; the others follow the table.
pub(super) fn directions(metadata: &Value, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata without packages")?;
    let names: Vec<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    for package in packages {
        let name = package["name"]
            .as_str()
            .context("a package without a name")?;
        let manifest = format!("{name}/Cargo.toml");
        let Some(allowed) = allowed.get(name) else {
            findings.push(Finding::new(
                &manifest,
                1,
                "not in the table of crates: add it with its dependencies",
            ));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let ours = dependencies
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|dependency| names.contains(dependency));
        for dependency in ours.filter(|dependency| !allowed.contains(dependency)) {
            findings.push(Finding::new(
                &manifest,
                1,
                format!("may not depend on {dependency}"),
            ));
        }
    }
    Ok(())
}

/// A clippy.toml in a crate replaces the one in the root, so it has to repeat it.
fn clippy_configurations(sources: &[Source], findings: &mut Vec<Finding>) {
    let Some(root) = sources.iter().find(|source| source.path == "clippy.toml") else {
        findings.push(Finding::new("clippy.toml", 1, "is missing"));
        return;
    };
    for source in sources
        .iter()
        .filter(|source| source.path.ends_with("/clippy.toml"))
    {
        for line in root
            .text
            .lines()
            .filter(|line| !source.text.lines().any(|own| own == *line))
        {
            findings.push(Finding::new(
                &source.path,
                1,
                format!("replaces the root's clippy.toml without `{line}`"),
            ));
        }
    }
}

const ALLOWED: [(&str, &[&str]); 13] = [
    ("clasp-proto", &[]),
    ("clasp-router", &["clasp-proto"]),
    ("clasp-auth", &["clasp-proto"]),
    ("clasp-store", &["clasp-proto"]),
    ("clasp-transport", &["clasp-proto"]),
    ("clasp-client", &["clasp-proto", "clasp-transport"]),
    (
        "clasp-server",
        &[
            "clasp-proto",
            "clasp-router",
            "clasp-auth",
            "clasp-store",
            "clasp-transport",
        ],
    ),
    ("clasp-settings", &[]),
    ("clasp-relay", &["clasp-server", "clasp-settings"]),
    (
        "clasp-cli",
        &[
            "clasp-proto",
            "clasp-server",
            "clasp-auth",
            "clasp-client",
            "clasp-settings",
            "clasp-store",
            "clasp-transport",
        ],
    ),
    ("clasp-testkit", &["clasp-proto", "clasp-router"]),
    ("clasp-bench", &[]),
    ("xtask", &[]),
];
