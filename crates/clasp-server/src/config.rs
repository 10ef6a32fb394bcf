//! Config: what was asked for; plain data with defaults that say what they are for.

use std::path::PathBuf;
use std::time::Duration;

use crate::plan::Feature;

/// The settings of a server as typed. [`crate::Plan`] finds out whether they can run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address that every listener binds: an IP address, with or without brackets, or a host name.
    pub host: String,
    /// The WebSocket listener; 0 takes any free port, nothing means none.
    pub websocket_port: Option<u16>,
    /// The listener for length-prefixed frames over TCP, likewise.
    pub tcp_port: Option<u16>,
    /// The QUIC listener, over UDP, likewise.
    pub quic_port: Option<u16>,
    /// Certificate chain in PEM. With it, and the key, every listener speaks TLS.
    pub cert: Option<PathBuf>,
    /// Its private key in PEM.
    pub key: Option<PathBuf>,
    /// Without both, QUIC gets a certificate that is made for this run, instead of an error.
    pub self_signed: bool,
    /// What WELCOME calls the server.
    pub name: String,
    /// Sessions at a time on all transports together; 0 is any number.
    pub sessions_max: usize,
    /// Connections at a time from one address; 0 is any number.
    pub connections_per_ip_max: usize,
    /// Connections at a time that have not been welcomed.
    pub pending_max: usize,
    /// Those of one address.
    pub pending_per_ip_max: usize,
    /// Connections at a time that have been accepted and wait to be let in; each is a socket.
    pub queued_max: usize,
    /// A session from which nothing was heard for this long is ended; zero switches that off.
    pub session_timeout: Duration,
    /// How long a WebSocket upgrade may take.
    pub upgrade_timeout: Duration,
    /// How long a connection may take from there to its HELLO.
    pub hello_timeout: Duration,
    /// How long a param is kept after its last use, unless its writer said otherwise.
    pub param_ttl: Option<Duration>,
    /// How long an announced signal is kept.
    pub signal_ttl: Option<Duration>,
    /// Params at a time, of which the least recently written makes room; 0 is any number.
    pub params_max: usize,
    /// Announced signals at a time.
    pub signals_max: usize,
    /// Messages a second of one session, unless the rules of the application say otherwise; 0 is any number.
    pub messages_per_second: u32,
    /// The same, whatever those say.
    pub messages_per_second_asked: Option<u32>,
    /// Origins of pages that may connect besides those of the own host; `*` is every page.
    pub allowed_origins: Vec<String>,
    /// The token that every HELLO must carry; nothing lets everybody in.
    pub token: Option<String>,
    /// Accounts and tokens over HTTP; sessions need a token then.
    pub auth_port: Option<u16>,
    /// Where accounts and their tokens are kept.
    pub auth_db: PathBuf,
    /// Origins of pages that may use that port; none lets every page.
    pub cors_origins: Vec<String>,
    /// The file with the token of whoever runs the server; made if it is not there.
    pub admin_token: Option<PathBuf>,
    /// Files with tokens as `clasp token` writes them.
    pub token_files: Vec<PathBuf>,
    /// How long a token that is issued is valid; zero is for ever.
    pub token_ttl: Duration,
    /// Whose capability tokens are trusted: files with a public key, or keys as text.
    pub trust_anchors: Vec<String>,
    /// The same by files with the private key.
    pub trust_anchor_secrets: Vec<PathBuf>,
    /// How often a capability may have been handed on.
    pub cap_max_depth: usize,
    /// Capabilities handed on in the first format, whose links nobody can verify, are believed.
    pub cap_insecure_v1_delegations: bool,
    /// Where entities are kept.
    pub registry_db: Option<PathBuf>,
    /// How old an entity token may be; zero is any age.
    pub entity_token_max_age: Duration,
    /// Proxies in front of the auth port whose word on who asks is taken: addresses or networks.
    pub trusted_proxies: Vec<String>,
    /// Rules of the application; nothing looks in the usual places, see [`AppConfigFile`].
    pub app_config: AppConfigFile,
    /// The file that the state is written to and restored from; nothing keeps it in memory only.
    pub persist: Option<PathBuf>,
    /// How often it is written.
    pub persist_interval: Duration,
    /// A damaged file is set aside, and the server starts empty, instead of not at all.
    pub persist_discard_corrupt: bool,
    /// The file that every write is recorded in, before it is acknowledged; nothing records none.
    pub journal: Option<PathBuf>,
    /// Record the newest writes in memory instead.
    pub journal_memory: bool,
    /// What kind of file that is: sqlite.
    pub journal_backend: String,
    /// When a write is acknowledged: fsync, os or memory.
    pub journal_durability: String,
    /// So many writes are committed without a wait for more.
    pub journal_batch_size: usize,
    /// No write waits longer for others.
    pub journal_flush: Duration,
    /// Records before this number are removed.
    pub journal_compact_before: Option<u64>,
    /// Records older than this are removed.
    pub journal_compact_age: Option<Duration>,
    /// Where `/healthz` and `/readyz` are answered.
    pub health_port: Option<u16>,
    /// Where `/metrics` is answered.
    pub metrics_port: Option<u16>,
    /// Where other servers and devices register and are found.
    pub rendezvous_port: SidePort,
    /// How long a registration lasts there.
    pub rendezvous_ttl: Duration,
    /// Another rendezvous server, where this server registers.
    pub rendezvous_url: Option<String>,
    /// Where clients are told there to connect; nothing takes the address that the other server is reached from.
    pub rendezvous_advertise: Option<String>,
    /// How often that is renewed.
    pub rendezvous_refresh: Duration,
    /// What this server is found by there.
    pub rendezvous_tags: Vec<String>,
    /// Announce this server on the local network.
    pub mdns: bool,
    /// Where broadcasts of clients that look for a server are answered.
    pub broadcast_port: SidePort,
    /// How long sessions may take to end when the server shuts down.
    pub drain_timeout: Duration,
}

