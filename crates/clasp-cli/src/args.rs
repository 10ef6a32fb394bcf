//! The command line.

mod bench;
mod entity;
mod journal;
mod key;
mod replay;
mod token;
mod top;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use clasp_client::Trust;
use clasp_proto::{Signal, Ttl};

pub(crate) use bench::{BenchArgs, Scenario};
pub(crate) use entity::{
    EntityCommand, EntityCreateArgs, EntityGetArgs, EntityListArgs, EntityStatusArgs, EntityType,
    RegistryArgs,
};
pub(crate) use journal::{
    JournalBackupArgs, JournalCommand, JournalExportArgs, JournalImportArgs, JournalQueryArgs,
    JournalSinceArgs, JournalSnapshotArgs, JournalVerifyArgs,
};
pub(crate) use key::{
    CryptoCommand, FingerprintArgs, IdentityCommand, KeyCommand, KeyFormat, KeyShowArgs, OutArgs,
};
pub(crate) use replay::ReplayArgs;
pub(crate) use token::{
    CapabilityCommand, CapabilityCreateArgs, CapabilityDelegateArgs, CapabilityVerifyArgs,
    EntityKeygenArgs, EntityMintArgs, EntityTokenCommand, GrantArgs, RelayArgs, TokenCommand,
    TokenCreateArgs, TokenFileArgs, TokenListArgs, TokenRevokeArgs, TokenShowArgs,
};
pub(crate) use top::TopArgs;

/// CLASP from the command line: a router for development, and a client for scripts.
#[derive(Debug, Parser)]
#[command(
    name = "clasp",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// TOML file with defaults: one table for each command, keys as its flags. Flags and environment win
    #[arg(
        short,
        long,
        value_name = "PATH",
        global = true,
        help_heading = "Global options"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Least level of log lines on stderr: trace, debug, info, warn or error. RUST_LOG wins [default: info for server, error for bench, else warn]
    #[arg(
        short,
        long,
        value_name = "LEVEL",
        global = true,
        help_heading = "Global options"
    )]
    pub(crate) log_level: Option<String>,
    /// Write log lines as JSON
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json_logs: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a router for development
    Server(ServerArgs),
    /// Publish a value: set a param, or send an event or a stream value
    Pub(PubArgs),
    /// Set a param
    Set(SetArgs),
    /// Print a param's value
    Get(GetArgs),
    /// Send an event
    Emit(EmitArgs),
    /// Print what happens at the addresses that match a pattern
    Sub(SubArgs),
    /// Find routers on the local network, and at a rendezvous server
    Discover(DiscoverArgs),
    /// Measure a router: throughput, fan-out and latency
    Bench(BenchArgs),
    /// Show what a router is busy with: sessions, rates, losses, the hottest addresses
    Top(TopArgs),
    /// Make and show key pairs that sign tokens
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make, inspect and revoke tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show who a key is
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Keys for encryption between clients
    #[command(subcommand)]
    Crypto(CryptoCommand),
    /// Manage the entities of a relay
    #[command(subcommand)]
    Entity(EntityCommand),
    /// Read what a relay has recorded, and look after its file
    #[command(subcommand)]
    Journal(Box<JournalCommand>),
    /// Play what a journal has recorded into a router, with the pauses that there were
    Replay(ReplayArgs),
    /// Print what this program can do
    Info,
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

impl Command {
    /// The least level of log lines unless the user says: a server tells what it does, other commands what goes wrong.
    pub(crate) fn log_level(&self) -> &'static str {
        match self {
            Self::Server(_) => "info",
            // What the router refuses is part of the result.
            Self::Bench(_) => "error",
            _ => "warn",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// What to listen for: websocket (or ws), quic, tcp; several with commas
    #[arg(
        short,
        long,
        value_name = "PROTOCOLS",
        default_value = "websocket",
        value_delimiter = ','
    )]
    pub(crate) protocol: Vec<String>,
    /// Address to listen on
    #[arg(
        short,
        long,
        alias = "host",
        value_name = "ADDRESS",
        default_value = "0.0.0.0"
    )]
    pub(crate) bind: String,
    /// Port to listen on, 0 for any free one [default: 7330 for websocket, 7331 for quic, 7340 for tcp]
    #[arg(short = 'P', long, aliases = ["ws-port", "quic-port", "tcp-port"], value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Name that clients are told
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Let in only clients that present this token
    #[arg(long, value_name = "TEXT")]
    pub(crate) token: Option<String>,
    /// Origin of web pages that may connect, besides those of this host [default: all]; may be repeated
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) allow_origin: Vec<String>,
    /// Certificate chain in PEM: everything is spoken through TLS. Without it quic gets one that is made for this run
    #[arg(long, value_name = "PATH")]
    pub(crate) cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "PATH")]
    pub(crate) key: Option<PathBuf>,
    /// Accounts are a matter of clasp-relay
    #[arg(long, value_name = "PORT", hide = true)]
    pub(crate) auth_port: Option<String>,
    /// Features are chosen when building
    #[arg(long, value_name = "LIST", hide = true)]
    pub(crate) features: Option<String>,
}

/// Options of commands that connect to a router.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Router to connect to: ws://host:port, wss://, tcp://, tcps:// or quic://
    #[arg(
        short,
        long,
        value_name = "URL",
        default_value = "ws://localhost:7330",
        env = "CLASP_SERVER",
        hide_env_values = true
    )]
    pub(crate) server: String,
    /// Token to present
    #[arg(long, value_name = "TEXT", env = "CLASP_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Name to connect under
    #[arg(long, value_name = "NAME", default_value = "clasp")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// Whose certificates are taken.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// PEM file with the authorities whose certificates are taken, instead of the system's
    #[arg(long, value_name = "PATH", env = "CLASP_CA", hide_env_values = true)]
    ca: Option<PathBuf>,
    /// Take any certificate: who is in between can read and change everything
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
}

