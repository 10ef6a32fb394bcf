//! Server: starts, supervises and stops the parts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;

use crate::config::Config;
use crate::config_error::ConfigErrors;
use crate::counters::Counters;
use crate::limits::STOP_GRACE;
use crate::listeners::clasp;
use crate::plan::{Listening, Plan, Protocol};
use crate::shared::Shared;
use crate::supervisor::{PartEnded, Parts};
use crate::timer;

/// A running server. Dropping it ends everything at once; [`Server::shutdown`] is the polite way.
pub struct Server {
    shared: Arc<Shared>,
    bound: Vec<Bound>,
    listeners: Parts,
    timer: Parts,
}

/// A listener that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where, with the port that the system chose if 0 was asked for.
    pub address: SocketAddr,
}

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration cannot run.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// An address could not be bound.
    #[error("cannot listen on {address} for {protocol}: choose another port with {}", protocol.flag())]
    Bind {
        /// What should have been spoken there.
        protocol: Protocol,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Server {
    /// Checks the configuration, binds every listener, and only then serves.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration, or the first listener that could not be bound.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        Self::run(Plan::new(config)?).await
    }

    /// The same for a configuration that has been checked before.
    ///
    /// # Errors
    /// The first listener that could not be bound.
    #[expect(
        clippy::unused_async,
        reason = "parts to come bind with await; callers are in a runtime either way"
    )]
    pub async fn run(plan: Plan) -> Result<Self, StartError> {
        Self::serve(Arc::new(Shared::new(plan)))
    }

    fn serve(shared: Arc<Shared>) -> Result<Self, StartError> {
        let mut open = Vec::new();
        for &Listening { protocol, address } in &shared.plan.listeners {
            let bind = |source| StartError::Bind {
                protocol,
                address,
                source,
            };
            let listener = clasp::bind(address).map_err(bind)?;
            let address = listener.local_addr().map_err(bind)?;
            open.push((Bound { protocol, address }, listener));
        }
        let mut timer = Parts::default();
        timer.start("timer", timer::run(Arc::clone(&shared)));
        let mut listeners = Parts::default();
        let mut bound = Vec::new();
        for (listening, listener) in open {
            let Bound { protocol, address } = listening;
            tracing::info!("{protocol} server listening on {address}");
            let name = match protocol {
                Protocol::WebSocket => "WebSocket listener",
                Protocol::Tcp => "TCP listener",
            };
            listeners.start(name, clasp::run(listener, protocol, Arc::clone(&shared)));
            bound.push(listening);
        }
        Ok(Self {
            shared,
            bound,
            listeners,
            timer,
        })
    }

    /// Every listener that is open, in the order WebSocket, TCP.
    pub fn local_addrs(&self) -> &[Bound] {
        &self.bound
    }

    /// False once the shutdown has begun.
    pub fn is_ready(&self) -> bool {
        !self.shared.shutdown.has_begun()
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Sessions at this moment, on all transports.
    pub fn sessions(&self) -> usize {
        self.shared.router.sessions()
    }

    /// Waits until a part ends although it should not; then the server is to be stopped.
    pub async fn wait(&mut self) -> PartEnded {
        tokio::select! {
            ended = self.listeners.ended() => ended,
            ended = self.timer.ended() => ended,
        }
    }

    /// Stops accepting, tells every session, and returns when the last one has gone or the drain deadline has passed.
    // protocol/router.md 14.5
    pub async fn shutdown(mut self) {
        tracing::info!("shutting down");
        self.shared.shutdown.begin();
        self.shared.router.shut_down();
        let grace = self.shared.plan.drain_timeout.saturating_add(STOP_GRACE);
        self.listeners.finish(grace).await;
        // Due deliveries were still made while the sessions drained.
        drop(self.timer);
        tracing::info!("stopped");
    }
}

#[cfg(test)]
mod tests;
