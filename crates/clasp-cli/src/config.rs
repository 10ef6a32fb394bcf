//! The `--config` file: one table for each command, keys as its flags. Its values become the defaults of the command line,
//! so that flags and environment win.

use std::fs;
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

use crate::error::CommandError;

/// The command line with the values of the file as defaults. Keys outside of a table are global options.
///
/// # Errors
/// The file cannot be read, is not TOML, or has a key or value that the command line does not know.
pub(crate) fn with_defaults(mut command: Command, path: &Path) -> Result<Command, CommandError> {
    let text = fs::read_to_string(path).map_err(|source| CommandError::ConfigUnreadable {
        path: path.to_owned(),
        source,
    })?;
    let file: Table = text.parse().map_err(|source| CommandError::ConfigInvalid {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let wrong = |table: &str, key: &str, problem: String| CommandError::ConfigKey {
        path: path.to_owned(),
        table: table.to_owned(),
        key: key.to_owned(),
        problem,
    };
    let (tables, globals): (Table, Table) =
        file.into_iter().partition(|(_, value)| value.is_table());
    command = with_table(command, globals).map_err(|(key, problem)| wrong("", &key, problem))?;
    for (name, table) in tables {
        let Value::Table(table) = table else { continue };
        if command.find_subcommand(&name).is_none() {
            return Err(CommandError::ConfigTable {
                path: path.to_owned(),
                table: name,
            });
        }
        let mut outcome = Ok(());
        command = command.mut_subcommand(&name, |subcommand| {
            match with_table(subcommand.clone(), table) {
                Ok(changed) => changed,
                Err(problem) => {
                    outcome = Err(problem);
                    subcommand
                }
            }
        });
        outcome.map_err(|(key, problem)| wrong(&name, &key, problem))?;
    }
    Ok(command)
}

/// A key and what is wrong with it.
type Problem = (String, String);

fn with_table(mut command: Command, table: Table) -> Result<Command, Problem> {
    for (key, value) in table {
        let flag = key.replace('_', "-");
        let known = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(&flag));
        let Some(id) = known.map(|arg| arg.get_id().clone()) else {
            let problem = format!("expected one of {}", flags(&command));
            return Err((key, problem));
        };
        let Some(texts) = texts(&value) else {
            let problem = "expected text, a number, true, false or a list".to_owned();
            return Err((key, problem));
        };
        command = command.mut_arg(id, |arg| with_default(arg, texts));
    }
    Ok(command)
}

fn with_default(arg: Arg, texts: Vec<String>) -> Arg {
    match arg.get_action() {
        ArgAction::SetTrue => arg.default_value(texts.concat()),
        _ => arg.default_values(texts),
    }
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

fn flags(command: &Command) -> String {
    let longs = command.get_arguments().filter_map(Arg::get_long);
    let known = longs.filter(|long| !["config", "help", "version"].contains(long));
    known.collect::<Vec<_>>().join(", ")
}
