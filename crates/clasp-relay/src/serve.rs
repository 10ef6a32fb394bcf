//! A run of the relay, from its start until it is told to end.

use clasp_server::{Bound, Config, Protocol, Request, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::descriptors;
use crate::settings::Settings;

/// Runs the relay until it is told to end.
///
/// # Errors
/// It cannot start, or a part of it ended by itself.
pub(crate) async fn serve(settings: &Settings) -> Result<(), anyhow::Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    for idle in settings.idle() {
        tracing::warn!("{idle}");
    }
    let mut config = settings.flags.config();
    descriptors::raise_limit(&mut config);
    let server = Server::start(&config).await?;
    announce(&config, &server);
    tracing::info!("Router initialized, accepting connections...");
    let next = async || {
        tokio::select! {
            _ = interrupt.recv() => Request::Stop,
            _ = terminate.recv() => Request::Stop,
            _ = hangup.recv() => Request::Reload,
        }
    };
    Ok(server.run_until(next).await?)
}

/// Lines that scripts and kits look for.
fn announce(config: &Config, server: &Server) {
    let mut protocols = Vec::new();
    for Bound { protocol, address } in server.local_addrs() {
        let scheme = protocol.scheme(server.has_tls());
        match protocol {
            // Without a scheme, as scripts expect it.
            Protocol::Quic => tracing::info!("QUIC: {address}"),
            Protocol::Health => tracing::info!("Health: {scheme}://{address}/healthz"),
            Protocol::Metrics => tracing::info!("Metrics: {scheme}://{address}/metrics"),
            Protocol::Rendezvous => {
                let seconds = config.rendezvous_ttl.as_secs();
                tracing::info!("Rendezvous: {scheme}://{address} (TTL: {seconds}s)");
            }
            _ => tracing::info!("{protocol}: {scheme}://{address}"),
        }
        if protocol.is_clasp() {
            protocols.push(protocol.to_string());
        }
    }
    tracing::info!("Server name: {}", config.name);
    tracing::info!("Protocols: {}", protocols.join(", "));
}
