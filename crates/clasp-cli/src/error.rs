//! Why a command failed, and with which exit code.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use clasp_auth::EntityId;
use clasp_auth::anchor::AnchorError;
use clasp_auth::capability::CapabilityError;
use clasp_auth::entity::EntityError;
use clasp_auth::key::SigningKeyError;
use clasp_client::discover::SearchError;
use clasp_client::{ClientError, Disconnect, Refusal};
use clasp_proto::Code;
use clasp_server::{ConfigError, PartEnded, StartError};
use clasp_settings::KeyProblems;
use clasp_store::journal::JournalError;
use clasp_transport::LinkError;
use clasp_transport::http::{HttpError, Method, StatusCode};
use thiserror::Error;

use crate::token_file::TokenFileError;

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// The command line asks for something that cannot be.
    #[error("{problem}: {remedy}")]
    Usage {
        problem: String,
        remedy: &'static str,
    },
    #[error("{} is damaged, faults: {faults}; go back to a backup, or make a new one of what `clasp journal export` can read", path.display())]
    DamagedJournal { path: PathBuf, faults: usize },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}", chain(.0))]
    Journal(#[from] JournalError),
    #[error("unknown protocol '{0}': expected websocket, ws, quic or tcp")]
    UnknownProtocol(String),
    #[error(transparent)]
    ConfigFile(#[from] clasp_settings::FileError),
    #[error("{path}: [{table}]: there is no such command")]
    ConfigTable { path: PathBuf, table: String },
    #[error("{}", keys_text(path, table, problems))]
    ConfigKeys {
        path: PathBuf,
        table: String,
        problems: KeyProblems,
    },
    /// Wrong only with the defaults of the file.
    #[error("{path}: {}", values_text(.source))]
    ConfigValue { path: PathBuf, source: clap::Error },
    #[error("log level '{0}' is unknown: expected trace, debug, info, warn or error")]
    LogLevel(String),
    #[error("{}", client_text(.0))]
    Client(#[from] ClientError),
    #[error("{}", lost_text(.0))]
    Lost(Disconnect),
    #[error("{address} does not exist, or may not be read")]
    Absent { address: String },
    #[error("the router ended the subscription to {pattern}{}", because(.reason))]
    Unsubscribed {
        pattern: String,
        reason: Option<String>,
    },
    #[error("{received} of {wanted} updates came within {within} s")]
    TooFew {
        received: u64,
        wanted: u64,
        within: f64,
    },
    #[error("the value cannot be read from stdin: {0}")]
    Stdin(io::Error),
    #[error("{}", metrics_text(url, source))]
    Metrics { url: String, source: HttpError },
    #[error(
        "{url} answered {status}, and not as a router's metrics port does: give its url with --metrics, for example http://localhost:9090"
    )]
    NoMetrics { url: String, status: u16 },
    #[error("{}", server_text(.0))]
    Server(#[from] StartError),
    #[error(transparent)]
    ServerEnded(#[from] PartEnded),
    #[error("no router was found{}: is one running, and on this network? clasp-relay can be found, `clasp server` cannot", failures_text(.0))]
    NothingFound(Vec<SearchError>),
    #[error("nothing was delivered: the router refused it, or does not forward what it accepts")]
    NothingDelivered,
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    #[error("the token is not valid")]
    InvalidToken,
    #[error(transparent)]
    EntityToken(#[from] EntityError),
    #[error("{} is the key of {found}, not of {expected}: give that entity's key file with --key", path.display())]
    OtherEntity {
        path: PathBuf,
        expected: EntityId,
        found: EntityId,
    },
    #[error(transparent)]
    TokenFile(#[from] TokenFileError),
    #[error("Token not found")]
    TokenNotFound,
    #[error("{count} tokens begin with {prefix}: give more of it")]
    AmbiguousToken { prefix: String, count: usize },
    #[error("{}", relay_text(url, source))]
    Relay { url: String, source: HttpError },
    #[error("{method} {url} returned {}{}", status.as_u16(), answer_text(*status, body))]
    Answer {
        method: Method,
        url: String,
        status: StatusCode,
        body: String,
    },
    #[error(
        "{url} answers, but not as the auth port of a relay does: give its url with --relay, for example http://localhost:7350"
    )]
    OddAnswer { url: String },
    /// Not a failure when the reader of stdout has left.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// 2 for what the command line is to blame for, 1 for everything else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. }
            | Self::Metrics {
                source: HttpError::Url { .. },
                ..
            }
            | Self::Relay {
                source: HttpError::Url { .. },
                ..
            }
            | Self::Server(StartError::Config(_))
            | Self::Client(ClientError::Address(_) | ClientError::Pattern(_)) => 2,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            _ => 1,
        }
    }
}

