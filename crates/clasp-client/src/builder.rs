//! Connection options.

use std::time::Duration;

use clasp_proto::{Features, Hello};
use clasp_transport::tls::Trust;

use crate::backoff::Reconnect;
use crate::cache::Cache;
use crate::client::Client;
use crate::connect::Target;
use crate::driver;
use crate::error::ClientError;
use crate::limits::{CACHE_ADDRESSES_MAX, CALL_TIMEOUT, CONNECT_TIMEOUT, QUIET_TIME};

/// Options of a connection; made by [`Client::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    url: String,
    name: String,
    token: Option<String>,
    features: Features,
    reconnect: Reconnect,
    connect_timeout: Duration,
    trust: Trust,
    call_timeout: Duration,
    quiet: Duration,
    cache_addresses_max: usize,
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            name: DEFAULT_NAME.to_owned(),
            token: None,
            features: DEFAULT_FEATURES,
            reconnect: Reconnect::default(),
            connect_timeout: CONNECT_TIMEOUT,
            trust: Trust::System,
            call_timeout: CALL_TIMEOUT,
            quiet: QUIET_TIME,
            cache_addresses_max: CACHE_ADDRESSES_MAX,
        }
    }

    /// What the router calls this client in its logs.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The token to present; routers without authentication ignore it.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The signal kinds this client says it can handle. Param, event and stream unless set, as the published clients say.
    #[must_use]
    pub fn features(mut self, features: Features) -> Self {
        self.features = features;
        self
    }

    /// Whether and how a lost connection is made again. The first connection is tried once.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// How long connecting may take, 10 s unless set.
    #[must_use]
    pub fn connect_timeout(mut self, within: Duration) -> Self {
        self.connect_timeout = within;
        self
    }

    /// Whose certificates are taken, with `wss`, `tcps` and `quic`. Those that the system trusts unless set.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// How long a call waits for its answer, 8 s unless set.
    #[must_use]
    pub fn call_timeout(mut self, within: Duration) -> Self {
        self.call_timeout = within;
        self
    }

    /// After this long without a frame the router is asked for a sign of life; after twice this long the connection
    /// counts as lost. 20 s unless set.
    #[must_use]
    pub fn keep_alive(mut self, silence: Duration) -> Self {
        self.quiet = silence;
        self
    }

    /// How many addresses' last values are remembered, 131,072 unless set. Without memory [`Client::cached`] knows nothing
    /// and a value that is told twice reaches a subscription twice.
    #[must_use]
    pub fn cache_addresses_max(mut self, addresses: usize) -> Self {
        self.cache_addresses_max = addresses;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// Nobody answers, it is not a CLASP router, or it refuses the token.
    pub async fn connect(self) -> Result<Client, ClientError> {
        let greeting = Hello {
            version: PROTOCOL_VERSION,
            features: self.features,
            name: self.name,
            token: self.token,
            capabilities: None,
        };
        let target = Target {
            url: self.url,
            greeting,
            reconnect: self.reconnect,
            connect_timeout: self.connect_timeout,
            trust: self.trust,
            quiet: self.quiet,
        };
        let cache = Cache::new(self.cache_addresses_max);
        let running = driver::start(target, cache).await?;
        Ok(Client::new(running, self.call_timeout))
    }
}

/// The name of a client that was given none.
const DEFAULT_NAME: &str = "CLASP Rust Client";

/// Param, event and stream. protocol/wire.md 6
const DEFAULT_FEATURES: Features = Features::PARAM
    .union(Features::EVENT)
    .union(Features::STREAM);

/// The version every client sends. protocol/router.md 2
const PROTOCOL_VERSION: u8 = 1;
