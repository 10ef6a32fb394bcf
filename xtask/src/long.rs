//! `cargo xtask long`: the tests of durability in the form that is too long for every change.

use std::path::Path;

use crate::ci::Step;

/// Runs all of them, also after one has failed: who lets them run for an hour wants to know the rest too.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    Step::new("long tests", &COMMAND).run(root)
}

/// Ignored tests that are named after what they prove; a child that such a test starts is not. One at a time, since each
/// wants the disk for itself; what they print are their figures and seeds.
const COMMAND: [&str; 17] = [
    "cargo",
    "test",
    "--package",
    "clasp-store",
    "--package",
    "clasp-server",
    "--package",
    "clasp-relay",
    "--features",
    "clasp-relay/full",
    "--tests",
    "--no-fail-fast",
    "--",
    "--ignored",
    "--nocapture",
    "--test-threads=1",
    "t_dur_",
];