/// Says what to do about the most common failures.
fn client_text(error: &ClientError) -> String {
    match error {
        ClientError::Connect { url, source } => unconnected_text(url, source.as_ref()),
        ClientError::Rejected { refusal, .. } if refusal.is(Code::Unauthorized) => {
            format!("{error}: give the router's token with --token or CLASP_TOKEN")
        }
        ClientError::Refused(refusal) => refused_text(refusal),
        ClientError::Disconnected(reason) => lost_text(reason),
        other => chain(other),
    }
}

fn unconnected_text(url: &str, source: &(dyn Error + 'static)) -> String {
    let refused = innermost(source)
        .downcast_ref::<io::Error>()
        .is_some_and(|cause| cause.kind() == io::ErrorKind::ConnectionRefused);
    if refused {
        let server = match url.split(':').next() {
            Some("tcp" | "tcps") => "clasp server --protocol tcp",
            _ => "clasp server",
        };
        return format!(
            "could not connect to {url}: connection refused; is a router running? start one with `{server}`"
        );
    }
    if let Some(LinkError::Tls { .. } | LinkError::Quic { .. }) = source.downcast_ref() {
        let line = chain(source);
        return format!(
            "could not connect to {url}: {line}: name the authority of its certificate with --ca, or take any with --insecure"
        );
    }
    let cause = chain(source);
    // A web server that is no router answers with a whole page.
    let line = first_line(&cause);
    if url.is_empty() {
        return "--server or CLASP_SERVER is empty: give ws://host:port or tcp://host:port"
            .to_owned();
    }
    if line.contains(url) {
        return line.to_owned();
    }
    format!("could not connect to {url}: {line}")
}

/// Says how a router gets a metrics port.
fn metrics_text(url: &str, error: &HttpError) -> String {
    match error {
        HttpError::Url { .. } => format!("--metrics: {error}"),
        _ => format!(
            "no metrics at {url}: {}; start the router with `clasp-relay --metrics-port 9090`, or give its url with --metrics",
            first_line(&chain(error))
        ),
    }
}

/// Says how a relay gets an auth port.
fn relay_text(url: &str, error: &HttpError) -> String {
    match error {
        HttpError::Url { .. } => format!("--relay: {error}"),
        _ => format!(
            "no relay at {url}: {}; start one with `clasp-relay --auth-port 7350`, or give its auth port with --relay",
            first_line(&chain(error))
        ),
    }
}

/// What a relay says about its refusal, and what to do about it.
fn answer_text(status: StatusCode, body: &str) -> String {
    let remedy = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "; give a token with admin:/** with --token or CLASP_ADMIN_TOKEN"
        }
        StatusCode::NOT_FOUND if body.is_empty() => "; is that the auth port of a relay?",
        _ => "",
    };
    match body {
        "" => remedy.to_owned(),
        body => format!(": {body}{remedy}"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// What clap says about the values of the file, without its own heading and hint.
fn keys_text(path: &Path, table: &str, problems: &KeyProblems) -> String {
    let path = path.display();
    let lines = problems.0.iter();
    let lines = lines.map(|problem| format!("{path}: [{table}] {problem}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn values_text(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = first_line(&text);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn refused_text(refusal: &Refusal) -> String {
    match &refusal.address {
        Some(address) if refusal.is(Code::RevisionConflict) => {
            format!("{refusal}: `clasp get {address} --json` tells its revision")
        }
        _ => refusal.to_string(),
    }
}

/// The server's own errors name the relay's flags; here are those of this command.
fn server_text(error: &StartError) -> String {
    match error {
        StartError::Bind {
            protocol,
            address,
            source,
        } => {
            let remedy = match source.kind() {
                io::ErrorKind::AddrInUse => "choose another port with --port",
                io::ErrorKind::AddrNotAvailable => "give --bind an address of this machine",
                io::ErrorKind::PermissionDenied => "choose a port from 1024 on with --port",
                _ => "choose others with --bind and --port",
            };
            format!("cannot listen on {address} for {protocol}: {source}: {remedy}")
        }
        StartError::Config(errors) => {
            let lines = errors.iter().map(config_text);
            lines.collect::<Vec<_>>().join("\n")
        }
        StartError::Snapshot(error) => chain(error),
        StartError::Journal(error) => chain(error),
        StartError::Authentication(error) => chain(error),
    }
}

fn config_text(error: &ConfigError) -> String {
    match error {
        ConfigError::Host { .. } => error.to_string().replacen("--host", "--bind", 1),
        other => other.to_string(),
    }
}

fn lost_text(reason: &Disconnect) -> String {
    match reason {
        Disconnect::Link(source) => format!("the connection failed: {}", chain(source.as_ref())),
        other => other.to_string(),
    }
}

fn failures_text(failures: &[SearchError]) -> String {
    let texts = failures
        .iter()
        .map(|failure| format!("; {}", chain(failure)));
    texts.collect()
}

fn because(reason: &Option<String>) -> String {
    let text = reason.as_ref().map(|reason| format!(": {reason}"));
    text.unwrap_or_default()
}

/// An error and its causes in one line, without those that the line before already tells.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost
}
