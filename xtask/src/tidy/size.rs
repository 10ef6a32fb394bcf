//! Caps on files and functions, with a ratchet for what was too long before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Finding;
use crate::blank::{block_start, matching_brace};
use crate::source::Source;

pub(super) fn check(
    root: &Path,
    sources: &[Source],
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(root.join(RATCHET)).with_context(|| format!("cannot read {RATCHET}"))?;
    let mut granted = ratchet(&text)?;
    for source in sources.iter().filter(|source| source.is_rust()) {
        for measured in measure(source) {
            let granted_lines = granted.remove(&measured.name);
            findings.extend(judge(source, &measured, granted_lines));
        }
    }
    for name in granted.keys() {
        findings.push(Finding::new(
            RATCHET,
            1,
            format!("{name} is not there any more: remove its line"),
        ));
    }
    Ok(())
}

/// A file or a function, with its length and its cap.
struct Measured {
    name: String,
    line: usize,
    length: usize,
    cap: usize,
}

fn judge(source: &Source, measured: &Measured, granted: Option<usize>) -> Option<Finding> {
    let Measured {
        name,
        line,
        length,
        cap,
    } = measured;
    match granted {
        Some(granted) if *length < granted => Some(format!(
            "{name} has shrunk to {length}: write that into {RATCHET}"
        )),
        Some(granted) if *length > granted => {
            Some(format!("{name} has grown from {granted} to {length} lines"))
        }
        None if length > cap => Some(format!(
            "{name} has {length} lines, the cap is {cap}: split it by what it does"
        )),
        _ => None,
    }
    .map(|message| Finding::new(&source.path, *line, message))
}

/// The lines of the ratchet: a length and a name.
fn ratchet(text: &str) -> anyhow::Result<BTreeMap<String, usize>> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (length, name) = line.split_once(' ').context("expected `<lines> <name>`")?;
            Ok((name.to_owned(), length.parse()?))
        })
        .collect()
}

/// The file, without the tests in it, and every function; a file of tests has functions only by its own name.
fn measure(source: &Source) -> Vec<Measured> {
    let production = source.production.trim_end();
    let mut all = functions(source);
    all.push(Measured {
        name: source.path.clone(),
        line: 1,
        length: production.lines().count(),
        cap: FILE_LINES_MAX,
    });
    all
}

fn functions(source: &Source) -> Vec<Measured> {
    let code = source.production.as_str();
    let starts = code.match_indices("fn ").map(|(start, _)| start);
    starts
        .filter(|start| {
            !code[..*start].ends_with(|last: char| last.is_alphanumeric() || last == '_')
        })
        .filter_map(|start| {
            let signature = &code[start + "fn ".len()..];
            let name: String = signature
                .chars()
                .take_while(|character| character.is_alphanumeric() || *character == '_')
                .collect();
            let open = block_start(code, start).filter(|_| !name.is_empty())?;
            let body = &code[open..matching_brace(code, open)];
            Some(Measured {
                name: format!("{}::{name}", source.path),
                line: code[..start].lines().count().max(1),
                length: body
                    .lines()
                    .filter(|line| !line.trim().is_empty())
                    .count()
                    .saturating_sub(2),
                cap: FUNCTION_LINES_MAX,
            })
        })
        .collect()
}

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const RATCHET: &str = "xtask/ratchet.txt";
