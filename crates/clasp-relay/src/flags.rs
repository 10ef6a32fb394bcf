//! The command line of the relay: low-level values only, turned into the server's configuration.

use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use clasp_server::Config;
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// What was asked for.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Port for WebSocket, 0 for any free one
    #[arg(
        short = 'p',
        long,
        visible_alias = "port",
        value_name = "PORT",
        default_value_t = 7330,
        env = "CLASP_WS_PORT",
        hide_env_values = true
    )]
    ws_port: u16,
    /// Address that every listener binds
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "0.0.0.0",
        env = "CLASP_HOST",
        hide_env_values = true
    )]
    host: String,
    /// Name that clients are told
    #[arg(
        short,
        long,
        value_name = "NAME",
        default_value = "CLASP Relay",
        env = "CLASP_NAME",
        hide_env_values = true
    )]
    pub(crate) name: String,
    /// Log everything of this program; wins over RUST_LOG
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// What to log: a level, or target=level with commas; RUST_LOG wins
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info",
        value_parser = log_filter,
        env = "CLASP_LOG_LEVEL",
        hide_env_values = true
    )]
    pub(crate) log_level: String,
    /// Sessions at a time, 0 for any number
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1000,
        env = "CLASP_MAX_SESSIONS",
        hide_env_values = true
    )]
    max_sessions: usize,
    /// Seconds without a sign of life after which a session is ended, 0 for never
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        env = "CLASP_SESSION_TIMEOUT",
        hide_env_values = true
    )]
    session_timeout: u64,
    /// Connections at a time from one address, 0 for any number
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        env = "CLASP_MAX_CONNECTIONS_PER_IP",
        hide_env_values = true
    )]
    max_connections_per_ip: usize,
    /// Connections at a time that have not said HELLO
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 256,
        env = "CLASP_MAX_PENDING",
        hide_env_values = true
    )]
    max_pending: usize,
    /// Those of one address; more behind a proxy, where all clients share one
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 16,
        env = "CLASP_MAX_PENDING_PER_IP",
        hide_env_values = true
    )]
    max_pending_per_ip: usize,
    /// Origin of web pages that may connect, besides those of this host; * for all; may be repeated
    #[arg(
        long,
        value_name = "ORIGIN",
        value_delimiter = ',',
        env = "CLASP_ALLOW_ORIGIN",
        hide_env_values = true
    )]
    allow_origin: Vec<String>,
    /// No WebSocket listener
    #[arg(long)]
    no_websocket: bool,
    /// Port for CLASP frames over TCP, 0 for any free one
    #[arg(
        long,
        value_name = "PORT",
        env = "CLASP_TCP_PORT",
        hide_env_values = true
    )]
    tcp_port: Option<u16>,
    /// Seconds without use after which a param expires, 0 for never
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3600,
        env = "CLASP_PARAM_TTL",
        hide_env_values = true
    )]
    param_ttl: u64,
    /// Seconds after which an announced signal expires, 0 for never
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3600,
        env = "CLASP_SIGNAL_TTL",
        hide_env_values = true
    )]
    signal_ttl: u64,
    /// Keep params and signals for ever and in any number
    #[arg(long)]
    no_ttl: bool,
    /// Port for rendezvous: not in this build, only 0 (off) is accepted
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        env = "CLASP_RENDEZVOUS_PORT",
        hide_env_values = true
    )]
    rendezvous_port: u16,
    /// Seconds that sessions have to end when the relay shuts down
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        env = "CLASP_DRAIN_TIMEOUT",
        hide_env_values = true
    )]
    drain_timeout: u64,
}

/// A flag that promises something this build does not have. Starting without it would break the promise silently.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{asked} is not in this build: start without it{hint}")]
pub(crate) struct NotBuilt {
    /// The flag or the variable as it was written.
    asked: String,
    hint: &'static str,
}

impl NotBuilt {
    fn new(asked: String) -> Self {
        Self { asked, hint: "" }
    }
}

impl Flags {
    /// The command line with all flags, those that are not built hidden.
    pub(crate) fn command() -> Command {
        let command = Command::new("clasp-relay").version(env!("CARGO_PKG_VERSION"));
        let hidden = |flag: &&'static str| {
            Arg::new(*flag)
                .long(*flag)
                .hide(true)
                .num_args(0..=1)
                .action(clap::ArgAction::Append)
        };
        Self::augment_args(command)
            .about("A CLASP router for production")
            .args(NOT_BUILT.iter().map(hidden))
    }

    /// What the command line says; `is_set` tells whether the environment has a variable.
    ///
    /// # Errors
    /// One of them asks for something that is not built.
    pub(crate) fn read(
        matches: &ArgMatches,
        is_set: impl Fn(&str) -> bool,
    ) -> Result<Self, NotBuilt> {
        let is_given = |flag: &&str| matches.value_source(flag) == Some(ValueSource::CommandLine);
        if let Some(flag) = NOT_BUILT.iter().find(|flag| is_given(flag)) {
            return Err(NotBuilt::new(format!("--{flag}")));
        }
        // Who asks for tokens by a variable must not get an open relay.
        let mut variables = NOT_BUILT.iter().map(|flag| variable(flag));
        if let Some(variable) = variables.find(|variable| is_set(variable)) {
            return Err(NotBuilt::new(variable));
        }
        let flags = Self::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
        if flags.rendezvous_port != 0 {
            return Err(NotBuilt {
                asked: "--rendezvous-port".to_owned(),
                hint: ", or with 0",
            });
        }
        Ok(flags)
    }

    /// The server's configuration.
    pub(crate) fn config(&self) -> Config {
        let config = Config {
            host: self.host.clone(),
            websocket_port: (!self.no_websocket).then_some(self.ws_port),
            tcp_port: self.tcp_port,
            name: self.name.clone(),
            sessions_max: self.max_sessions,
            connections_per_ip_max: self.max_connections_per_ip,
            pending_max: self.max_pending,
            pending_per_ip_max: self.max_pending_per_ip,
            allowed_origins: self.allow_origin.clone(),
            session_timeout: Duration::from_secs(self.session_timeout),
            param_ttl: unless_zero(self.param_ttl),
            signal_ttl: unless_zero(self.signal_ttl),
            drain_timeout: Duration::from_secs(self.drain_timeout),
            ..Config::relay()
        };
        if self.no_ttl {
            config.without_ttl()
        } else {
            config
        }
    }
}

