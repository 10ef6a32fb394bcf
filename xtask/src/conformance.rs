//! `cargo xtask conformance`: which rules of docs/protocol nobody cites.
//!
//! A rule is a line of a page that starts with its number in bold. A citation is `protocol/wire.md 6.3`, or a list of
//! numbers with commas, in a comment of the code or in a test. With `--tests` only those in tests count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::ensure;

use crate::output;
use crate::source::{self, Source};

/// `wire.md` and `6.3`.
type Rule = (String, Number);

/// A section and a rule in it; rule 0 stands for the whole section.
type Number = (u32, u32);

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// List what nobody cites.
    Uncited,
    /// The same, and fail if there is any.
    Deny,
    /// List what no test cites.
    Untested,
}

/// Prints the rules without a citation; false if there are any and they are denied.
pub(crate) fn run(root: &Path, question: Question) -> anyhow::Result<bool> {
    let read = match question {
        Question::Untested => tests_of,
        Question::Uncited | Question::Deny => all_of,
    };
    let report = Report::of(&source::all(root)?, read);
    ensure!(!report.rules.is_empty(), "no rules in {PAGES}");
    for (page, (section, number)) in &report.uncited {
        output::say(&format!(
            "no citation: protocol/{page} {section}.{number}  {}",
            report.rules[&(page.clone(), (*section, *number))]
        ));
    }
    for (path, citation) in &report.unknown {
        output::say(&format!("no such rule: {citation}, cited in {path}"));
    }
    let (rules, uncited, unknown) = (
        report.rules.len(),
        report.uncited.len(),
        report.unknown.len(),
    );
    output::say(&format!(
        "conformance: {rules} rules, {uncited} without a citation, {unknown} citations of no rule"
    ));
    Ok(question != Question::Deny || (uncited == 0 && unknown == 0))
}

struct Report {
    /// Every rule with the beginning of its text.
    rules: BTreeMap<Rule, String>,
    uncited: Vec<Rule>,
    /// A file, and what it cites although there is no such rule or section.
    unknown: Vec<(String, String)>,
}

impl Report {
    /// `read` gives the part of a file in which citations count.
    fn of(sources: &[Source], read: fn(&Source) -> &str) -> Self {
        let rules: BTreeMap<Rule, String> = sources.iter().flat_map(rules).collect();
        let sections: BTreeSet<Rule> = rules
            .keys()
            .map(|(page, (section, _))| (page.clone(), (*section, 0)))
            .collect();
        let mut cited = BTreeSet::new();
        let mut unknown = Vec::new();
        for source in sources.iter().filter(|source| may_cite(&source.path)) {
            for (page, cited_numbers) in read(source).lines().flat_map(citations) {
                if !sections.iter().any(|(known, _)| *known == page) {
                    unknown.push((source.path.clone(), format!("protocol/{page}")));
                    continue;
                }
                for number in cited_numbers {
                    let rule = (page.to_owned(), number);
                    if !rules.contains_key(&rule) && !sections.contains(&rule) {
                        let (section, number) = number;
                        unknown.push((
                            source.path.clone(),
                            format!("protocol/{page} {section}.{number}"),
                        ));
                    }
                    cited.insert(rule);
                }
            }
        }
        let uncited = rules
            .keys()
            .filter(|rule| !cited.contains(*rule))
            .cloned()
            .collect();
        Self {
            rules,
            uncited,
            unknown,
        }
    }
}

fn rules(source: &Source) -> Vec<(Rule, String)> {
    let Some(page) = source.path.strip_prefix(PAGES) else {
        return Vec::new();
    };
    source
        .text
        .lines()
        .filter_map(|line| {
            let (number, text) = line.strip_prefix("**")?.split_once("**")?;
            let (section, rule) = number.split_once('.')?;
            let number = (section.parse().ok()?, rule.parse().ok()?);
            Some((
                (page.to_owned(), number),
                text.trim().chars().take(SHOWN).collect(),
            ))
        })
        .collect()
}

fn all_of(source: &Source) -> &str {
    &source.text
}

/// The part of a file that is tests: all of it, or what follows the mark at its bottom.
fn tests_of(source: &Source) -> &str {
    if source::is_test_path(&source.path) {
        return &source.text;
    }
    let start = source
        .text
        .find("#[cfg(test)]")
        .unwrap_or(source.text.len());
    &source.text[start..]
}

