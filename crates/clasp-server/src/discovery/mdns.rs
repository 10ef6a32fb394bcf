//! mDNS: announces the server on the local network, and takes that back when it stops.

use std::net::IpAddr;
use std::sync::Arc;

use clasp_proto::Features;
use mdns_sd::{DaemonEvent, Error, IfKind, ServiceDaemon, ServiceInfo};
use tokio::time::timeout;

use crate::limits::{GOODBYE_TIMEOUT, MDNS_LABEL_BYTES_MAX, MDNS_TEXT_BYTES_MAX};
use crate::shared::Shared;

/// What is announced.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) name: Arc<str>,
    /// The address that the server listens on; an unspecified one is all of this machine.
    pub(crate) host: IpAddr,
    /// The port for WebSocket.
    pub(crate) port: u16,
    /// It is spoken through TLS.
    pub(crate) has_tls: bool,
}

/// Announces until the shutdown begins. Without mDNS the server is found in other ways, so that no failure ends it.
pub(crate) async fn run(announcement: Announcement, shared: Arc<Shared>) {
    let daemon = match ServiceDaemon::new() {
        Ok(daemon) => daemon,
        Err(error) => return go_without(&error, &shared).await,
    };
    let fullname = match announce(&daemon, &announcement) {
        Ok(fullname) => fullname,
        Err(error) => return go_without(&error, &shared).await,
    };
    tracing::info!("mDNS: announced as {fullname}");
    tokio::select! {
        () = tell_events(&daemon) => {}
        () = shared.shutdown.begun() => {}
    }
    shared.shutdown.begun().await;
    say_goodbye(&daemon, &fullname).await;
}

async fn go_without(error: &Error, shared: &Shared) {
    tracing::warn!(%error, "cannot announce the server with mDNS; it runs without; --no-mdns switches it off");
    shared.shutdown.begun().await;
}

/// Registers the service on the interfaces that the server listens on.
fn announce(daemon: &ServiceDaemon, announcement: &Announcement) -> Result<String, Error> {
    // Commands are carried out in this order, so that nothing is sent where nothing is served.
    let host = announcement.host;
    match host {
        IpAddr::V4(ip) if ip.is_unspecified() => daemon.disable_interface(IfKind::IPv6)?,
        IpAddr::V6(ip) if ip.is_unspecified() => {}
        _ => {
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(interface(host))?;
        }
    }
    let service = service(announcement, &hostname())?;
    let fullname = service.get_fullname().to_owned();
    daemon.register(service)?;
    Ok(fullname)
}

/// An address of the loopback interface is not sent beyond this machine.
fn interface(host: IpAddr) -> IfKind {
    match host {
        IpAddr::V4(ip) if ip.is_loopback() => IfKind::LoopbackV4,
        IpAddr::V6(ip) if ip.is_loopback() => IfKind::LoopbackV6,
        ip => IfKind::Addr(ip),
    }
}

fn service(announcement: &Announcement, hostname: &str) -> Result<ServiceInfo, Error> {
    let Announcement {
        name,
        host,
        port,
        has_tls,
    } = announcement;
    let (port_text, features) = (port.to_string(), letters(Features::SIGNALS));
    let mut properties = vec![
        ("version", PROTOCOL_GENERATION),
        ("name", beginning(name, MDNS_TEXT_BYTES_MAX)),
        ("features", &features),
        ("ws", &port_text),
    ];
    if *has_tls {
        // Published clients do not know it; they would fail in any case.
        properties.push(("tls", "1"));
    }
    let host_name = format!("{hostname}.local.");
    let instance = beginning(name, MDNS_LABEL_BYTES_MAX);
    if host.is_unspecified() {
        let service = ServiceInfo::new(SERVICE, instance, &host_name, "", *port, &properties[..])?;
        Ok(service.enable_addr_auto())
    } else {
        ServiceInfo::new(SERVICE, instance, &host_name, *host, *port, &properties[..])
    }
}

