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
pub(crate) fn with_defaults(command: Command, path: &Path) -> Result<Command, CommandError> {
    let table = clasp_settings::read(path)?;
    let place = Place { path, table: "" };
    place.apply(command, table)
}

/// Where in the file; a command of a command has a table of its own, `[token.create]`.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    table: &'a str,
}

impl Place<'_> {
    fn apply(self, command: Command, table: Table) -> Result<Command, CommandError> {
        let (tables, keys): (Table, Table) =
            table.into_iter().partition(|(_, value)| value.is_table());
        let mut command =
            with_table(command, keys).map_err(|problems| CommandError::ConfigKeys {
                path: self.path.to_owned(),
                table: self.table.to_owned(),
                problems,
            })?;
        for (name, table) in tables {
            let Value::Table(table) = table else { continue };
            command = self.apply_below(command, &name, table)?;
        }
        Ok(command)
    }

    fn apply_below(
        self,
        mut command: Command,
        name: &str,
        table: Table,
    ) -> Result<Command, CommandError> {
        let (path, full) = match self.table {
            "" => (self.path, name.to_owned()),
            outer => (self.path, format!("{outer}.{name}")),
        };
        let Some(below) = command.find_subcommand_mut(name) else {
            let path = path.to_owned();
            return Err(CommandError::ConfigTable { path, table: full });
        };
        let place = Place { path, table: &full };
        *below = place.apply(below.clone(), table)?;
        Ok(command)
    }
}
