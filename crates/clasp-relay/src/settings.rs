//! Settings: the command line, the environment and the file, read together.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clasp_settings::{FileError, KeyProblems, ValueProblem, environment_problems, with_table};
use thiserror::Error;

use crate::flags::{Flags, Missing};

/// What was asked for, and who asked.
pub(crate) struct Settings {
    pub(crate) flags: Flags,
    pub(crate) matches: ArgMatches,
    /// The file of `--config`, and the options that it sets.
    pub(crate) file: Option<(PathBuf, Vec<String>)>,
}

impl Settings {
    /// What was asked for and does nothing, a line each.
    pub(crate) fn idle(&self) -> Vec<String> {
        let in_file = self
            .file
            .as_ref()
            .map_or(&[][..], |(_, options)| options.as_slice());
        let idle = Flags::idle(&self.matches, in_file);
        idle.iter().map(ToString::to_string).collect()
    }
}

/// Why the settings cannot be read.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    #[error("{}", environment_text(.0))]
    Environment(Vec<(String, ValueProblem)>),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}", keys_text(path, problems))]
    Keys {
        path: PathBuf,
        problems: KeyProblems,
    },
    #[error("{}", lines(.0.iter().map(Missing::to_string)))]
    Missing(Vec<Missing>),
}

/// Reads everything; wrong usage of the command line ends the program here.
///
/// # Errors
/// See [`SettingsError`]; every problem of one source at once.
pub(crate) fn read() -> Result<Settings, SettingsError> {
    let mut command = Flags::command();
    let problems = environment_problems(&command);
    if !problems.is_empty() {
        return Err(SettingsError::Environment(problems));
    }
    let mut matches = command.clone().get_matches();
    let mut file = None;
    if let Some(path) = Flags::config_file(&matches) {
        let table = clasp_settings::read(&path)?;
        let options: Vec<String> = table.keys().map(|key| key.replace('_', "-")).collect();
        command = match with_table(command, table) {
            Ok(command) => command,
            Err(problems) => return Err(SettingsError::Keys { path, problems }),
        };
        matches = command.get_matches();
        file = Some((path, options));
    }
    let in_file = file
        .as_ref()
        .map_or(&[][..], |(_, options)| options.as_slice());
    let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|text| !text.is_empty());
    let flags = Flags::read(&matches, in_file, is_set).map_err(SettingsError::Missing)?;
    Ok(Settings {
        flags,
        matches,
        file,
    })
}

fn environment_text(problems: &[(String, ValueProblem)]) -> String {
    lines(
        problems
            .iter()
            .map(|(variable, problem)| format!("{variable}: {problem}")),
    )
}

fn keys_text(path: &Path, problems: &KeyProblems) -> String {
    let path = path.display();
    lines(
        problems
            .0
            .iter()
            .map(|problem| format!("{path}: {problem}")),
    )
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}
