//! Plan: what will run. After a Plan nothing can fail because of the configuration.

pub(crate) mod authentication;
mod feature;
mod journal;
mod protocol;
pub(crate) mod proxies;
mod rules;

pub use feature::Feature;
pub(crate) use journal::JournalPlan;
pub use protocol::Protocol;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clasp_router::RouterConfig;
use clasp_transport::tls::{Certificate, ServerTls};
use clasp_transport::websocket::{Origins, UpgradeRules};

use authentication::AuthenticationPlan;

use crate::admission::Caps;
use crate::app_config::{AppConfig, Remark};
use crate::config::{Config, SidePort};
use crate::config_error::{ConfigError, ConfigErrors};
use crate::elsewhere::Elsewhere;
use crate::limits::NAME_BYTES_MAX;
use crate::reload::Stamp;

/// A configuration that has been found to be possible.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) listeners: Vec<Listening>,
    pub(crate) mdns: bool,
    pub(crate) rendezvous_ttl: Duration,
    pub(crate) elsewhere: Option<Elsewhere>,
    pub(crate) name: Arc<str>,
    pub(crate) upgrade_rules: UpgradeRules,
    pub(crate) authentication: AuthenticationPlan,
    pub(crate) tls: Option<TlsPlan>,
    pub(crate) caps: Caps,
    pub(crate) router: RouterConfig,
    pub(crate) session_timeout: Option<Duration>,
    pub(crate) upgrade_timeout: Duration,
    pub(crate) hello_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) snapshots: Option<SnapshotPlan>,
    /// The rules of the application, if there are some.
    pub(crate) app_config: Option<Arc<AppConfig>>,
    /// What has to be said about them.
    pub(crate) remarks: Vec<Remark>,
    pub(crate) journal: Option<JournalPlan>,
}

/// Where the state is kept over a restart.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotPlan {
    pub(crate) path: PathBuf,
    pub(crate) interval: Duration,
    pub(crate) discard_corrupt: bool,
}

/// How TLS is spoken: on every listener, or on none but QUIC.
#[derive(Debug, Clone)]
pub(crate) struct TlsPlan {
    pub(crate) server: ServerTls,
    /// The files that the certificate is read from again; nothing for one that was made for this run.
    pub(crate) files: Option<TlsFiles>,
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    /// How they were just before they were read.
    pub(crate) seen: Stamp,
}

/// A listener to be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listening {
    pub(crate) protocol: Protocol,
    pub(crate) address: SocketAddr,
    /// Nobody asked for it: if the port is taken, the server runs without.
    pub(crate) gives_way: bool,
}

impl Plan {
    /// Checks everything.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn new(config: &Config) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let host = host(config, &mut errors);
        let listeners = listeners(config, host, &mut errors);
        let tls = tls(config, &mut errors);
        let elsewhere = Elsewhere::new(config, &mut errors);
        let rules = rules::find(config, &mut errors);
        let app_config = rules.config.map(Arc::new);
        let authentication = AuthenticationPlan::new(config, app_config.clone(), &mut errors);
        let journal = JournalPlan::new(config, &mut errors);
        check_texts(config, &mut errors);
        check_zeros(config, &mut errors);
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        Ok(Self {
            listeners,
            mdns: config.mdns,
            rendezvous_ttl: config.rendezvous_ttl,
            elsewhere,
            name: config.name.as_str().into(),
            upgrade_rules: UpgradeRules {
                origins: Origins::listed(config.allowed_origins.iter().cloned()),
            },
            tls,
            authentication,
            caps: Caps {
                connections_per_ip_max: config.connections_per_ip_max,
                pending_max: config.pending_max,
                pending_per_ip_max: config.pending_per_ip_max,
                queued_max: config.queued_max,
            },
            router: router(config, app_config.as_deref()),
            session_timeout: Some(config.session_timeout).filter(|timeout| !timeout.is_zero()),
            upgrade_timeout: config.upgrade_timeout,
            hello_timeout: config.hello_timeout,
            drain_timeout: config.drain_timeout,
            snapshots: config.persist.as_ref().map(|path| SnapshotPlan {
                path: path.clone(),
                interval: config.persist_interval,
                discard_corrupt: config.persist_discard_corrupt,
            }),
            app_config,
            remarks: rules.remarks,
            journal,
        })
    }
}