/// The port of a service that the server can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidePort {
    /// There is no such service.
    Off,
    /// On by default: gives way, with a warning, to whoever has the port.
    IfFree(u16),
    /// On because somebody said so: without the port the server does not start.
    Asked(u16),
}

/// Where the rules of the application are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppConfigFile {
    /// There are none.
    None,
    /// The only `*.json` in `/etc/clasp`, or else in `config` below the working directory, if there is one.
    Detect,
    /// In this file.
    At(PathBuf),
}

impl SidePort {
    /// The port, if there is to be one.
    pub const fn number(self) -> Option<u16> {
        match self {
            Self::Off => None,
            Self::IfFree(port) | Self::Asked(port) => Some(port),
        }
    }

    /// True if the server does not start without it.
    pub const fn is_asked(self) -> bool {
        matches!(self, Self::Asked(_))
    }
}

impl Config {
    /// For `clasp server`: no option needed, every page may connect.
    // protocol/router.md 1.1, protocol/wire.md 1.11
    pub fn development() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            websocket_port: Some(7330),
            tcp_port: None,
            quic_port: None,
            cert: None,
            key: None,
            self_signed: true,
            name: "CLASP Server".to_owned(),
            sessions_max: 100,
            connections_per_ip_max: 0,
            pending_max: 256,
            pending_per_ip_max: 16,
            queued_max: 256,
            session_timeout: Duration::from_secs(300),
            upgrade_timeout: Duration::from_secs(5),
            hello_timeout: Duration::from_secs(5),
            param_ttl: Some(Duration::from_secs(3600)),
            signal_ttl: Some(Duration::from_secs(3600)),
            params_max: 10_000,
            signals_max: 10_000,
            messages_per_second: 1000,
            messages_per_second_asked: None,
            allowed_origins: vec!["*".to_owned()],
            token: None,
            auth_port: None,
            auth_db: "relay-auth.db".into(),
            cors_origins: Vec::new(),
            admin_token: None,
            token_files: Vec::new(),
            token_ttl: Duration::from_secs(24 * 3600),
            trust_anchors: Vec::new(),
            trust_anchor_secrets: Vec::new(),
            cap_max_depth: 5,
            cap_insecure_v1_delegations: false,
            registry_db: None,
            entity_token_max_age: Duration::ZERO,
            trusted_proxies: Vec::new(),
            app_config: AppConfigFile::None,
            persist: None,
            persist_interval: Duration::from_secs(30),
            persist_discard_corrupt: false,
            journal: None,
            journal_memory: false,
            journal_backend: "sqlite".to_owned(),
            journal_durability: "fsync".to_owned(),
            journal_batch_size: 100,
            journal_flush: Duration::from_millis(50),
            journal_compact_before: None,
            journal_compact_age: None,
            health_port: None,
            metrics_port: None,
            rendezvous_port: SidePort::Off,
            rendezvous_ttl: Duration::from_secs(300),
            rendezvous_url: None,
            rendezvous_advertise: None,
            rendezvous_refresh: Duration::from_secs(120),
            rendezvous_tags: Vec::new(),
            mdns: false,
            broadcast_port: SidePort::Off,
            // A developer who pressed Ctrl+C is waiting.
            drain_timeout: Duration::from_secs(2),
        }
    }

    /// For `clasp-relay`: more of everything, pages of other hosts only when listed, and found by who looks for it.
    pub fn relay() -> Self {
        let rendezvous = Feature::Rendezvous.is_compiled();
        Self {
            websocket_port: Feature::WebSocket.is_compiled().then_some(7330),
            rendezvous_port: if rendezvous {
                SidePort::IfFree(7340)
            } else {
                SidePort::Off
            },
            mdns: true,
            self_signed: false,
            broadcast_port: SidePort::IfFree(7331),
            name: "CLASP Relay".to_owned(),
            sessions_max: 1000,
            // As many as a relay that was restarted may find in front of it.
            queued_max: 16_384,
            params_max: 100_000,
            signals_max: 100_000,
            messages_per_second: 0,
            allowed_origins: Vec::new(),
            app_config: AppConfigFile::Detect,
            drain_timeout: Duration::from_secs(30),
            ..Self::development()
        }
    }

    /// Keeps params and signals for ever, in any number: `--no-ttl`.
    #[must_use]
    pub fn without_ttl(mut self) -> Self {
        self.param_ttl = None;
        self.signal_ttl = None;
        self.params_max = 0;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // protocol/router.md 1.1, protocol/wire.md 1.11
    #[test]
    fn the_page_names_the_defaults() {
        let page = include_str!("../../../docs/protocol/router.md");
        let config = Config::development();
        let seconds = |time: Option<Duration>| format!("{} s", time.unwrap_or_default().as_secs());
        for (setting, value) in [
            ("name", format!("`{}`", config.name)),
            ("sessions", config.sessions_max.to_string()),
            ("session timeout", seconds(Some(config.session_timeout))),
            (
                "messages of a session",
                format!("{} a second", config.messages_per_second),
            ),
            ("params", config.params_max.to_string()),
            ("ttl of a param", seconds(config.param_ttl)),
            (
                "announced signals",
                format!("{}, ttl {}", config.signals_max, seconds(config.signal_ttl)),
            ),
        ] {
            let row = format!("| {setting} | {value}");
            assert!(page.contains(&row), "expected a row `{row}`");
        }
        assert_eq!(config.websocket_port, Some(7330));
        assert_eq!(config.token, None);
    }
}
