//! A run of the relay, from its start until it is told to end.

use clasp_server::{Bound, Protocol, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::settings::Settings;

/// Runs the relay until it is told to end.
///
/// # Errors
/// It cannot start, or a part of it ended by itself.
pub(crate) async fn serve(settings: &Settings) -> Result<(), anyhow::Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut server = Server::start(&settings.flags.config()).await?;
    announce(&settings.flags.basics.name, &server);
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
fn announce(name: &str, server: &Server) {
    let mut protocols = Vec::new();
    for Bound { protocol, address } in server.local_addrs() {
        match protocol {
            Protocol::WebSocket => tracing::info!("WebSocket: ws://{address}"),
            Protocol::Tcp => tracing::info!("TCP: tcp://{address}"),
        }
        protocols.push(protocol.to_string());
    }
    tracing::info!("Server name: {name}");
    tracing::info!("Protocols: {}", protocols.join(", "));
}
