//! Proxies whose word on who asks is taken, and what they say.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;

use crate::config_error::ConfigError;

/// Networks of proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxies(Vec<Network>);

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Proxies {
    /// Addresses and networks. What is neither is added to the errors.
    pub(super) fn parse(listed: &[String], errors: &mut Vec<ConfigError>) -> Self {
        let mut networks = Vec::new();
        for given in listed.iter().map(|given| given.trim()) {
            match Network::parse(given) {
                Some(network) => networks.push(network),
                None => errors.push(ConfigError::TrustedProxy {
                    given: given.to_owned(),
                }),
            }
        }
        Self(networks)
    }

    /// Who asks: the peer, or whoever the last proxy that is trusted says it was. A client can put anything to the left
    /// of what the proxies add, so that the list is read from its end.
    pub(crate) fn asker(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut asker = peer.to_canonical();
        if !self.trust(asker) {
            return asker;
        }
        for hop in hops(headers).into_iter().rev() {
            // Somebody who hides has no address, and shares the one of the proxy.
            let Some(address) = hop else { break };
            asker = address;
            if !self.trust(asker) {
                break;
            }
        }
        asker
    }

    /// Whether a proxy that is trusted says that the client spoke TLS with it.
    #[allow(dead_code, reason = "only entities send secrets that are not tokens")]
    pub(crate) fn say_tls(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let scheme = headers.get("x-forwarded-proto");
        self.trust(peer.to_canonical()) && scheme.is_some_and(|scheme| scheme == "https")
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn parse(given: &str) -> Option<Self> {
        let (address, bits) = match given.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (given, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(bits_max), |bits| bits.parse().ok())?;
        (bits <= bits_max).then_some(Self { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        differing >= self.bits
    }
}

/// Who came through which proxy, the last one at the end; nothing for what is no address. X-Forwarded-For counts if
/// both headers are there: a proxy that writes Forwarded has to remove the other one.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let listed = |name: &str| {
        let lines = headers.get_all(name).iter();
        let texts = lines.map(|line| line.to_str().unwrap_or_default());
        let texts = texts.flat_map(|line| line.split(','));
        texts.map(str::trim).map(str::to_owned).collect::<Vec<_>>()
    };
    if headers.contains_key(FORWARDED_FOR) {
        return listed(FORWARDED_FOR)
            .iter()
            .map(|hop| address(hop))
            .collect();
    }
    let elements = listed(FORWARDED.as_str());
    elements.iter().map(|hop| forwarded(hop)).collect()
}

/// The `for` of an element (RFC 7239).
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

/// An address, perhaps in brackets, perhaps with a port behind it.
fn address(text: &str) -> Option<IpAddr> {
    let found = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?.parse(),
        None => text.parse().or_else(|error| {
            let port = text
                .rsplit_once(':')
                .filter(|(_, port)| port.parse::<u16>().is_ok());
            port.map_or(Err(error), |(address, _)| address.parse())
        }),
    };
    found.ok().map(|address: IpAddr| address.to_canonical())
}

const FORWARDED_FOR: &str = "x-forwarded-for";

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(listed: &[&str]) -> Proxies {
        let listed: Vec<String> = listed.iter().map(|it| (*it).to_owned()).collect();
        let mut errors = Vec::new();
        let proxies = Proxies::parse(&listed, &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        proxies
    }

    #[test]
    fn networks_hold_what_begins_with_their_bits() {
        for (network, address, expected) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fdff::1", true),
            ("::1", "::1", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
        for given in [
            "",
            "proxy",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0/8",
        ] {
            assert_eq!(Network::parse(given), None, "{given}");
        }
    }

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let trusted = proxies(&["10.0.0.0/8", "::1"]);
        for (peer, forwarded_for, expected) in [
            ("1.1.1.1", "2.2.2.2", "1.1.1.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "2.2.2.2", "2.2.2.2"),
            ("::ffff:10.0.0.1", "2.2.2.2", "2.2.2.2"),
            ("10.0.0.1", "6.6.6.6, 2.2.2.2", "2.2.2.2"),
            ("10.0.0.1", "6.6.6.6, 2.2.2.2, 10.0.0.9", "2.2.2.2"),
            ("10.0.0.1", "2.2.2.2, unknown, 10.0.0.9", "10.0.0.9"),
            ("10.0.0.1", "10.0.0.7", "10.0.0.7"),
            ("10.0.0.1", "2.2.2.2:443", "2.2.2.2"),
            ("::1", "[2001:db8::1]:443", "2001:db8::1"),
            ("::1", "2001:db8::1", "2001:db8::1"),
        ] {
            let mut headers = HeaderMap::new();
            if !forwarded_for.is_empty() {
                headers.insert(FORWARDED_FOR, forwarded_for.parse().unwrap());
            }
            let asker = trusted.asker(peer.parse().unwrap(), &headers);
            assert_eq!(asker.to_string(), expected, "{peer} {forwarded_for}");
        }
    }

    #[test]
    fn forwarded_is_read_unless_the_other_header_is_there() {
        let trusted = proxies(&["10.0.0.1"]);
        let asker = |headers: &HeaderMap| {
            let asker = trusted.asker("10.0.0.1".parse().unwrap(), headers);
            asker.to_string()
        };
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED, "for=6.6.6.6".parse().unwrap());
        let last = "for=\"[2001:db8::1]:80\";proto=https;by=10.0.0.1";
        headers.append(FORWARDED, last.parse().unwrap());
        assert_eq!(asker(&headers), "2001:db8::1");
        headers.append(FORWARDED, "for=_hidden".parse().unwrap());
        assert_eq!(asker(&headers), "10.0.0.1");
        headers.append(FORWARDED_FOR, "6.6.6.6".parse().unwrap());
        headers.append(FORWARDED_FOR, "3.3.3.3".parse().unwrap());
        assert_eq!(asker(&headers), "3.3.3.3", "lines go on from each other");
    }

    #[test]
    fn tls_is_believed_from_proxies_only() {
        let trusted = proxies(&["10.0.0.1"]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let says = |peer: &str| trusted.say_tls(peer.parse().unwrap(), &headers);
        assert!(says("10.0.0.1") && !says("10.0.0.2"));
    }
}
