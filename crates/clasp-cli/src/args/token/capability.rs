//! Options of `clasp token cap`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clasp_auth::PublicKey;
use clasp_proto::Scopes;

use super::{duration, scopes};

/// Capability tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum CapabilityCommand {
    /// Make a token with a key that relays trust
    Create(CapabilityCreateArgs),
    /// Make a token that allows less from one that you hold
    Delegate(CapabilityDelegateArgs),
    /// Print what a token says, and whether its signatures are valid
    Inspect(CapabilityTokenArgs),
    /// Ask whether a relay with this trust anchor accepts a token
    Verify(CapabilityVerifyArgs),
}

/// What a new token allows, and whom.
#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// Key file to sign with, as written by `clasp key generate`
    #[arg(short, long, value_name = "PATH")]
    pub(crate) key: PathBuf,
    /// What it allows: read:, write: or admin: and a pattern; several with commas
    #[arg(short, long, value_name = "SCOPES", value_parser = scopes)]
    pub(crate) scopes: Scopes,
    /// Public key that may hand it on, while nobody can use it itself [default: whoever has it uses it and hands it on]
    #[arg(long, value_name = "HEX|DID", value_parser = PublicKey::parse)]
    pub(crate) audience: Option<PublicKey>,
}

#[derive(Debug, Args)]
pub(crate) struct CapabilityCreateArgs {
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// How long it is valid: 30d, 12h, 5m, 90s or seconds
    #[arg(short, long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub(crate) expires: u64,
}

#[derive(Debug, Args)]
pub(crate) struct CapabilityDelegateArgs {
    /// The token that you hold
    pub(crate) parent: String,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// How long it is valid: 30d, 12h, 5m, 90s or seconds; not longer than the token that you hold
    #[arg(short, long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    pub(crate) expires: u64,
}

#[derive(Debug, Args)]
pub(crate) struct CapabilityTokenArgs {
    /// The token
    pub(crate) token: String,
}

#[derive(Debug, Args)]
pub(crate) struct CapabilityVerifyArgs {
    /// The token
    pub(crate) token: String,
    /// Public key that is trusted: a file, 64 hexadecimal digits or a did:key; may be repeated
    #[arg(
        long,
        value_name = "PATH|HEX|DID",
        required_unless_present = "trust_anchor_secret"
    )]
    pub(crate) trust_anchor: Vec<String>,
    /// Key file whose public half is trusted; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) trust_anchor_secret: Vec<PathBuf>,
    /// How often it may have been handed on
    #[arg(long, value_name = "NUMBER", default_value = "5")]
    pub(crate) max_depth: usize,
}
