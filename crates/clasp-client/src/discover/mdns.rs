//! mDNS: the routers that announce themselves on the local network.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use mdns_sd::{IfKind, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Search, SearchError, Sighting, Source};
use crate::limits::{SEARCH_END, SIGHTINGS_MAX};

/// The routers that are announced when the time is over.
pub(super) async fn find(search: &Search) -> Result<Vec<Sighting>, SearchError> {
    if !search.uses_mdns {
        return Ok(Vec::new());
    }
    let deadline = Instant::now() + search.within;
    let daemon = ServiceDaemon::new()?;
    let found = match browse(&daemon, search.is_local) {
        Ok(events) => Ok(gather(&events, deadline).await),
        Err(error) => Err(error),
    };
    if let Ok(ended) = daemon.shutdown() {
        // It ends in any case; this only spares its thread an end by force.
        timeout(SEARCH_END, ended.recv_async()).await.ok();
    }
    Ok(found?)
}

fn browse(
    daemon: &ServiceDaemon,
    is_local: bool,
) -> Result<Receiver<ServiceEvent>, mdns_sd::Error> {
    if is_local {
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    }
    daemon.browse(SERVICE)
}

async fn gather(events: &Receiver<ServiceEvent>, deadline: Instant) -> Vec<Sighting> {
    let mut found = BTreeMap::new();
    while let Ok(Ok(event)) = timeout_at(deadline, events.recv_async()).await {
        match event {
            // It comes again whenever more is known.
            ServiceEvent::ServiceResolved(service) if found.len() < SIGHTINGS_MAX => {
                found.insert(service.fullname.clone(), sighting(&service));
            }
            ServiceEvent::ServiceRemoved(_, fullname) => {
                found.remove(&fullname);
            }
            _ => {}
        }
    }
    found.into_values().flatten().collect()
}

fn sighting(service: &ResolvedService) -> Option<Sighting> {
    let text = |key| service.get_property_val_str(key);
    let port = text("ws").and_then(|port| port.parse().ok());
    let port = port.unwrap_or(service.port);
    let scheme = if text("tls") == Some("1") {
        "wss"
    } else {
        "ws"
    };
    let mut addresses: Vec<IpAddr> = service.addresses.iter().map(|ip| ip.to_ip_addr()).collect();
    addresses.retain(|ip| !is_of_one_link(ip));
    addresses.sort_by_key(|ip| (ip.is_ipv6(), ip.is_loopback(), *ip));
    let urls = addresses
        .into_iter()
        .map(|ip| format!("{scheme}://{}/clasp", SocketAddr::new(ip, port)));
    let instance = service.fullname.strip_suffix(SERVICE).unwrap_or_default();
    let instance = instance.trim_end_matches('.');
    let name = text("name").unwrap_or(instance);
    Sighting::new(Source::Mdns, name, urls.collect())
}

/// A url cannot say which link it is.
fn is_of_one_link(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

const SERVICE: &str = "_clasp._tcp.local.";

#[cfg(test)]
mod tests {
    use mdns_sd::ServiceInfo;

    use super::*;

    fn resolved(addresses: &str, texts: &[(&str, &str)]) -> ResolvedService {
        let service = ServiceInfo::new(SERVICE, "Stage", "booth.local.", addresses, 80, texts);
        service.unwrap().as_resolved_service()
    }

    #[test]
    fn addresses_and_texts_become_urls() {
        let check = |addresses: &str, texts: &[(&str, &str)], name: &str, urls: &[&str]| {
            let found = sighting(&resolved(addresses, texts)).unwrap();
            assert_eq!(found.name, name);
            assert_eq!(found.urls, urls);
        };
        check("10.0.0.1", &[], "Stage", &["ws://10.0.0.1:80/clasp"]);
        let texts = [("name", "A.B\x1b[2J"), ("ws", "7330"), ("tls", "0")];
        check("10.0.0.1", &texts, "A.B[2J", &["ws://10.0.0.1:7330/clasp"]);
        let texts = [("ws", "no port"), ("tls", "1")];
        check("10.0.0.1", &texts, "Stage", &["wss://10.0.0.1:80/clasp"]);
        let addresses = "fe80::1,::1,2001:db8::1,127.0.0.1,10.0.0.1";
        let urls = [
            "ws://10.0.0.1:80/clasp",
            "ws://127.0.0.1:80/clasp",
            "ws://[2001:db8::1]:80/clasp",
            "ws://[::1]:80/clasp",
        ];
        check(addresses, &[], "Stage", &urls);
        assert_eq!(sighting(&resolved("fe80::1", &[])), None);
    }
}
