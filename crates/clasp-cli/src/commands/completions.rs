//! `clasp completions`: a completion script for a shell.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::error::CommandError;
use crate::output;

/// Prints the script.
///
/// # Errors
/// Nobody reads stdout.
pub(crate) fn run(args: &CompletionsArgs) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "clasp", &mut script);
    Ok(output::text(&script)?)
}
