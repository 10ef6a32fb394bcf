//! The command line of the relay: low-level values only, turned into the server's configuration.

mod authentication;
mod basics;
mod discovery;
mod idle;
mod journal;
mod missing;
mod operations;
mod protocols;
mod state;
mod value;

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use clasp_server::Config;

use authentication::Authentication;
pub(crate) use basics::{Basics, Generated};
use discovery::Discovery;
use idle::Idle;
use journal::Journal;
pub(crate) use missing::Missing;
use operations::Operations;
use protocols::Protocols;
use state::State;

/// What was asked for.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) basics: Basics,
    #[command(flatten)]
    protocols: Protocols,
    #[command(flatten)]
    authentication: Authentication,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    journal: Journal,
    #[command(flatten)]
    discovery: Discovery,
    #[command(flatten)]
    pub(crate) operations: Operations,
}

impl Flags {
    /// The command line with all flags and their variables; those that are not built are hidden.
    pub(crate) fn command() -> Command {
        let command = Command::new("clasp-relay")
            .version(env!("CARGO_PKG_VERSION"))
            // What a script or an image gives can be overruled behind it.
            .args_override_self(true);
        let command = Self::augment_args(command).about("A CLASP router for production");
        let command = clasp_settings::with_environment(command, "CLASP");
        missing::add_flags(command)
    }

    /// What the command line says. `in_file` are the options that the file sets, `is_set` tells whether the
    /// environment has a variable.
    ///
    /// # Errors
    /// All of them that ask for something that is not built.
    pub(crate) fn read(
        matches: &ArgMatches,
        in_file: &[String],
        is_set: impl Fn(&str) -> bool,
    ) -> Result<Self, Vec<Missing>> {
        let missing = missing::check(matches, in_file, is_set);
        if !missing.is_empty() {
            return Err(missing);
        }
        Ok(Self::from_arg_matches(matches).unwrap_or_else(|error| error.exit()))
    }

    /// What was asked for and does nothing.
    pub(crate) fn idle(matches: &ArgMatches, in_file: &[String]) -> Vec<Idle> {
        idle::find(|flag| is_given(matches, in_file, flag))
    }

    /// True for an option of a feature that this build does not have.
    pub(crate) fn is_missing(flag: &str) -> bool {
        missing::is_missing(flag)
    }

    /// The file of `--config`, which is read before everything else.
    pub(crate) fn config_file(matches: &ArgMatches) -> Option<PathBuf> {
        matches.get_one::<PathBuf>("config").cloned()
    }

    /// The server's configuration.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::relay();
        self.basics.apply(&mut config);
        self.protocols.apply(&mut config);
        self.authentication.apply(&mut config);
        self.state.apply(&mut config);
        self.journal.apply(&mut config);
        self.discovery.apply(&mut config);
        self.operations.apply(&mut config);
        config
    }
}

/// True if somebody wrote it: on the command line, in the environment, or in the file, whose options are `in_file`.
fn is_given(matches: &ArgMatches, in_file: &[String], flag: &str) -> bool {
    let source = matches.value_source(&flag.replace('-', "_"));
    let by_file = in_file.iter().any(|option| option == flag);
    by_file || source.is_some_and(|source| source != ValueSource::DefaultValue)
}

#[cfg(test)]
mod tests;
