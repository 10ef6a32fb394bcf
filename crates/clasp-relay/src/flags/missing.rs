//! Flags of features that this build does not have. Starting without them would break a promise silently.

use clap::{Arg, ArgAction, ArgMatches, Command};
use clasp_server::Feature;
use thiserror::Error;

use super::is_given;

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
        // As the fields of the others are named.
        Arg::new(flag.replace('-', "_"))
            .long(*flag)
            .hide(true)
            .num_args(0..=1)
            .action(ArgAction::Append)
    };
    command.args(NOT_BUILT.iter().map(hidden))
}

/// Finds everything that was asked for and is not there.
pub(super) fn check(
    matches: &ArgMatches,
    in_file: &[String],
    is_set: impl Fn(&str) -> bool,
) -> Vec<Missing> {
    let flags = NOT_BUILT
        .iter()
        .filter(|flag| is_given(matches, in_file, flag));
    let flags = flags.map(|flag| format!("--{flag}"));
    // Who asks for tokens by a variable must not get an open relay.
    let variables = NOT_BUILT.iter().map(|flag| variable(flag));
    let variables = variables.filter(|variable| is_set(variable));
    let not_built = flags
        .chain(variables)
        .map(|asked| Missing::NotBuilt { asked });
    let of_features = OF_FEATURES
        .iter()
        .filter(|(flag, feature)| !feature.is_compiled() && is_given(matches, in_file, flag));
    let absent = of_features.map(|&(flag, feature)| Missing::Feature { flag, feature });
    not_built.chain(absent).collect()
}

/// True for a flag that says nothing in this build.
pub(super) fn is_missing(flag: &str) -> bool {
    let mut of_features = OF_FEATURES.iter();
    of_features.any(|(of_feature, feature)| *of_feature == flag && !feature.is_compiled())
}

/// The environment variable that stands for a flag.
fn variable(flag: &str) -> String {
    format!("CLASP_{}", flag.to_ascii_uppercase().replace('-', "_"))
}

/// Flags that say nothing without their feature.
pub(super) const OF_FEATURES: &[(&str, Feature)] = &[
    ("ws-port", Feature::WebSocket),
    ("trust-anchor", Feature::Caps),
    ("trust-anchor-secret", Feature::Caps),
    ("cap-max-depth", Feature::Caps),
    ("cap-insecure-v1-delegations", Feature::Caps),
    ("registry-db", Feature::Registry),
    ("entity-token-max-age", Feature::Registry),
    ("rendezvous-port", Feature::Rendezvous),
    ("rendezvous-ttl", Feature::Rendezvous),
    ("rendezvous-url", Feature::Rendezvous),
    ("rendezvous-advertise", Feature::Rendezvous),
    ("rendezvous-refresh", Feature::Rendezvous),
    ("rendezvous-tag", Feature::Rendezvous),
    ("journal", Feature::Journal),
    ("journal-memory", Feature::Journal),
    ("journal-backend", Feature::Journal),
    ("journal-durability", Feature::Journal),
    ("journal-batch-size", Feature::Journal),
    ("journal-flush-ms", Feature::Journal),
    ("journal-compact-before", Feature::Journal),
    ("journal-compact-age", Feature::Journal),
];

/// Flags that the documentation of CLASP promises and this version does not have.
pub(super) const NOT_BUILT: &[&str] = &[
    "mqtt-port",
    "mqtt-namespace",
    "osc-port",
    "osc-namespace",
    "defra-url",
    "rules",
    "lenses",
    "federation-hub",
    "federation-id",
    "federation-namespace",
    "federation-token",
];
