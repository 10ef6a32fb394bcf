//! `clasp server`: a router for development.

use std::net::{IpAddr, SocketAddr};

use clasp_server::{Bound, Config, Request, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServerArgs;
use crate::error::CommandError;
use crate::output;

/// Runs a router until interrupted.
///
/// # Errors
/// It cannot listen, or the command line asks for something that is not there.
pub(crate) async fn run(args: ServerArgs) -> Result<(), CommandError> {
    refuse_what_is_not_there(&args)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let wants_token = args.token.is_some();
    let server = Server::start(&config(args)?).await?;
    for bound in server.local_addrs() {
        let url = url(bound, server.has_tls());
        output::result(&format!("Router listening on {url}"))?;
    }
    if let Some(sha256) = server.fingerprint() {
        output::status(&format!("Certificate SHA-256 {sha256}"));
    }
    if wants_token {
        output::status("Clients have to send the token of --token; others are refused");
    }
    let next = async || {
        tokio::select! {
            _ = interrupt.recv() => Request::Stop,
            _ = terminate.recv() => Request::Stop,
        }
    };
    Ok(server.run_until(next).await?)
}

/// Says what else to do about flags that are seen in examples and mean something elsewhere.
fn refuse_what_is_not_there(args: &ServerArgs) -> Result<(), CommandError> {
    let usage = |problem: &str, remedy| {
        let problem = problem.to_owned();
        Err(CommandError::Usage { problem, remedy })
    };
    if args.auth_port.is_some() {
        let remedy = "use clasp-relay, or --token for one token that everybody shares";
        return usage("--auth-port: this router has no accounts", remedy);
    }
    if args.features.is_some() {
        let remedy = "see `clasp info` for those of this build";
        return usage("--features: features are chosen when building", remedy);
    }
    Ok(())
}

fn config(args: ServerArgs) -> Result<Config, CommandError> {
    let mut config = Config {
        host: args.bind,
        websocket_port: None,
        cert: args.cert,
        key: args.key,
        token: args.token,
        ..Config::development()
    };
    if let Some(name) = args.name {
        config.name = name;
    }
    if !args.allow_origin.is_empty() {
        config.allowed_origins = args.allow_origin;
    }
    if args.port.is_some_and(|port| port != 0) && args.protocol.len() > 1 {
        return Err(CommandError::Usage {
            problem: "--port is one port, --protocol asks for several".to_owned(),
            remedy: "give --port with one protocol",
        });
    }
    for protocol in &args.protocol {
        match protocol.as_str() {
            "websocket" | "ws" => config.websocket_port = Some(args.port.unwrap_or(WEBSOCKET_PORT)),
            "tcp" => config.tcp_port = Some(args.port.unwrap_or(TCP_PORT)),
            "quic" => config.quic_port = Some(args.port.unwrap_or(QUIC_PORT)),
            other => return Err(CommandError::UnknownProtocol(other.to_owned())),
        }
    }
    Ok(config)
}

/// Where a client on this machine connects.
fn url(bound: &Bound, has_tls: bool) -> String {
    let scheme = bound.protocol.scheme(has_tls);
    let host = match bound.address {
        SocketAddr::V4(address) if address.ip().is_unspecified() => "localhost".to_owned(),
        SocketAddr::V6(address) if address.ip().is_unspecified() => "localhost".to_owned(),
        address => bracketed(address.ip()),
    };
    format!("{scheme}://{host}:{}", bound.address.port())
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The port of CLASP over WebSocket.
const WEBSOCKET_PORT: u16 = 7330;

/// The port of CLASP over QUIC.
const QUIC_PORT: u16 = 7331;

/// The port of CLASP over TCP.
const TCP_PORT: u16 = 7340;
