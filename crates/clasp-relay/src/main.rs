//! The production relay: flags to configuration to server, and exit codes.

mod flags;
mod output;

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clasp_server::{Bound, Protocol, Server, StartError};
use flags::Flags;
use mimalloc::MiMalloc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|text| !text.is_empty());
    let flags = match Flags::read(&Flags::command().get_matches(), is_set) {
        Ok(flags) => flags,
        Err(error) => return fail(USAGE, &error),
    };
    start_log(&flags);
    match serve(&flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(exit_code(&error), &format!("{error:#}")),
    }
}

/// Runs the relay until it is told to end.
async fn serve(flags: &Flags) -> Result<(), anyhow::Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut server = Server::start(&flags.config()).await?;
    announce(flags, &server);
    tracing::info!("Router initialized, accepting connections...");
    let ended = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        ended = server.wait() => Some(ended),
    };
    tokio::select! {
        () = server.shutdown() => {}
        // Whoever asks twice does not want to wait.
        _ = interrupt.recv() => tracing::warn!("second signal: not waiting for sessions"),
        _ = terminate.recv() => tracing::warn!("second signal: not waiting for sessions"),
    }
    ended.map_or(Ok(()), |ended| Err(ended.into()))
}

/// Lines that scripts and kits look for.
fn announce(flags: &Flags, server: &Server) {
    let mut protocols = Vec::new();
    for Bound { protocol, address } in server.local_addrs() {
        match protocol {
            Protocol::WebSocket => tracing::info!("WebSocket: ws://{address}"),
            Protocol::Tcp => tracing::info!("TCP: tcp://{address}"),
        }
        protocols.push(protocol.to_string());
    }
    tracing::info!("Server name: {}", flags.name);
    tracing::info!("Protocols: {}", protocols.join(", "));
}

fn start_log(flags: &Flags) {
    let asked = EnvFilter::new(&flags.log_level);
    let filter = if flags.verbose {
        EnvFilter::new(VERBOSE)
    } else {
        EnvFilter::try_from_default_env().unwrap_or(asked)
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Nobody reads them any more: no reason to complain to nobody.
        .log_internal_errors(false)
        .with_ansi(io::stdout().is_terminal());
    let wants_json =
        std::env::var("LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    if wants_json {
        lines.json().init();
    } else {
        lines.init();
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(StartError::Config(_)) => USAGE,
        _ => FAILURE,
    }
}

fn fail(code: u8, cause: &dyn Display) -> ExitCode {
    output::failure(cause);
    ExitCode::from(code)
}

/// What `--verbose` logs: everything of this program, and what its libraries think noteworthy.
const VERBOSE: &str =
    "debug,clasp=trace,clasp_server=trace,clasp_router=trace,clasp_transport=trace";

/// The command line is wrong.
const USAGE: u8 = 2;

/// Everything else.
const FAILURE: u8 = 1;
