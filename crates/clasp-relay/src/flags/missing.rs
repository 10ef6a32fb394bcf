//! Flags of features that this build does not have. Starting without them would break a promise silently.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clasp_server::Feature;
use thiserror::Error;

/// A flag that promises something this build does not have.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It comes with a later version.
    #[error("{asked} is not in this version: start without it")]
    NotBuilt {
        /// The flag or the variable as it was written.
        asked: String,
    },
    /// Another build has it.
    #[error("--{flag} needs the '{feature}' feature: rebuild with --features {feature}")]
    Feature {
        /// The flag.
        flag: &'static str,
        /// What is missing.
        feature: Feature,
    },
}

/// Adds the flags that are not built, hidden, so that they can be told from misspelled ones.
pub(super) fn add_flags(command: Command) -> Command {
    let hidden = |flag: &&'static str| {
        Arg::new(*flag)
            .long(*flag)
            .hide(true)
            .num_args(0..=1)
            .action(ArgAction::Append)
    };
    command.args(NOT_BUILT.iter().map(hidden))
}

/// Finds what was asked for and is not there.
pub(super) fn check(
    matches: &ArgMatches,
    in_file: &[String],
    is_set: impl Fn(&str) -> bool,
) -> Result<(), Missing> {
    let is_given = |id: &str| {
        let source = matches.value_source(id);
        let by_file = in_file
            .iter()
            .any(|option| option.replace('-', "_") == id.replace('-', "_"));
        by_file || source.is_some_and(|source| source != ValueSource::DefaultValue)
    };
    if let Some(flag) = NOT_BUILT.iter().find(|flag| is_given(flag)) {
        let asked = format!("--{flag}");
        return Err(Missing::NotBuilt { asked });
    }
    // Who asks for tokens by a variable must not get an open relay.
    let mut variables = NOT_BUILT.iter().map(|flag| variable(flag));
    if let Some(asked) = variables.find(|variable| is_set(variable)) {
        return Err(Missing::NotBuilt { asked });
    }
    let missing = |(flag, feature): &&(&str, Feature)| {
        !feature.is_compiled() && is_given(&flag.replace('-', "_"))
    };
    match OF_FEATURES.iter().find(missing) {
        Some(&(flag, feature)) => Err(Missing::Feature { flag, feature }),
        None => Ok(()),
    }
}

/// The environment variable that stands for a flag.
fn variable(flag: &str) -> String {
    format!("CLASP_{}", flag.to_ascii_uppercase().replace('-', "_"))
}

/// Flags that say nothing without their feature.
pub(super) const OF_FEATURES: &[(&str, Feature)] = &[
    ("ws-port", Feature::WebSocket),
    ("rendezvous-port", Feature::Rendezvous),
    ("rendezvous-ttl", Feature::Rendezvous),
    ("rendezvous-url", Feature::Rendezvous),
    ("rendezvous-advertise", Feature::Rendezvous),
    ("rendezvous-refresh", Feature::Rendezvous),
    ("rendezvous-tag", Feature::Rendezvous),
];

/// Flags that the documentation of CLASP promises and this version does not have.
pub(super) const NOT_BUILT: &[&str] = &[
    "mqtt-port",
    "mqtt-namespace",
    "osc-port",
    "osc-namespace",
    "auth-port",
    "auth-db",
    "cors-origin",
    "admin-token",
    "token-file",
    "token-ttl",
    "trust-anchor",
    "cap-max-depth",
    "registry-db",
    "journal",
    "journal-memory",
    "journal-backend",
    "journal-durability",
    "journal-batch-size",
    "journal-flush-ms",
    "journal-compact-before",
    "journal-compact-age",
    "defra-url",
    "rules",
    "lenses",
    "app-config",
    "federation-hub",
    "federation-id",
    "federation-namespace",
    "federation-token",
];
