//! `cargo xtask ci`: everything that has to hold before a change lands, on any machine.

mod features;
mod fuzz;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;

use crate::{output, readme};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Full,
    /// Without what takes minutes or installs something: other features, the published clients and the fuzz targets.
    Fast,
}

/// Runs step after step; false if one of them failed, and then it was the last.
pub(crate) fn run(root: &Path, extent: Extent) -> anyhow::Result<bool> {
    let begin = Instant::now();
    for step in components().into_iter().chain(always()) {
        if !step.run(root)? {
            return Ok(false);
        }
    }
    if extent == Extent::Full {
        for step in features::steps(root)? {
            if !step.run(root)? {
                return Ok(false);
            }
        }
        for step in published(root).into_iter().chain(fuzz::steps(root)?) {
            if !step.run(root)? {
                return Ok(false);
            }
        }
    }
    output::say(&format!(
        "== all of it passed in {:.1} s",
        begin.elapsed().as_secs_f64()
    ));
    Ok(true)
}

/// One command, with what it needs around it.
pub(crate) struct Step {
    name: String,
    command: Vec<String>,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    environment_removed: Vec<&'static str>,
}

impl Step {
    pub(crate) fn new(name: impl Into<String>, command: &[&str]) -> Self {
        Self {
            name: name.into(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            folder: PathBuf::new(),
            environment: Vec::new(),
            environment_removed: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(crate) fn run(&self, root: &Path) -> anyhow::Result<bool> {
        output::say(&format!("== {}: {}", self.name, self.repeat()));
        let begin = Instant::now();
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .current_dir(root.join(&self.folder));
        for name in &self.environment_removed {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let status = command
            .status()
            .with_context(|| format!("cannot start {}", self.command[0]))?;
        let seconds = begin.elapsed().as_secs_f64();
        if status.success() {
            output::say(&format!("== {} passed in {seconds:.1} s", self.name));
        } else {
            output::complain(&format!(
                "== {} FAILED after {seconds:.1} s ({status})",
                self.name
            ));
            output::complain(&format!("   to repeat it: {}", self.repeat()));
        }
        Ok(status.success())
    }

    /// The command as one would type it in the root of the repository.
    fn repeat(&self) -> String {
        let environment = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}='{value}' "));
        let command = format!(
            "{}{}",
            environment.collect::<String>(),
            self.command.join(" ")
        );
        if self.folder.as_os_str().is_empty() {
            command
        } else {
            format!("(cd {} && {command})", self.folder.display())
        }
    }
}

/// A minimal installation of Rust has neither rustfmt nor clippy.
fn components() -> Option<Step> {
    let is_there = |tool: &str| succeeds(&["cargo", tool, "--version"]);
    let missing = !is_there("fmt") || !is_there("clippy");
    let install = ["rustup", "component", "add", "rustfmt", "clippy"];
    missing.then(|| Step::new("rustfmt and clippy", &install))
}

/// Whether the command can be started and ends well; what it says is of no interest.
fn succeeds(command: &[&str]) -> bool {
    let status = Command::new(command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn always() -> [Step; 8] {
    [
        Step::new("format", &["cargo", "fmt", "--all", "--check"]),
        Step::new(
            "lints",
            &[
                "cargo",
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        ),
        Step::new("tests", &["cargo", "test", "--workspace"]),
        // Those of what is not built by default.
        Step::new(
            "tests of the journal",
            &[
                "cargo",
                "test",
                "--package",
                "clasp-server",
                "--package",
                "clasp-relay",
                "--features",
                "clasp-relay/full",
                "journal",
            ],
        ),
        Step::new(
            "interleavings",
            &[
                "cargo",
                "test",
                "--package",
                "clasp-router",
                "--lib",
                "--release",
                "interleavings",
            ],
        )
        .with("RUSTFLAGS", "--cfg loom")
        .with("CARGO_TARGET_DIR", "target/loom"),
        Step::new("pages", &["cargo", "doc", "--workspace", "--no-deps"])
            .with("RUSTDOCFLAGS", "-D warnings"),
        Step::new("tidy", &["cargo", "xtask", "tidy"]),
        Step::new("conformance", &["cargo", "xtask", "conformance", "--deny"]),
    ]
}

/// The published clients, unmodified, against this router; and then the examples of the README, which use them.
fn published(root: &Path) -> [Step; 4] {
    let program = readme::program(root).display().to_string();
    [
        Step::new(
            "router",
            &[
                "cargo",
                "build",
                "--package",
                "clasp-cli",
                "--package",
                "clasp-relay",
            ],
        ),
        Step::new(
            "certificates",
            &[
                "cargo",
                "build",
                "--package",
                "clasp-transport",
                "--example",
                "private_ca",
            ],
        ),
        Step::new("published clients", &["tests/published/run"]).with("CLASP_BIN", program),
        Step::new("examples", &["cargo", "xtask", "readme"]),
    ]
}