/// Pages do not vouch for themselves, and this crate speaks of citations as such.
fn may_cite(path: &str) -> bool {
    !path.ends_with(".md") && !path.starts_with("xtask/src/")
}

/// The pages that a line cites, each with the numbers after it.
fn citations(line: &str) -> Vec<(&str, Vec<Number>)> {
    line.match_indices(PREFIX)
        .filter_map(|(start, _)| {
            let rest = &line[start + PREFIX.len()..];
            let end = rest.find(SUFFIX)? + SUFFIX.len();
            let (page, after) = rest.split_at(end);
            let is_name = page
                .chars()
                .all(|character| character.is_ascii_lowercase() || character == '.');
            is_name.then(|| (page, numbers(after)))
        })
        .collect()
}

/// The numbers at the start of the text, as far as commas or `and` join them.
fn numbers(text: &str) -> Vec<Number> {
    let mut numbers = Vec::new();
    for word in text
        .split([' ', ','])
        .filter(|word| !word.is_empty() && *word != "and")
    {
        let word_alone = word.trim_end_matches(|character: char| !character.is_ascii_digit());
        let Some(number) = number(word_alone) else {
            break;
        };
        numbers.push(number);
        if word_alone != word {
            break;
        }
    }
    numbers
}

fn number(word: &str) -> Option<Number> {
    match word.split_once('.') {
        Some((section, rule)) => Some((section.parse().ok()?, rule.parse().ok()?)),
        None => Some((word.parse().ok()?, 0)),
    }
}

const PAGES: &str = "docs/protocol/";
const PREFIX: &str = "protocol/";
const SUFFIX: &str = ".md";
const SHOWN: usize = 90;

#[cfg(test)]
mod tests {
    use super::{Report, all_of, citations, tests_of};
    use crate::source::Source;

    fn check(line: &str, expected: &[&str]) {
        let found: Vec<String> = citations(line)
            .into_iter()
            .flat_map(|(page, numbers)| {
                numbers
                    .into_iter()
                    .map(move |(section, rule)| format!("{page} {section}.{rule}"))
            })
            .collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn citations_are_read() {
        check("// protocol/wire.md 6.3", &["wire.md 6.3"]);
        check(
            "// Why: protocol/wire.md 6.3, 6.4 and 7.1.",
            &["wire.md 6.3", "wire.md 6.4", "wire.md 7.1"],
        );
        check("// protocol/wire.md 6", &["wire.md 6.0"]);
        check("# protocol/router.md 2.1: text 5", &["router.md 2.1"]);
        check(
            "// protocol/router.md 2.1; protocol/wire.md 1.2)",
            &["router.md 2.1", "wire.md 1.2"],
        );
        check("use clasp_proto::protocol/x y", &[]);
    }

    #[test]
    fn uncited_and_unknown_rules_are_listed() {
        let source = |path: &str, text: &str| Source::new(path.to_owned(), text.to_owned());
        let sources = [
            source(
                "docs/protocol/wire.md",
                "## 1. A\n\n**1.1** One.\n\n**1.2** Two, see protocol/wire.md 1.2.\n",
            ),
            source(
                "a/lib.rs",
                "// protocol/wire.md 1.1 and protocol/wire.md 1\n// protocol/wire.md 3.4\n// protocol/notes.md Q6",
            ),
        ];
        let report = Report::of(&sources, all_of);
        assert_eq!(report.uncited, [("wire.md".to_owned(), (1, 2))]);
        let unknown: Vec<&str> = report
            .unknown
            .iter()
            .map(|(_, citation)| citation.as_str())
            .collect();
        assert_eq!(unknown, ["protocol/wire.md 3.4", "protocol/notes.md"]);
    }

    #[test]
    fn citations_in_tests_are_told_apart() {
        let source = |path: &str, text: &str| Source::new(path.to_owned(), text.to_owned());
        let sources = [
            source(
                "docs/protocol/wire.md",
                "**1.1** One.\n**1.2** Two.\n**1.3** Three.\n",
            ),
            source(
                "a/lib.rs",
                "// protocol/wire.md 1.1\n#[cfg(test)]\n// protocol/wire.md 1.2\n",
            ),
            source("a/tests/it.rs", "// protocol/wire.md 1.3\n"),
        ];
        let report = Report::of(&sources, tests_of);
        assert_eq!(report.uncited, [("wire.md".to_owned(), (1, 1))]);
    }
}
