//! File: TOML whose keys are the options of a command line, with `-` or `_`.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use thiserror::Error;
use toml::{Table, Value};

use crate::value::{ValueProblem, check, truth};

/// Why a file cannot be used at all.
#[derive(Debug, Error)]
pub enum FileError {
    /// It is not there, or not for us.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("{path} is not TOML: {source}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Where it stops being TOML.
        source: Box<toml::de::Error>,
    },
}

/// Reads a file.
///
/// # Errors
/// See [`FileError`].
pub fn read(path: &Path) -> Result<Table, FileError> {
    let text = fs::read_to_string(path).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    text.parse().map_err(|source| FileError::Invalid {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// A key of a table that is no option, or has a value that the option does not take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// No option has that name.
    #[error("{key}: expected one of {known}")]
    Unknown {
        /// As written.
        key: String,
        /// The options that there are.
        known: String,
    },
    /// A date, or a table in the place of a value.
    #[error("{key}: expected text, a number, true, false or a list")]
    Kind {
        /// As written.
        key: String,
    },
    /// The option is no switch.
    #[error("{key}: expected text or a number, found {found}")]
    NoSwitch {
        /// As written.
        key: String,
        /// True or false.
        found: bool,
    },
    /// The option does not take the value.
    #[error("{key}: {problem}")]
    Value {
        /// As written.
        key: String,
        /// Why not.
        problem: ValueProblem,
    },
}

/// Everything that is wrong with a table; there is at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblems(pub Vec<KeyProblem>);

impl fmt::Display for KeyProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        formatter.write_str(&texts.join("\n"))
    }
}

impl std::error::Error for KeyProblems {}

/// The command line with the values of a table as defaults.
///
/// # Errors
/// Every problem of the table at once.
pub fn with_table(mut command: Command, table: Table) -> Result<Command, KeyProblems> {
    let mut problems = Vec::new();
    for (key, value) in table {
        match default_of(&command, key, &value) {
            Ok((id, texts)) => command = command.mut_arg(id, |arg| with_default(arg, texts)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(command)
    } else {
        Err(KeyProblems(problems))
    }
}

/// The option that a key means, and what it is to be.
fn default_of(
    command: &Command,
    key: String,
    value: &Value,
) -> Result<(clap::Id, Vec<String>), KeyProblem> {
    let flag = key.replace('_', "-");
    let is_it = |arg: &&Arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        arg.get_long() == Some(&flag) || aliases.contains(&flag.as_str())
    };
    let Some(arg) = command.get_arguments().find(is_it) else {
        let known = known(command);
        return Err(KeyProblem::Unknown { key, known });
    };
    if let (Value::Boolean(found), false) = (value, is_switch(arg)) {
        let found = *found;
        return Err(KeyProblem::NoSwitch { key, found });
    }
    let Some(texts) = texts(value) else {
        return Err(KeyProblem::Kind { key });
    };
    match check(arg, &texts) {
        None => Ok((arg.get_id().clone(), texts)),
        Some(problem) => Err(KeyProblem::Value { key, problem }),
    }
}

fn with_default(arg: Arg, texts: Vec<String>) -> Arg {
    match is_switch(&arg) {
        true => truth(arg).default_value(texts.concat()),
        false => arg.default_values(texts),
    }
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// A value as it would be written on the command line.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Float(number) => Some(vec![number.to_string()]),
        Value::Boolean(truth) => Some(vec![truth.to_string()]),
        Value::Array(values) => {
            let texts = values.iter().map(texts);
            texts
                .collect::<Option<Vec<_>>>()
                .map(|texts| texts.concat())
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn known(command: &Command) -> String {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let longs = shown.filter_map(Arg::get_long);
    let known = longs.filter(|long| !["config", "help", "version"].contains(long));
    known.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let number = Arg::new("n").long("max-sessions");
        Command::new("program")
            .arg(number.value_parser(clap::value_parser!(u16)))
            .arg(Arg::new("no").long("no-ttl").action(ArgAction::SetTrue))
            .arg(Arg::new("tag").long("tag").action(ArgAction::Append))
    }

    fn table(text: &str) -> Table {
        text.parse().expect("a table")
    }

    #[test]
    fn values_become_defaults() {
        let text = "max_sessions = 5\nno-ttl = true\ntag = [\"a\", \"b\"]";
        let command = with_table(command(), table(text)).expect("all of it is known");
        let matches = command.clone().get_matches_from(["program"]);
        assert_eq!(matches.get_one::<u16>("n"), Some(&5));
        assert!(matches.get_flag("no"));
        let tags: Vec<_> = matches.get_many::<String>("tag").unwrap().collect();
        assert_eq!(tags, ["a", "b"]);
        let flag = command.get_matches_from(["program", "--max-sessions", "6"]);
        assert_eq!(flag.get_one::<u16>("n"), Some(&6));
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = "max-session = 5\nmax-sessions = 70000\nno-ttl = 3\ntag = 2026-01-01";
        let problems = with_table(command(), table(text)).unwrap_err();
        let lines = problems.to_string();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert!(lines.contains(&"max-session: expected one of max-sessions, no-ttl, tag"));
        assert!(lines.contains(&"tag: expected text, a number, true, false or a list"));
        let refused = |key: &str, value: &str| {
            let start = format!("{key}: invalid value '{value}' for '--{key}");
            assert!(
                lines.iter().any(|line| line.starts_with(&start)),
                "{lines:#?}"
            );
        };
        refused("max-sessions", "70000");
        refused("no-ttl", "3");
    }

    #[test]
    fn what_is_no_switch_cannot_be_switched() {
        let problems = with_table(command(), table("tag = true")).unwrap_err();
        let expected = "tag: expected text or a number, found true";
        assert_eq!(problems.to_string(), expected);
    }

    #[test]
    fn one_value_is_not_a_list() {
        let problems = with_table(command(), table("max-sessions = [1, 2]")).unwrap_err();
        let expected = "max-sessions: expected one value, found 2";
        assert_eq!(problems.to_string(), expected);
    }
}
