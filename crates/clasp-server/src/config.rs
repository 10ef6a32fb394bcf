//! Config: what was asked for; plain data with defaults that say what they are for.

use std::time::Duration;

/// The settings of a server as typed. [`crate::Plan`] finds out whether they can run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address that every listener binds: an IP address, with or without brackets, or a host name.
    pub host: String,
    /// The WebSocket listener; 0 takes any free port, nothing means none.
    pub websocket_port: Option<u16>,
    /// The listener for length-prefixed frames over TCP, likewise.
    pub tcp_port: Option<u16>,
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
    /// Messages a second of one session; 0 is any number.
    pub messages_per_second: u32,
    /// Origins of pages that may connect besides those of the own host; `*` is every page.
    pub allowed_origins: Vec<String>,
    /// The token that every HELLO must carry; nothing lets everybody in.
    pub token: Option<String>,
    /// How long sessions may take to end when the server shuts down.
    pub drain_timeout: Duration,
}

impl Config {
    /// For `clasp server`: no option needed, every page may connect.
    // protocol/router.md 1.1, protocol/wire.md 1.11
    pub fn development() -> Self {
        Self {
            host: "0.0.0.0".to_owned(),
            websocket_port: Some(7330),
            tcp_port: None,
            name: "CLASP Server".to_owned(),
            sessions_max: 100,
            connections_per_ip_max: 0,
            pending_max: 256,
            pending_per_ip_max: 16,
            session_timeout: Duration::from_secs(300),
            upgrade_timeout: Duration::from_secs(5),
            hello_timeout: Duration::from_secs(5),
            param_ttl: Some(Duration::from_secs(3600)),
            signal_ttl: Some(Duration::from_secs(3600)),
            params_max: 10_000,
            signals_max: 10_000,
            messages_per_second: 1000,
            allowed_origins: vec!["*".to_owned()],
            token: None,
            // A developer who pressed Ctrl+C is waiting.
            drain_timeout: Duration::from_secs(2),
        }
    }

    /// For `clasp-relay`: more of everything, and pages of other hosts only when listed.
    pub fn relay() -> Self {
        Self {
            name: "CLASP Relay".to_owned(),
            sessions_max: 1000,
            params_max: 100_000,
            signals_max: 100_000,
            messages_per_second: 0,
            allowed_origins: Vec::new(),
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