impl Plan {
    /// True if WebSocket and TCP are spoken through TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.files.is_some())
    }

    /// True if something of this kind is to be bound.
    pub(crate) fn listens_for(&self, protocol: Protocol) -> bool {
        let mut listeners = self.listeners.iter();
        listeners.any(|listening| listening.protocol == protocol)
    }

    /// What would be opened, a line each.
    pub fn opens(&self) -> Vec<String> {
        let listeners = self.listeners.iter();
        let lines = listeners.map(|listening| {
            let Listening {
                protocol, address, ..
            } = listening;
            let scheme = protocol.scheme(self.has_tls());
            format!("{protocol}: {scheme}://{address}")
        });
        lines.collect()
    }
}

fn host(config: &Config, errors: &mut Vec<ConfigError>) -> IpAddr {
    resolve(&config.host).unwrap_or_else(|| {
        let host = config.host.clone();
        errors.push(ConfigError::Host { host });
        // It is not used: with an error there is no plan.
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    })
}

fn listeners(config: &Config, host: IpAddr, errors: &mut Vec<ConfigError>) -> Vec<Listening> {
    let ports = [
        (Protocol::WebSocket, config.websocket_port),
        (Protocol::Quic, config.quic_port),
        (Protocol::Tcp, config.tcp_port),
        (Protocol::Auth, config.auth_port),
        (Protocol::Health, config.health_port),
        (Protocol::Metrics, config.metrics_port),
    ];
    let wanted: Vec<(Protocol, u16)> = ports
        .into_iter()
        .filter_map(|(protocol, port)| Some((protocol, port?)))
        .collect();
    if !wanted.iter().any(|(protocol, _)| protocol.is_clasp()) {
        errors.push(ConfigError::NoProtocol);
    }
    check_features(config, errors);
    check_ports(config, errors);
    let wanted = wanted.into_iter().map(|(protocol, port)| Listening {
        protocol,
        address: SocketAddr::new(host, port),
        gives_way: false,
    });
    // Whatever gives way is bound last.
    let side = [
        side(Protocol::Rendezvous, config.rendezvous_port, host),
        broadcast(config, host, errors),
    ];
    wanted.chain(side.into_iter().flatten()).collect()
}

fn side(protocol: Protocol, port: SidePort, host: IpAddr) -> Option<Listening> {
    Some(Listening {
        protocol,
        address: SocketAddr::new(host, port.number()?),
        gives_way: !port.is_asked(),
    })
}

/// The answer to a broadcast says nothing but where to find WebSocket, and only IPv4 has broadcasts.
fn broadcast(config: &Config, host: IpAddr, errors: &mut Vec<ConfigError>) -> Option<Listening> {
    let is_of_use = host.is_ipv4() || host.is_unspecified();
    if config.websocket_port.is_some() && is_of_use {
        return side(Protocol::Broadcast, config.broadcast_port, host);
    }
    if let SidePort::Asked(port) = config.broadcast_port {
        errors.push(ConfigError::Broadcast { port });
    }
    None
}

fn tls(config: &Config, errors: &mut Vec<ConfigError>) -> Option<TlsPlan> {
    let (cert, key) = match (&config.cert, &config.key) {
        (Some(cert), Some(key)) => (cert.clone(), key.clone()),
        (None, None) if config.quic_port.is_none() => return None,
        (None, None) if config.self_signed => {
            let certificate = Certificate::self_signed(names(&config.host));
            let server = ServerTls::new(certificate);
            return Some(TlsPlan {
                server,
                files: None,
            });
        }
        (cert, key) => {
            let needs_both = config.quic_port.is_some();
            let missing = [("--cert", cert, "--key"), ("--key", key, "--cert")];
            let missing = missing.iter().filter(|(_, given, _)| given.is_none());
            errors.extend(missing.map(|&(flag, _, other)| match needs_both {
                true => ConfigError::NeededForQuic { flag },
                false => ConfigError::HalfOfTls { flag, other },
            }));
            return None;
        }
    };
    let seen = Stamp::read(&cert, &key);
    match Certificate::read(&cert, &key) {
        Ok(certificate) => Some(TlsPlan {
            server: ServerTls::new(certificate),
            files: Some(TlsFiles { cert, key, seen }),
        }),
        Err(error) => {
            errors.push(ConfigError::Tls(error));
            None
        }
    }
}

