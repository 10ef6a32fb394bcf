//! Merge: several sources that mean the same router make one entry. Pure, but for the addresses of this machine.

use super::{Found, Sighting, Source};

/// One entry for each router, by name.
pub(super) fn merge(sightings: Vec<Sighting>) -> Vec<Found> {
    let own = if_addrs::get_if_addrs().unwrap_or_default();
    let own: Vec<String> = own
        .iter()
        .map(|interface| interface.ip().to_string())
        .collect();
    merge_with(sightings, |host| own.iter().any(|own| own == host))
}

fn merge_with(sightings: Vec<Sighting>, is_own: impl Fn(&str) -> bool) -> Vec<Found> {
    let mut routers: Vec<Found> = Vec::new();
    for sighting in sightings {
        let known = routers
            .iter_mut()
            .find(|known| is_same(known, &sighting, &is_own));
        match known {
            Some(known) => add(known, sighting),
            None => routers.extend(first(sighting)),
        }
    }
    routers.sort_by(|a, b| (&a.name, &a.url).cmp(&(&b.name, &b.url)));
    routers
}

fn first(sighting: Sighting) -> Option<Found> {
    let mut urls = sighting.urls.into_iter();
    Some(Found {
        name: sighting.name,
        url: urls.next()?,
        others: urls.collect(),
        sources: vec![sighting.source],
    })
}

fn add(known: &mut Found, sighting: Sighting) {
    if !known.sources.contains(&sighting.source) {
        known.sources.push(sighting.source);
        known.sources.sort();
    }
    // The port of a broadcast is a guess, and the others know better.
    let is_guess = sighting.source == Source::Broadcast && known.sources != [Source::Broadcast];
    for url in sighting.urls {
        if !is_guess && url != known.url && !known.others.contains(&url) {
            known.others.push(url);
        }
    }
}

/// The same host and port are the same router; for a guessed port, the same host and name.
fn is_same(known: &Found, sighting: &Sighting, is_own: &impl Fn(&str) -> bool) -> bool {
    let place = |url: &str| {
        let (host, port) = place(url);
        let host = if is_own(&host) {
            "localhost".to_owned()
        } else {
            host
        };
        (host, port)
    };
    let known_places = || {
        std::iter::once(&known.url)
            .chain(&known.others)
            .map(|url| place(url))
    };
    let is_guess = sighting.source == Source::Broadcast;
    sighting
        .urls
        .iter()
        .map(|url| place(url))
        .any(|(host, port)| {
            known_places().any(|(known_host, known_port)| {
                let is_alike = port == known_port || (is_guess && sighting.name == known.name);
                host == known_host && is_alike
            })
        })
}

/// Host and port as they are written, without the brackets of IPv6.
fn place(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let has_port = authority.rfind(':') > authority.rfind(']');
    let (host, port) = match authority.rsplit_once(':') {
        Some(parts) if has_port => parts,
        _ => (authority, scheme),
    };
    (
        host.trim_matches(['[', ']']).to_ascii_lowercase(),
        port.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Source::{Broadcast, Mdns, Rendezvous};

    fn seen(source: Source, name: &str, urls: &[&str]) -> Sighting {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        Sighting::new(source, name, urls).unwrap()
    }

    /// What is left of these, where 127.0.0.1 and 10.0.0.1 are this machine.
    fn check(sightings: &[Sighting], expected: &[(&str, &str, &[&str], &[Source])]) {
        let is_own = |host: &str| ["127.0.0.1", "10.0.0.1"].contains(&host);
        let routers = merge_with(sightings.to_vec(), is_own);
        let expected: Vec<Found> = expected
            .iter()
            .map(|(name, url, others, sources)| Found {
                name: (*name).to_owned(),
                url: (*url).to_owned(),
                others: others.iter().map(|url| (*url).to_owned()).collect(),
                sources: sources.to_vec(),
            })
            .collect();
        assert_eq!(routers, expected);
    }

    #[test]
    fn one_router_is_listed_once_however_it_was_found() {
        let mdns = seen(
            Mdns,
            "A",
            &["ws://10.0.0.2:7330/clasp", "ws://[2001:db8::1]:7330/clasp"],
        );
        let rendezvous = seen(Rendezvous, "a", &["ws://[2001:db8::1]:7330", "quic://a:1"]);
        let broadcast = seen(Broadcast, "A", &["ws://10.0.0.2:7330/clasp"]);
        let others = [
            "ws://[2001:db8::1]:7330/clasp",
            "ws://[2001:db8::1]:7330",
            "quic://a:1",
        ];
        check(
            &[mdns, rendezvous, broadcast],
            &[(
                "A",
                "ws://10.0.0.2:7330/clasp",
                &others,
                &[Mdns, Broadcast, Rendezvous],
            )],
        );
    }

    #[test]
    fn a_guessed_port_gives_way_to_a_known_one() {
        let mdns = seen(Mdns, "A", &["ws://10.0.0.2:8000/clasp"]);
        let same = seen(Broadcast, "A", &["ws://10.0.0.2:7330/clasp"]);
        let other = seen(Broadcast, "B", &["ws://10.0.0.2:7330/clasp"]);
        check(
            &[mdns, same, other],
            &[
                ("A", "ws://10.0.0.2:8000/clasp", &[], &[Mdns, Broadcast]),
                ("B", "ws://10.0.0.2:7330/clasp", &[], &[Broadcast]),
            ],
        );
    }

    #[test]
    fn this_machine_has_many_addresses() {
        let one = seen(Broadcast, "A", &["ws://127.0.0.1:7330/clasp"]);
        let other = seen(Broadcast, "A", &["ws://10.0.0.1:7330/clasp"]);
        let others = ["ws://10.0.0.1:7330/clasp"];
        check(
            &[one, other],
            &[("A", "ws://127.0.0.1:7330/clasp", &others, &[Broadcast])],
        );
    }

    #[test]
    fn different_routers_stay_apart() {
        let sightings = [
            seen(Rendezvous, "B", &["ws://host"]),
            seen(Rendezvous, "B", &["wss://host"]),
            seen(Rendezvous, "A", &["ws://host:1"]),
            seen(Mdns, "A", &["ws://10.0.0.3:1"]),
        ];
        check(
            &sightings,
            &[
                ("A", "ws://10.0.0.3:1", &[], &[Mdns]),
                ("A", "ws://host:1", &[], &[Rendezvous]),
                ("B", "ws://host", &[], &[Rendezvous]),
                ("B", "wss://host", &[], &[Rendezvous]),
            ],
        );
    }
}
