//! Rules about one file at a time: what it may name and how it begins.

use super::Finding;
use crate::source::Source;

pub(super) fn check(source: &Source, findings: &mut Vec<Finding>) {
    ascii(source, findings);
    stands_alone(source, findings);
    merged(source, findings);
    if source.is_rust() {
        purpose(source, findings);
        open_matters(source, findings);
        forbidden_words(source, findings);
        feature_conditions(source, findings);
        error_numbers(source, findings);
        type_names(source, findings);
    }
}

fn ascii(source: &Source, findings: &mut Vec<Finding>) {
    for (line, text) in numbered(&source.text) {
        if !text.is_ascii() {
            findings.push(Finding::new(
                &source.path,
                line,
                "not ASCII: write it as an escape or in words",
            ));
        }
    }
}

/// A clone has to be enough: nothing refers to the place where somebody works.
fn stands_alone(source: &Source, findings: &mut Vec<Finding>) {
    for (line, text) in numbered(&source.text) {
        if OUTSIDE.iter().any(|outside| text.contains(outside)) {
            findings.push(Finding::new(
                &source.path,
                line,
                "refers to a folder outside of the repository",
            ));
        }
    }
}

/// A merge that was committed before it was done.
fn merged(source: &Source, findings: &mut Vec<Finding>) {
    for (line, text) in numbered(&source.text) {
        if MERGE_MARKS.iter().any(|mark| text.starts_with(mark)) {
            findings.push(Finding::new(
                &source.path,
                line,
                "a conflict of a merge is left",
            ));
        }
    }
}

fn purpose(source: &Source, findings: &mut Vec<Finding>) {
    if !source.text.starts_with("//! ") {
        findings.push(Finding::new(
            &source.path,
            1,
            "the first line has to say what the file is for: `//! ...`",
        ));
    }
}

fn open_matters(source: &Source, findings: &mut Vec<Finding>) {
    for (line, text) in numbered(&source.text) {
        if OPEN_MATTERS.iter().any(|mark| text.contains(mark)) {
            findings.push(Finding::new(
                &source.path,
                line,
                "an open matter belongs into an issue",
            ));
        }
    }
}

fn forbidden_words(source: &Source, findings: &mut Vec<Finding>) {
    let is_pure = source
        .krate()
        .is_some_and(|krate| PURE_CRATES.contains(&krate));
    for (line, text) in source.production_lines() {
        let mut forbid = |words: &[&str], message: &str| {
            for word in words.iter().filter(|word| contains_path(text, word)) {
                findings.push(Finding::new(
                    &source.path,
                    line,
                    format!("`{word}` {message}"),
                ));
            }
        };
        forbid(
            &[".unwrap()"],
            "outside of tests: state the invariant with `expect`, or return the error",
        );
        if is_pure {
            forbid(
                &IMPURE,
                "in a crate that knows no clock, no I/O and no runtime",
            );
        }
        if source.krate().is_some() && !SPAWNING.contains(&source.path.as_str()) {
            forbid(
                &SPAWNS,
                "outside of the supervisor: a task that nobody owns cannot be stopped",
            );
        }
    }
}

/// Feature conditions gate whole modules, so that no feature changes the shape of another part.
fn feature_conditions(source: &Source, findings: &mut Vec<Finding>) {
    if source.path.ends_with("/plan/feature.rs") {
        return;
    }
    let lines: Vec<&str> = source.production.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if !line.contains("cfg") || !contains_path(line, "feature") {
            continue;
        }
        let item = lines[index + 1..]
            .iter()
            .find(|line| !line.trim().is_empty() && !line.trim().starts_with("#["));
        let is_module = item.is_some_and(|item| item.trim_start_matches("pub ").contains("mod "));
        if !is_module {
            findings.push(Finding::new(
                &source.path,
                index + 1,
                "a feature condition gates a `mod` line, or stands in plan/feature.rs",
            ));
        }
    }
}

/// The numbers of the wire have one home, where their meaning is written down.
///
/// What the transport knows are numbers of HTTP and of WebSocket, which look the same.
fn error_numbers(source: &Source, findings: &mut Vec<Finding>) {
    if matches!(source.krate(), None | Some("clasp-transport")) || source.path == CODE_FILE {
        return;
    }
    for (line, text) in source.production_lines() {
        let speaks_of_codes = text.to_ascii_lowercase().contains("code");
        let number = words(text).find(|word| {
            RARE_NUMBERS.contains(word) || (speaks_of_codes && ROUND_NUMBERS.contains(word))
        });
        if let Some(number) = number {
            findings.push(Finding::new(
                &source.path,
                line,
                format!("error number {number} outside of {CODE_FILE}"),
            ));
        }
    }
}

fn type_names(source: &Source, findings: &mut Vec<Finding>) {
    for (line, text) in source.production_lines() {
        let pairs = words(text).zip(words(text).skip(1));
        for (keyword, name) in pairs {
            let is_type =
                TYPE_KEYWORDS.contains(&keyword) && VAGUE.iter().any(|vague| name.ends_with(vague));
            if is_type || (keyword == "fn" && name.starts_with("get_")) {
                findings.push(Finding::new(
                    &source.path,
                    line,
                    format!("`{name}` is vague: name what it is"),
                ));
            }
        }
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !is_word(character))
        .filter(|word| !word.is_empty())
}

/// Whether the line names the path, and not just something that ends or goes on like it.
fn contains_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + path.len()..].chars().next();
        let joined = |neighbour: Option<char>| neighbour.is_some_and(is_word);
        (!path.starts_with(is_word) || !joined(before))
            && (!path.ends_with(is_word) || !joined(after))
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

const PURE_CRATES: [&str; 2] = ["clasp-proto", "clasp-router"];
const IMPURE: [&str; 8] = [
    "tokio",
    "std::net",
    "std::fs",
    "std::io",
    "std::env",
    "std::thread",
    "Instant",
    "SystemTime",
];
const SPAWNS: [&str; 5] = [
    "tokio::spawn",
    "task::spawn",
    "spawn_blocking",
    "spawn_local",
    "thread::spawn",
];
/// Who may spawn: the server's supervisor, and the client for its one driver task.
const SPAWNING: [&str; 2] = [
    "crates/clasp-server/src/supervisor.rs",
    "crates/clasp-client/src/driver.rs",
];
const CODE_FILE: &str = "crates/clasp-proto/src/code.rs";
const RARE_NUMBERS: [&str; 22] = [
    "101", "102", "201", "202", "301", "302", "401", "402", "403", "404", "409", "429", "501",
    "502", "503", "1001", "1002", "1007", "1008", "1009", "1011", "1013",
];
/// Numbers that mean other things too; they count in a line that speaks of codes.
const ROUND_NUMBERS: [&str; 6] = ["100", "200", "300", "400", "500", "1000"];
const TYPE_KEYWORDS: [&str; 4] = ["struct", "enum", "trait", "type"];
const VAGUE: [&str; 7] = [
    "Manager", "Handler", "Helper", "Util", "Context", "Data", "Info",
];
/// Put together here so that this file does not break its own rules.
const OPEN_MATTERS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
const MERGE_MARKS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];
const OUTSIDE: [&str; 3] = [
    concat!("..", "/shared"),
    concat!("/wo", "rk/"),
    concat!("/wo", "rk`"),
];