/// What a certificate that is made for the moment is for.
fn names(host: &str) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let is_name = literal.is_ascii() && !names.iter().any(|name| name == literal);
    names.extend(is_name.then(|| literal.to_owned()));
    names
}

fn check_features(config: &Config, errors: &mut Vec<ConfigError>) {
    let asked = [
        (
            "--ws-port",
            Feature::WebSocket,
            config.websocket_port.is_some(),
        ),
        (
            "--rendezvous-port",
            Feature::Rendezvous,
            config.rendezvous_port.number().is_some(),
        ),
        (
            "--rendezvous-url",
            Feature::Rendezvous,
            config.rendezvous_url.is_some(),
        ),
        (
            "--trust-anchor",
            Feature::Caps,
            !config.trust_anchors.is_empty() || !config.trust_anchor_secrets.is_empty(),
        ),
        (
            "--registry-db",
            Feature::Registry,
            config.registry_db.is_some(),
        ),
        ("--journal", Feature::Journal, config.journal.is_some()),
        ("--journal-memory", Feature::Journal, config.journal_memory),
    ];
    let missing = asked
        .into_iter()
        .filter(|(_, feature, is_asked)| *is_asked && !feature.is_compiled());
    errors.extend(missing.map(|(flag, feature, _)| ConfigError::Feature { flag, feature }));
}

/// Two listeners of one transport cannot share a port. Those that give way are found out when they bind.
fn check_ports(config: &Config, errors: &mut Vec<ConfigError>) {
    let asked = |port: SidePort| port.number().filter(|_| port.is_asked());
    let tcp = [
        ("--ws-port", config.websocket_port),
        ("--tcp-port", config.tcp_port),
        ("--rendezvous-port", asked(config.rendezvous_port)),
        ("--auth-port", config.auth_port),
        ("--health-port", config.health_port),
        ("--metrics-port", config.metrics_port),
    ];
    let udp = [
        ("--quic-port", config.quic_port),
        ("--broadcast-port", asked(config.broadcast_port)),
    ];
    for transport in [&tcp[..], &udp[..]] {
        for (index, (flag, port)) in transport.iter().enumerate() {
            let Some(port) = port.filter(|port| *port != 0) else {
                continue;
            };
            let mut before = transport[..index].iter();
            if let Some((other, _)) = before.find(|(_, other)| *other == Some(port)) {
                errors.push(ConfigError::SamePort { flag, other, port });
            }
        }
    }
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
        ("--persist-interval", config.persist_interval.is_zero()),
        ("--rendezvous-ttl", config.rendezvous_ttl.is_zero()),
        ("--rendezvous-refresh", config.rendezvous_refresh.is_zero()),
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

fn router(config: &Config, rules: Option<&AppConfig>) -> RouterConfig {
    RouterConfig {
        sessions_max: config.sessions_max,
        messages_per_second: rules::messages_per_second(config, rules),
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
        let development = Plan::new(&Config::development()).unwrap();
        assert_eq!(development.opens(), ["WebSocket: ws://0.0.0.0:7330"]);
        assert_eq!(development.router.sessions_max, 100);
        let relay = Plan::new(&Config::relay()).unwrap();
        let opens = [
            "WebSocket: ws://0.0.0.0:7330",
            "Rendezvous: http://0.0.0.0:7340",
            "Broadcast: udp://0.0.0.0:7331",
        ];
        assert_eq!(relay.opens(), opens);
        assert_eq!(relay.router.sessions_max, 1000);
        assert!(relay.mdns && !development.mdns);
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
            "--host not a host:",
            "--tcp-port 7000:",
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
            health_port: Some(0),
            ..Config::development()
        };
        assert_eq!(
            Plan::new(&silent).unwrap_err(),
            ConfigErrors(vec![ConfigError::NoProtocol])
        );
    }
}
