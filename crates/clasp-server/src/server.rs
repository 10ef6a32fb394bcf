//! Server: starts, supervises and stops the parts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;

use crate::auth::{self, AuthenticationError};
use crate::config::Config;
use crate::config_error::ConfigErrors;
use crate::counters::Counters;
use crate::discovery;
use crate::features::journal;
use crate::features::recovery_error::RecoveryError;
use crate::features::snapshot::{self, SnapshotError, SnapshotStatus};
use crate::limits::{FAREWELL_TIMEOUT, HTTP_LAST_ANSWER, STOP_GRACE};
use crate::listeners::{self, Listener, PartsOf};
use crate::plan::{Plan, Protocol, SnapshotPlan, TlsPlan};
use crate::reload;
use crate::shared::Shared;
use crate::supervisor::{PartEnded, Parts, blocking};
use crate::timer;

/// A running server. Dropping it ends everything at once; [`Server::shutdown`] is the polite way.
pub struct Server {
    shared: Arc<Shared>,
    bound: Vec<Bound>,
    listeners: Parts,
    /// What is needed to the end, and then ends by itself.
    services: Parts,
    /// What goes on until it is dropped.
    background: Parts,
}

/// A listener that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where, with the port that the system chose if 0 was asked for.
    pub address: SocketAddr,
}

/// What somebody outside wants of a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Read the certificate again.
    Reload,
    /// Stop; the second time, without waiting for anybody.
    Stop,
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
    /// The state of the last run cannot be used, or that of this one could not be kept.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// What tells who may come in cannot be used.
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    /// The journal of the last run cannot be used.
    #[error(transparent)]
    Journal(#[from] RecoveryError),
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
    /// The first listener that could not be bound, or a snapshot that cannot be used.
    pub async fn run(plan: Plan) -> Result<Self, StartError> {
        for remark in &plan.remarks {
            match remark.is_warning() {
                true => tracing::warn!("{remark}"),
                false => tracing::info!("{remark}"),
            }
        }
        let open = Self::bind(&plan)?;
        // Behind the ports: a server that still has them may be writing its last snapshot.
        let shared = blocking(move || Shared::new(plan)).await?;
        Ok(Self::serve(Arc::new(shared), open))
    }

    /// Everything is bound before anything is served: a server runs with all of the ports it was asked for, or not at all.
    fn bind(plan: &Plan) -> Result<Vec<(Bound, Listener)>, StartError> {
        let wanted = plan.listeners.iter();
        let open = wanted.map(|listening| listeners::bind(*listening, plan));
        open.filter_map(Result::transpose).collect()
    }

    fn serve(shared: Arc<Shared>, open: Vec<(Bound, Listener)>) -> Self {
        let mut background = Parts::default();
        background.start("timer", timer::run(Arc::clone(&shared)));
        if let Some(TlsPlan {
            server,
            files: Some(files),
        }) = &shared.plan.tls
        {
            reload::inspect(&server.certificate());
            let reload = reload::run(Arc::clone(&shared), server.clone(), files.clone());
            background.start("reload of the certificate", reload);
        }
        if let Some(SnapshotPlan { interval, .. }) = &shared.plan.snapshots {
            let snapshots = snapshot::run(Arc::clone(&shared), *interval);
            background.start("snapshots", snapshots);
        }
        if shared.authenticator.accounts.is_some() {
            background.start(
                "removal of expired tokens",
                auth::prune(Arc::clone(&shared)),
            );
        }
        if !shared.plan.authentication.token_files.is_empty() {
            background.start("reading of token files", auth::watch(Arc::clone(&shared)));
        }
        journal::start(&shared, &mut background);
        let (mut listeners, mut services) = (Parts::default(), Parts::default());
        let mut bound = Vec::new();
        for (listening, listener) in open {
            let Bound { protocol, address } = listening;
            tracing::info!("{protocol} server listening on {address}");
            let parts = PartsOf {
                clasp: &mut listeners,
                services: &mut services,
            };
            listener.start(protocol, parts, &shared);
            bound.push(listening);
        }
        discovery::start(&shared, &bound, &mut listeners);
        shared.complete();
        Self {
            shared,
            bound,
            listeners,
            services,
            background,
        }
    }

    /// Every port that is open, in the order WebSocket, QUIC, TCP, health, metrics, rendezvous, broadcast.
    pub fn local_addrs(&self) -> &[Bound] {
        &self.bound
    }

    /// True until the shutdown begins.
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }

    /// What has been counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Sessions at this moment, on all transports.
    pub fn sessions(&self) -> usize {
        self.shared.router.sessions()
    }

    /// How the snapshots stand, if the state is kept in a file.
    pub fn snapshots(&self) -> Option<SnapshotStatus> {
        let snapshots = self.shared.snapshots.as_ref()?;
        Some(snapshots.status())
    }

    /// True if WebSocket and TCP are spoken through TLS.
    pub fn has_tls(&self) -> bool {
        self.shared.plan.has_tls()
    }

    /// SHA-256 of the certificate that the next client gets, in hexadecimal digits.
    pub fn fingerprint(&self) -> Option<String> {
        let tls = self.shared.plan.tls.as_ref()?;
        Some(tls.server.certificate().fingerprint())
    }

    /// Reads the certificate again, soon. Connections keep the one that they began with; one that cannot be used
    /// leaves the old one in place.
    pub fn reload(&self) {
        self.shared.reload.notify_one();
    }

    /// Serves until `next` asks for the end, and shuts down.
    ///
    /// # Errors
    /// A part has ended although nobody asked it to.
    pub async fn run_until(
        mut self,
        mut next: impl AsyncFnMut() -> Request,
    ) -> Result<(), PartEnded> {
        let ended = loop {
            tokio::select! {
                request = next() => match request {
                    Request::Reload => self.reload(),
                    Request::Stop => break None,
                },
                ended = self.wait() => break Some(ended),
            }
        };
        let hurry = async { while next().await != Request::Stop {} };
        tokio::select! {
            () = self.shutdown() => {}
            () = hurry => tracing::warn!("asked to stop again: not waiting for sessions"),
        }
        ended.map_or(Ok(()), Err)
    }

    /// Waits until a part ends although it should not; then the server is to be stopped.
    pub async fn wait(&mut self) -> PartEnded {
        tokio::select! {
            ended = self.listeners.ended() => ended,
            ended = self.services.ended() => ended,
            ended = self.background.ended() => ended,
        }
    }

    /// Stops accepting, tells every session, and returns when the last one has gone or the drain deadline has passed.
    // protocol/router.md 14.5
    pub async fn shutdown(mut self) {
        tracing::info!("shutting down");
        self.shared.shutdown.begin();
        // First what would be lost if nobody lets us drain to the end.
        snapshot::save_before_drain(&self.shared).await;
        self.shared.router.shut_down();
        self.shared.shutdown.tell();
        let grace = self
            .shared
            .plan
            .drain_timeout
            .saturating_add(FAREWELL_TIMEOUT + STOP_GRACE);
        self.listeners.finish(grace).await;
        // Due deliveries were still made while the sessions drained.
        drop(self.background);
        snapshot::finish(&self.shared).await;
        journal::finish(&self.shared).await;
        self.shared.shutdown.finish();
        self.services.finish(HTTP_LAST_ANSWER + STOP_GRACE).await;
        // Nobody asks any more: the next server may have the databases.
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.authenticator.close()).await;
        tracing::info!("stopped");
    }
}

#[cfg(test)]
mod tests;
