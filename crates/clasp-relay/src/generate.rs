//! Man page and completion scripts, made from the command line itself.

use std::io;

use clap_complete::{Shell, generate as complete};

use crate::flags::{Flags, Generated};

/// The text that was asked for.
///
/// # Errors
/// None that a buffer in memory could give.
pub(crate) fn generate(kind: Generated) -> io::Result<Vec<u8>> {
    let mut command = Flags::command();
    let mut text = Vec::new();
    let shell = match kind {
        Generated::Man => {
            clap_mangen::Man::new(command).render(&mut text)?;
            return Ok(text);
        }
        Generated::Bash => Shell::Bash,
        Generated::Elvish => Shell::Elvish,
        Generated::Fish => Shell::Fish,
        Generated::Powershell => Shell::PowerShell,
        Generated::Zsh => Shell::Zsh,
    };
    complete(shell, &mut command, "clasp-relay", &mut text);
    Ok(text)
}
