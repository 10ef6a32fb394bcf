//! Plan: what will run. After a Plan nothing can fail because of the configuration.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use clasp_router::RouterConfig;
use clasp_transport::websocket::{Origins, UpgradeRules};
use thiserror::Error;

use crate::admission::Caps;
use crate::config::Config;
use crate::limits::NAME_BYTES_MAX;

/// A configuration that has been found to be possible.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) listeners: Vec<Listening>,
    pub(crate) name: Arc<str>,
    pub(crate) upgrade_rules: UpgradeRules,
    pub(crate) token: Option<Arc<str>>,
    pub(crate) caps: Caps,
    pub(crate) router: RouterConfig,
    pub(crate) session_timeout: Option<Duration>,
    pub(crate) upgrade_timeout: Duration,
    pub(crate) hello_timeout: Duration,
    pub(crate) drain_timeout: Duration,
}

/// A listener to be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listening {
    pub(crate) protocol: Protocol,
    pub(crate) address: SocketAddr,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// CLASP over WebSocket.
    WebSocket,
    /// CLASP frames behind 4-byte lengths.
    Tcp,
}

impl Protocol {
    /// The flag that sets its port.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::WebSocket => "--ws-port",
            Self::Tcp => "--tcp-port",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WebSocket => "WebSocket",
            Self::Tcp => "TCP",
        })
    }
}

/// A setting that cannot run, by the flag that sets it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The host is neither an address nor a known name.
    #[error("--host {host}: no such address: give an IP address, for example 0.0.0.0 or ::")]
    Host {
        /// As given.
        host: String,
    },
    /// Every listener is off.
    #[error("No protocols enabled. Enable at least one of: WebSocket, TCP")]
    NoProtocol,
    /// Two listeners want one port.
    #[error("--tcp-port {port}: --ws-port has the same: give each protocol a port of its own")]
    SamePort {
        /// The port.
        port: u16,
    },
    /// The name is empty or too long.
    #[error("--name: expected 1 to {NAME_BYTES_MAX} bytes, found {bytes}")]
    Name {
        /// How long it is.
        bytes: usize,
    },
    /// A number or a duration that makes no sense as 0.
    #[error("{flag}: expected more than 0")]
    Zero {
        /// The flag.
        flag: &'static str,
    },
    /// An empty token would let nobody in, or everybody.
    #[error("--token: expected a token, found nothing: leave the flag out to let everybody in")]
    Token,
    /// An allowed origin that no browser would send.
    #[error(
        "--allow-origin {origin}: expected * or scheme://host[:port], for example https://app.example.org"
    )]
    Origin {
        /// As given.
        origin: String,
    },
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Each problem; there is at least one.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Plan {
    /// Checks everything.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn new(config: &Config) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let listeners = listeners(config, &mut errors);
        check_texts(config, &mut errors);
        check_zeros(config, &mut errors);
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        Ok(Self {
            listeners,
            name: config.name.as_str().into(),
            upgrade_rules: UpgradeRules {
                origins: Origins::listed(config.allowed_origins.iter().cloned()),
            },
            token: config.token.as_deref().map(Arc::from),
            caps: Caps {
                connections_per_ip_max: config.connections_per_ip_max,
                pending_max: config.pending_max,
                pending_per_ip_max: config.pending_per_ip_max,
            },
            router: router(config),
            session_timeout: Some(config.session_timeout).filter(|timeout| !timeout.is_zero()),
            upgrade_timeout: config.upgrade_timeout,
            hello_timeout: config.hello_timeout,
            drain_timeout: config.drain_timeout,
        })
    }
}

fn listeners(config: &Config, errors: &mut Vec<ConfigError>) -> Vec<Listening> {
    let ports = [
        (Protocol::WebSocket, config.websocket_port),
        (Protocol::Tcp, config.tcp_port),
    ];
    let wanted: Vec<(Protocol, u16)> = ports
        .into_iter()
        .filter_map(|(protocol, port)| Some((protocol, port?)))
        .collect();
    if wanted.is_empty() {
        errors.push(ConfigError::NoProtocol);
    }
    match config.websocket_port {
        Some(port) if port != 0 && config.tcp_port == Some(port) => {
            errors.push(ConfigError::SamePort { port })
        }
        _ => {}
    }
    let Some(ip) = resolve(&config.host) else {
        errors.push(ConfigError::Host {
            host: config.host.clone(),
        });
        return Vec::new();
    };
    wanted
        .into_iter()
        .map(|(protocol, port)| Listening {
            protocol,
            address: SocketAddr::new(ip, port),
        })
        .collect()
}

