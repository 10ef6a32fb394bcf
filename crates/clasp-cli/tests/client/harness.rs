//! A router in this process, and clients of it.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use clasp_client::{Client, ClientError, Reconnect, Subscription, Update};
use clasp_proto::{Code, Value};
use clasp_server::{Config, Server};
use tokio::time::timeout;

/// A router on loopback.
pub(crate) struct Router {
    server: Server,
    address: SocketAddr,
}

impl Router {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            host: "127.0.0.1".to_owned(),
            websocket_port: Some(0),
            messages_per_second: 0,
            drain_timeout: Duration::from_millis(100),
            ..Config::development()
        };
        change(&mut config);
        let server = Server::start(&config).await.expect("the router can start");
        let address = server.local_addrs()[0].address;
        Self { server, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.url())
            .await
            .expect("the router lets everybody in")
    }

    /// Ends the router and starts another one on its port.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// Ends the router and starts another one, not quite the same, on its port.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let port = self.address.port();
        self.server.shutdown().await;
        Self::with(|config| {
            config.websocket_port = Some(port);
            change(config);
        })
        .await
    }

    pub(crate) async fn stop(self) {
        self.server.shutdown().await;
    }
}

/// Options under which a lost connection is made again at once.
pub(crate) fn at_once() -> Reconnect {
    Reconnect {
        first: Duration::from_millis(10),
        longest: Duration::from_millis(10),
        ..Reconnect::default()
    }
}

/// What a future comes to within a time that is long on any machine.
pub(crate) async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .expect("it happens before the deadline")
}

/// The next update's address and value.
pub(crate) async fn next(subscription: &mut Subscription) -> (String, Value) {
    let update = update(subscription).await;
    (update.address, update.value)
}

pub(crate) async fn update(subscription: &mut Subscription) -> Update {
    soon(subscription.next())
        .await
        .expect("the subscription goes on")
}

/// The code that the router refused a call with.
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> Option<Code> {
    match outcome {
        Err(ClientError::Refused(refusal)) => Code::from_number(refusal.code),
        _ => None,
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
