//! The `--config` file: one table for each command, keys as its flags. Its values become the defaults of the command line,
//! so that flags and environment win.

use std::path::Path;

use clap::Command;
use clasp_settings::with_table;
use toml::{Table, Value};

use crate::error::CommandError;

/// The command line with the values of the file as defaults. Keys outside of a table are global options.
///
/// # Errors
/// The file cannot be read, is not TOML, or has keys or values that the command line does not know.
pub(crate) fn with_defaults(mut command: Command, path: &Path) -> Result<Command, CommandError> {
    let file = clasp_settings::read(path)?;
    let wrong = |table: &str, problems| CommandError::ConfigKeys {
        path: path.to_owned(),
        table: table.to_owned(),
        problems,
    };
    let (tables, globals): (Table, Table) =
        file.into_iter().partition(|(_, value)| value.is_table());
    command = with_table(command, globals).map_err(|problems| wrong("", problems))?;
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
                Err(problems) => {
                    outcome = Err(problems);
                    subcommand
                }
            }
        });
        outcome.map_err(|problems| wrong(&name, problems))?;
    }
    Ok(command)
}