/// An address as it is, a name by the first IPv4 address it has, else by its first.
fn resolve(host: &str) -> Option<IpAddr> {
    let literal = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(ip) = literal.parse() {
        return Some(ip);
    }
    let found: Vec<IpAddr> = (host, 0)
        .to_socket_addrs()
        .ok()?
        .map(|address| address.ip())
        .collect();
    found
        .iter()
        .find(|ip| ip.is_ipv4())
        .or_else(|| found.first())
        .copied()
}

fn check_texts(config: &Config, errors: &mut Vec<ConfigError>) {
    let bytes = config.name.len();
    if bytes == 0 || bytes > NAME_BYTES_MAX {
        errors.push(ConfigError::Name { bytes });
    }
    if config.token.as_deref() == Some("") {
        errors.push(ConfigError::Token);
    }
    let wrong = config
        .allowed_origins
        .iter()
        .filter(|origin| !is_origin(origin));
    errors.extend(wrong.map(|origin| ConfigError::Origin {
        origin: origin.clone(),
    }));
}

/// `null` is what browsers send for pages from files.
fn is_origin(origin: &str) -> bool {
    matches!(origin, "*" | "null")
        || origin.split_once("://").is_some_and(|(scheme, authority)| {
            let authority = authority.strip_suffix('/').unwrap_or(authority);
            !scheme.is_empty() && !authority.is_empty() && !authority.contains(['/', ' ', ','])
        })
}

fn check_zeros(config: &Config, errors: &mut Vec<ConfigError>) {
    let fields = [
        ("--max-pending", config.pending_max == 0),
        ("--max-pending-per-ip", config.pending_per_ip_max == 0),
        ("--upgrade-timeout", config.upgrade_timeout.is_zero()),
        ("--hello-timeout", config.hello_timeout.is_zero()),
        (
            "--param-ttl",
            config.param_ttl.is_some_and(|ttl| ttl.is_zero()),
        ),
        (
            "--signal-ttl",
            config.signal_ttl.is_some_and(|ttl| ttl.is_zero()),
        ),
    ];
    errors.extend(
        fields
            .into_iter()
            .filter(|(_, is_zero)| *is_zero)
            .map(|(flag, _)| ConfigError::Zero { flag }),
    );
}

fn router(config: &Config) -> RouterConfig {
    RouterConfig {
        sessions_max: config.sessions_max,
        messages_per_second: config.messages_per_second,
        params_max: config.params_max,
        param_ttl: config.param_ttl,
        signals_max: config.signals_max,
        signal_ttl: config.signal_ttl,
        ..RouterConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_run() {
        for (config, sessions_max) in [(Config::development(), 100), (Config::relay(), 1000)] {
            let plan = Plan::new(&config).unwrap();
            let address = SocketAddr::from(([0, 0, 0, 0], 7330));
            assert_eq!(
                plan.listeners,
                [Listening {
                    protocol: Protocol::WebSocket,
                    address
                }]
            );
            assert_eq!(plan.router.sessions_max, sessions_max);
        }
    }

    #[test]
    fn hosts_are_addresses_or_names() {
        let check = |host: &str, expected: Option<&str>| {
            let expected = expected.map(|ip| ip.parse().unwrap());
            assert_eq!(resolve(host), expected, "{host}");
        };
        check("0.0.0.0", Some("0.0.0.0"));
        check("::", Some("::"));
        check("[::1]", Some("::1"));
        check("localhost", Some("127.0.0.1"));
        check("", None);
        check("not a host", None);
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_flag() {
        let config = Config {
            host: "not a host".to_owned(),
            websocket_port: Some(7000),
            tcp_port: Some(7000),
            name: String::new(),
            pending_max: 0,
            hello_timeout: Duration::ZERO,
            param_ttl: Some(Duration::ZERO),
            allowed_origins: vec![
                "*".into(),
                "null".into(),
                "https://a.b:1/".into(),
                "a.b".into(),
            ],
            token: Some(String::new()),
            ..Config::development()
        };
        let errors = Plan::new(&config).unwrap_err();
        let lines: Vec<String> = errors.to_string().lines().map(str::to_owned).collect();
        let starts = [
            "--tcp-port 7000:",
            "--host not a host:",
            "--name:",
            "--token:",
            "--allow-origin a.b:",
            "--max-pending:",
            "--hello-timeout:",
            "--param-ttl:",
        ];
        assert_eq!(lines.len(), starts.len(), "{lines:#?}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
        let silent = Config {
            websocket_port: None,
            ..Config::development()
        };
        assert_eq!(
            Plan::new(&silent).unwrap_err(),
            ConfigErrors(vec![ConfigError::NoProtocol])
        );
    }
}
