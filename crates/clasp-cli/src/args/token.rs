//! Options of `clasp token`.

mod capability;
mod entity;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use clasp_proto::Scopes;

use super::TrustArgs;

pub(crate) use capability::{
    CapabilityCommand, CapabilityCreateArgs, CapabilityDelegateArgs, CapabilityVerifyArgs,
    GrantArgs,
};
pub(crate) use entity::{EntityKeygenArgs, EntityMintArgs, EntityTokenCommand};

/// Make, list and revoke tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and keep it in a file that relays load, or at a relay
    Create(TokenCreateArgs),
    /// List the tokens of the file
    List(TokenListArgs),
    /// Print one token of the file
    Show(TokenShowArgs),
    /// Remove a token from the file, or from a relay
    Revoke(TokenRevokeArgs),
    /// Remove the tokens of the file that have expired
    Prune(TokenFileArgs),
    /// Capability tokens: signed by a key that relays trust, and handed on
    #[command(subcommand)]
    Cap(CapabilityCommand),
    /// Entity tokens: signed by the key of a device or service
    #[command(subcommand)]
    Entity(EntityTokenCommand),
}

/// Where tokens are kept.
#[derive(Debug, Args)]
pub(crate) struct TokenFileArgs {
    /// File of tokens [default: clasp/tokens.json in your configuration folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
}

/// At which relay, instead of in a file.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Auth port of the relay to do it at, instead of in the file: http://host:7350 or https://
    #[arg(long, value_name = "URL", conflicts_with = "file")]
    pub(crate) relay: Option<String>,
    /// Token with admin:/** that the relay is shown
    #[arg(
        long,
        value_name = "TEXT",
        env = "CLASP_ADMIN_TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreateArgs {
    /// What it allows: read:, write: or admin: and a pattern; several with commas
    #[arg(short, long, value_name = "SCOPES", value_parser = scopes)]
    pub(crate) scopes: Scopes,
    /// How long it is valid: 30d, 12h, 5m, 90s or seconds [default: for ever]
    #[arg(short, long, value_name = "DURATION", value_parser = duration)]
    pub(crate) expires: Option<u64>,
    /// Whom sessions with it act for
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) subject: Option<String>,
    #[command(flatten)]
    pub(crate) file: TokenFileArgs,
    #[command(flatten)]
    pub(crate) relay: RelayArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenListArgs {
    /// List those as well that have expired
    #[arg(long)]
    pub(crate) show_expired: bool,
    #[command(flatten)]
    pub(crate) file: TokenFileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenShowArgs {
    /// The token, or what only it begins with
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) prefix: String,
    #[command(flatten)]
    pub(crate) file: TokenFileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenRevokeArgs {
    /// The token, or what only it begins with; for a relay all of it
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) prefix: String,
    #[command(flatten)]
    pub(crate) file: TokenFileArgs,
    #[command(flatten)]
    pub(crate) relay: RelayArgs,
}

fn scopes(text: &str) -> Result<Scopes, String> {
    match Scopes::parse(text) {
        Ok(scopes) if scopes.is_empty() => {
            Err("expected at least one, for example read:/lights/**".to_owned())
        }
        Ok(scopes) => Ok(scopes),
        Err(error) => Err(error.to_string()),
    }
}

/// Seconds of a number with d, h, m or s behind it, or nothing.
fn duration(text: &str) -> Result<u64, &'static str> {
    let digits = text.trim_end_matches(['d', 'h', 'm', 's']);
    let unit = match &text[digits.len()..] {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        _ => None,
    };
    let number = digits.parse::<u64>().ok().filter(|it| *it > 0);
    let seconds = number
        .zip(unit)
        .and_then(|(number, unit)| number.checked_mul(unit));
    let seconds = seconds.filter(|it| *it <= SECONDS_MAX);
    seconds.ok_or("expected a number above 0 and d, h, m or s, for example 30d; at most 1000 years")
}

/// A thousand years: longer is a mistake, and would overflow a time at the far end.
const SECONDS_MAX: u64 = 1000 * 365 * 86_400;