impl TrustArgs {
    pub(crate) fn trust(&self) -> Trust {
        match &self.ca {
            _ if self.insecure => Trust::Anybody,
            Some(path) => Trust::Authority(path.clone()),
            None => Trust::System,
        }
    }
}

/// How a value is written on the command line.
#[derive(Debug, Args)]
pub(crate) struct ValueArgs {
    /// Take the value as text even if it is JSON
    #[arg(long)]
    pub(crate) string: bool,
    /// Seconds to wait for the router's answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PubArgs {
    /// Where, for example /lights/1/brightness
    pub(crate) address: String,
    /// JSON, or else text; - reads it from stdin
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: String,
    /// Send an event instead of setting a param
    #[arg(long, conflicts_with = "stream")]
    pub(crate) event: bool,
    /// Send a stream value instead of setting a param
    #[arg(long)]
    pub(crate) stream: bool,
    #[command(flatten)]
    pub(crate) how: ValueArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Where, for example /lights/1/brightness
    pub(crate) address: String,
    /// JSON, or else text; - reads it from stdin
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: String,
    /// Only if the param is at this revision; 0: only if it does not exist
    #[arg(long, value_name = "NUMBER")]
    pub(crate) revision: Option<u64>,
    /// Lock it against others; the lock ends with this command
    #[arg(long)]
    pub(crate) lock: bool,
    /// Give up the lock
    #[arg(long)]
    pub(crate) unlock: bool,
    /// Seconds without use after which it expires, or never
    #[arg(long, value_name = "SECONDS", value_parser = sliding, conflicts_with = "expire_in")]
    pub(crate) ttl: Option<Ttl>,
    /// Seconds from now after which it expires
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expire_in: Option<u32>,
    #[command(flatten)]
    pub(crate) how: ValueArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Where, for example /lights/1/brightness
    pub(crate) address: String,
    /// Seconds to wait for the router's answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Print one JSON object with value, revision, writer and timestamp
    #[arg(long)]
    pub(crate) json: bool,
    /// Print a text as it is, without quotes; other values as JSON
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EmitArgs {
    /// Where, for example /cues/go
    pub(crate) address: String,
    /// JSON, or else text; - reads it from stdin
    #[arg(default_value = "null", allow_negative_numbers = true)]
    pub(crate) value: String,
    #[command(flatten)]
    pub(crate) how: ValueArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SubArgs {
    /// Addresses to watch: * stands for one segment or a part of one, ** for any number of segments
    #[arg(default_value = "/**")]
    pub(crate) pattern: String,
    /// Print one JSON object for each update
    #[arg(long)]
    pub(crate) json: bool,
    /// End after this many updates
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End after this many seconds; with --count a failure if there were fewer updates
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<f64>,
    /// Only these kinds: param, event, stream, gesture, timeline; several with commas
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = signal)]
    pub(crate) types: Vec<Signal>,
    /// At most this many updates a second for each address
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_rate: Option<u32>,
    /// Only changes of a number by at least this much
    #[arg(long, value_name = "NUMBER", value_parser = change)]
    pub(crate) epsilon: Option<f64>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    /// Seconds to wait for answers
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Rendezvous server to ask as well: http://host:port or https://
    #[arg(long, value_name = "URL")]
    pub(crate) rendezvous_url: Option<String>,
    /// Only what has registered there with this tag
    #[arg(long, value_name = "TAG", requires = "rendezvous_url")]
    pub(crate) tag: Option<String>,
    /// Print one JSON object for each router
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not look for announcements
    #[arg(long)]
    pub(crate) no_mdns: bool,
    /// Do not ask with a broadcast
    #[arg(long)]
    pub(crate) no_broadcast: bool,
    /// UDP port that the broadcast goes to
    #[arg(long, value_name = "PORT", default_value = "7331", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) broadcast_port: u16,
    /// Look on this machine only; nothing is sent to the network, unless a rendezvous server is asked
    #[arg(long)]
    pub(crate) local: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_PLACES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= SECONDS_MAX => Ok(seconds),
        _ => Err("expected seconds above 0 and up to 31536000 (a year), for example 2.5"),
    }
}

fn change(text: &str) -> Result<f64, &'static str> {
    match text.parse::<f64>() {
        Ok(change) if change > 0.0 && change.is_finite() => Ok(change),
        _ => Err("expected a number above 0, for example 0.01"),
    }
}

fn sliding(text: &str) -> Result<Ttl, &'static str> {
    match text {
        "never" => Ok(Ttl::Never),
        _ => match text.parse::<u32>() {
            Ok(seconds) if seconds > 0 => Ok(Ttl::Sliding(seconds)),
            _ => Err("expected whole seconds from 1, or never"),
        },
    }
}

fn signal(text: &str) -> Result<Signal, &'static str> {
    Signal::from_word(text).ok_or("expected param, event, stream, gesture or timeline")
}

/// Where a shell looks for the script.
const COMPLETIONS_PLACES: &str = "\
bash: add to ~/.bashrc    source <(clasp completions bash)
zsh:  add to ~/.zshrc     source <(clasp completions zsh)     after compinit
fish: clasp completions fish > ~/.config/fish/completions/clasp.fish";

/// A year: longer is a mistake, and would overflow a deadline at the far end.
const SECONDS_MAX: f64 = 31_536_000.0;
