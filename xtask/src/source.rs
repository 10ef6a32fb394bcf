//! The text files of the repository, as the checks see them.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::blank;

/// One text file that people wrote.
pub(crate) struct Source {
    /// Relative to the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Rust only: the text without comments, literals and tests; empty in a file of tests.
    pub(crate) production: String,
}

impl Source {
    pub(crate) fn new(path: String, text: String) -> Self {
        let production = if !path.ends_with(".rs") || is_test_path(&path) {
            String::new()
        } else {
            blank::tests(&blank::comments_and_literals(&text))
        };
        Self {
            path,
            text,
            production,
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The crate under `crates/` that this file belongs to.
    pub(crate) fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Lines of production code with their numbers.
    pub(crate) fn production_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.production
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// Every text file below the root that is not made by a tool.
pub(crate) fn all(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    collect(root, "", &mut sources)?;
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(sources)
}

/// Whether the file holds tests only.
pub(crate) fn is_test_path(path: &str) -> bool {
    let parts = || path.split('/');
    parts().any(|part| TEST_FOLDERS.contains(&part)) || path.ends_with("/tests.rs")
}

fn collect(root: &Path, folder: &str, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let directory = root.join(folder);
    let entries =
        fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        if entry.file_type()?.is_dir() {
            if !MADE_BY_TOOLS.contains(&name.as_str()) {
                collect(root, &path, sources)?;
            }
        } else if is_text(&path) {
            let text =
                fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?;
            sources.push(Source::new(path, text));
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    let extension = Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str());
    TEXT_NAMES.contains(&path)
        || extension.is_some_and(|extension| TEXT_EXTENSIONS.contains(&extension))
}

const TEST_FOLDERS: [&str; 3] = ["tests", "benches", "fuzz"];
const MADE_BY_TOOLS: [&str; 9] = [
    ".git",
    ".venv",
    "target",
    "node_modules",
    "results",
    "corpus",
    "artifacts",
    "coverage",
    "__pycache__",
];
const TEXT_EXTENSIONS: [&str; 10] = [
    "rs", "md", "toml", "sh", "py", "js", "mjs", "ts", "yml", "txt",
];
const TEXT_NAMES: [&str; 2] = [".ci/run", "tests/published/run"];
