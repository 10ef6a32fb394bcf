//! Options of every relay: where it listens, what it is called, how many it serves, what it logs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clasp_server::Config;

use super::value::{log_filter, seconds};

#[derive(Debug, Args)]
pub(crate) struct Basics {
    /// Port for WebSocket, 0 for any free one [default: 7330]
    #[arg(short = 'p', long, visible_alias = "port", value_name = "PORT")]
    ws_port: Option<u16>,
    /// Address that every listener binds
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    host: String,
    /// Name that clients are told
    #[arg(short, long, value_name = "NAME", default_value = "CLASP Relay")]
    pub(crate) name: String,
    /// Log everything of this program; wins over RUST_LOG
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// What to log: a level, or target=level with commas; RUST_LOG wins
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub(crate) log_level: String,
    /// TOML file with settings, keys as these options; flags and environment win
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Print what would run, or all that is wrong, and end
    #[arg(long)]
    pub(crate) check_config: bool,
    /// With --check-config: print what the rules of the application say about this address
    #[arg(long, value_name = "ADDRESS", requires = "check_config")]
    pub(crate) explain: Option<String>,
    /// With --explain: for this user [default: a session without user]
    #[arg(long = "as", value_name = "USER", requires = "explain")]
    pub(crate) explain_as: Option<String>,
    /// Print a man page, or a completion script for a shell, and end
    #[arg(long, value_name = "KIND")]
    pub(crate) generate: Option<Generated>,
    /// Sessions at a time on all transports, 0 for any number
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1000,
        help_heading = SESSIONS
    )]
    max_sessions: usize,
    /// Seconds without a sign of life after which a session is ended, 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds, help_heading = SESSIONS)]
    session_timeout: Duration,
    /// Connections at a time from one address, 0 for any number
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        help_heading = SESSIONS
    )]
    max_connections_per_ip: usize,
    /// Connections at a time that have not said HELLO
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 256,
        help_heading = SESSIONS
    )]
    max_pending: usize,
    /// Those of one address; more behind a proxy, where all clients share one
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 16,
        help_heading = SESSIONS
    )]
    max_pending_per_ip: usize,
    /// Origin of web pages that may connect, besides those of this host; * for all; may be repeated
    #[arg(
        long,
        value_name = "ORIGIN",
        value_delimiter = ',',
        help_heading = SESSIONS
    )]
    allow_origin: Vec<String>,
    /// No WebSocket listener
    #[arg(long, help_heading = super::protocols::HEADING)]
    no_websocket: bool,
}

/// What can be printed for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Generated {
    Man,
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl Basics {
    pub(super) fn apply(&self, config: &mut Config) {
        config.host.clone_from(&self.host);
        if self.ws_port.is_some() {
            config.websocket_port = self.ws_port;
        }
        if self.no_websocket {
            config.websocket_port = None;
        }
        config.name.clone_from(&self.name);
        config.sessions_max = self.max_sessions;
        config.session_timeout = self.session_timeout;
        config.connections_per_ip_max = self.max_connections_per_ip;
        config.pending_max = self.max_pending;
        config.pending_per_ip_max = self.max_pending_per_ip;
        config.allowed_origins.clone_from(&self.allow_origin);
    }
}

const SESSIONS: &str = "Sessions";