/// Says what the network makes of the announcement, as long as the library has something to say.
async fn tell_events(daemon: &ServiceDaemon) {
    let Ok(events) = daemon.monitor() else { return };
    while let Ok(event) = events.recv_async().await {
        match event {
            DaemonEvent::NameChange(change) => {
                tracing::info!(
                    "mDNS: {} is taken, now {}",
                    change.original,
                    change.new_name
                );
            }
            DaemonEvent::Error(error) => tracing::warn!(%error, "mDNS does not work as it should"),
            event => tracing::trace!(?event, "mDNS"),
        }
    }
}

/// Takes the announcement back, so that nobody waits for its records to expire.
async fn say_goodbye(daemon: &ServiceDaemon, fullname: &str) {
    let goodbye = async {
        if let Ok(done) = daemon.unregister(fullname) {
            done.recv_async().await.ok();
        }
        if let Ok(done) = daemon.shutdown() {
            done.recv_async().await.ok();
        }
    };
    if timeout(GOODBYE_TIMEOUT, goodbye).await.is_err() {
        tracing::debug!("mDNS did not take the announcement back in time");
    }
}

/// The name of this machine as a label of DNS.
fn hostname() -> String {
    let name = gethostname::gethostname();
    let name = name.to_string_lossy();
    let first = name.split('.').next().unwrap_or_default();
    let label: String = first
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .take(MDNS_LABEL_BYTES_MAX)
        .collect();
    if label.is_empty() {
        "clasp".to_owned()
    } else {
        label
    }
}

fn letters(features: Features) -> String {
    let named = FEATURE_LETTERS.iter();
    let named = named.filter(|(feature, _)| features.contains(*feature));
    named.map(|(_, letter)| letter).collect()
}

fn beginning(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

const SERVICE: &str = "_clasp._tcp.local.";

/// What published clients expect under `version`.
const PROTOCOL_GENERATION: &str = "2";

const FEATURE_LETTERS: [(Features, char); 5] = [
    (Features::PARAM, 'p'),
    (Features::STREAM, 's'),
    (Features::EVENT, 'e'),
    (Features::TIMELINE, 't'),
    (Features::GESTURE, 'g'),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(name: &str, host: &str) -> Announcement {
        Announcement {
            name: name.into(),
            host: host.parse().unwrap(),
            port: 7331,
            has_tls: false,
        }
    }

    #[test]
    fn the_record_is_the_documented_one() {
        let service = service(&announcement("Stage 1.5", "127.0.0.1"), "booth").unwrap();
        assert_eq!(service.get_type(), "_clasp._tcp.local.");
        assert_eq!(service.get_fullname(), "Stage 1\\.5._clasp._tcp.local.");
        assert_eq!(service.get_hostname(), "booth.local.");
        assert_eq!(service.get_port(), 7331);
        for (key, value) in [
            ("version", "2"),
            ("name", "Stage 1.5"),
            ("features", "psetg"),
            ("ws", "7331"),
        ] {
            assert_eq!(service.get_property_val_str(key), Some(value), "{key}");
        }
        assert!(!service.is_addr_auto());
        assert_eq!(service.get_addresses().len(), 1);
    }

    #[test]
    fn tls_is_told() {
        let tls = |has_tls| {
            let announcement = Announcement {
                has_tls,
                ..announcement("Stage", "127.0.0.1")
            };
            let service = service(&announcement, "booth").unwrap();
            service.get_property_val_str("tls").map(str::to_owned)
        };
        assert_eq!((tls(true).as_deref(), tls(false)), (Some("1"), None));
    }

    #[test]
    fn all_addresses_are_announced_if_the_server_has_all() {
        for host in ["0.0.0.0", "::"] {
            let service = service(&announcement("Stage", host), "booth").unwrap();
            assert!(service.is_addr_auto() && service.get_addresses().is_empty());
        }
    }

    #[test]
    fn long_names_are_cut_to_what_dns_holds() {
        let name = "\u{e4}".repeat(127) + "x";
        let service = service(&announcement(&name, "127.0.0.1"), "booth").unwrap();
        let instance = service.get_fullname().split_once('.').unwrap().0.len();
        let text = service.get_property_val_str("name").unwrap().len();
        assert_eq!((instance, text), (62, 250));
    }

    #[test]
    fn the_machine_has_a_name_for_dns() {
        let name = hostname();
        assert!(!name.is_empty() && name.len() <= MDNS_LABEL_BYTES_MAX && !name.contains('.'));
    }
}