/// The environment variable that stands for a flag.
fn variable(flag: &str) -> String {
    format!("CLASP_{}", flag.to_ascii_uppercase().replace('-', "_"))
}

/// A level alone, or what RUST_LOG takes. A misspelled level would be taken for the name of a target, and nothing logged.
fn log_filter(text: &str) -> Result<String, &'static str> {
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let is_known = |part: &str| part.contains(['=', '[']) || is_level(part);
    if text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err("expected trace, debug, info, warn, error or off, or target=level with commas")
    }
}

fn unless_zero(seconds: u64) -> Option<Duration> {
    (seconds != 0).then(|| Duration::from_secs(seconds))
}

/// Flags that the documentation of CLASP promises and this build does not have.
const NOT_BUILT: &[&str] = &[
    "quic-port",
    "cert",
    "cert-path",
    "key",
    "key-path",
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
    "persist",
    "persist-interval",
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
    "rendezvous-ttl",
    "rendezvous-url",
    "rendezvous-refresh",
    "rendezvous-tag",
    "broadcast-port",
    "no-mdns",
    "federation-hub",
    "federation-id",
    "federation-namespace",
    "federation-token",
    "metrics-port",
    "health-port",
    "config",
    "check-config",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags, NotBuilt> {
        let words = std::iter::once("clasp-relay").chain(line.split_whitespace());
        Flags::read(&Flags::command().get_matches_from(words), |_| false)
    }

    fn config(line: &str) -> Config {
        read(line).unwrap().config()
    }

    #[test]
    fn without_flags_it_is_the_relay_of_the_documentation() {
        let config = config("");
        assert_eq!(config.websocket_port, Some(7330));
        assert_eq!(
            (config.host.as_str(), config.name.as_str()),
            ("0.0.0.0", "CLASP Relay")
        );
        assert_eq!((config.sessions_max, config.params_max), (1000, 100_000));
        assert_eq!(config.param_ttl, Some(Duration::from_secs(3600)));
        assert_eq!(config.drain_timeout, Duration::from_secs(30));
    }

    #[test]
    fn flags_reach_the_configuration() {
        let changed = config(
            "--port 0 --host :: -n Stage --max-sessions 0 --session-timeout 0 --tcp-port 7340 --param-ttl 0 --signal-ttl 5 --rendezvous-port 0",
        );
        assert_eq!(
            (changed.websocket_port, changed.tcp_port),
            (Some(0), Some(7340))
        );
        assert_eq!(
            (changed.host.as_str(), changed.name.as_str()),
            ("::", "Stage")
        );
        assert_eq!(
            (changed.sessions_max, changed.session_timeout),
            (0, Duration::ZERO)
        );
        assert_eq!(
            (changed.param_ttl, changed.signal_ttl),
            (None, Some(Duration::from_secs(5)))
        );
        let capped = config("--max-connections-per-ip 3 --max-pending 4 --max-pending-per-ip 2");
        assert_eq!(capped.connections_per_ip_max, 3);
        assert_eq!((capped.pending_max, capped.pending_per_ip_max), (4, 2));
        assert_eq!(
            config("--allow-origin https://a.b --allow-origin null").allowed_origins,
            ["https://a.b", "null"]
        );
        assert_eq!(config("--no-websocket --tcp-port 1").websocket_port, None);
        let unlimited = config("--no-ttl");
        assert_eq!((unlimited.param_ttl, unlimited.params_max), (None, 0));
    }

    #[test]
    fn what_is_promised_and_not_built_stops_the_start() {
        for flag in NOT_BUILT {
            for line in [
                format!("--{flag}"),
                format!("--{flag} 1"),
                format!("--{flag} 1 --{flag} 2"),
            ] {
                let refused = read(&line).unwrap_err();
                assert!(
                    refused
                        .to_string()
                        .starts_with(&format!("--{flag} is not in this build")),
                    "{refused}"
                );
            }
        }
        assert!(read("--rendezvous-port 7340").is_err());
    }

    #[test]
    fn a_variable_for_what_is_not_built_stops_the_start() {
        let matches = Flags::command().get_matches_from(["clasp-relay"]);
        for (name, text) in [
            (
                "CLASP_AUTH_PORT",
                Some("CLASP_AUTH_PORT is not in this build: start without it"),
            ),
            ("CLASP_TOKEN", None),
            ("CLASP_NAME", None),
        ] {
            let read = Flags::read(&matches, |variable| variable == name);
            let refused = read.err().map(|refused| refused.to_string());
            assert_eq!(refused.as_deref(), text, "{name}");
        }
    }

    #[test]
    fn a_misspelled_level_is_refused() {
        for text in [
            "info",
            "WARN",
            "off",
            "debug,clasp_server=trace",
            "clasp=debug",
        ] {
            assert_eq!(log_filter(text), Ok(text.to_owned()));
        }
        for text in ["inf", "", "info,verbose", "clasp=loud"] {
            assert!(log_filter(text).is_err(), "{text}");
        }
    }
}
