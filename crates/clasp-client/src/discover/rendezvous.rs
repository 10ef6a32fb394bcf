//! Rendezvous: the routers that have registered at a server.

use std::collections::BTreeMap;

use clasp_transport::DialOptions;
use clasp_transport::http::{Request, StatusCode, request};
use serde::Deserialize;

use super::{Search, SearchError, Sighting, Source};
use crate::limits::SIGHTINGS_MAX;

/// The routers that the server lists.
pub(super) async fn find(search: &Search) -> Result<Vec<Sighting>, SearchError> {
    let Some(base) = &search.rendezvous else {
        return Ok(Vec::new());
    };
    let url = list_url(base, search.tag.as_deref());
    let options = DialOptions {
        timeout: search.within,
        trust: search.trust.clone(),
    };
    let asked = Request {
        url: &url,
        ..Request::default()
    };
    let answer = request(asked, &options).await;
    let answer = answer.map_err(|source| SearchError::Rendezvous {
        url: base.clone(),
        source,
    })?;
    let devices = match answer.status {
        StatusCode::OK => serde_json::from_slice::<Vec<Device>>(&answer.body).ok(),
        _ => None,
    };
    let devices = devices.ok_or(SearchError::NoList {
        url,
        status: answer.status,
    })?;
    Ok(devices.into_iter().filter_map(Device::sighting).collect())
}

/// The base may be given with the path of the interface or without.
fn list_url(base: &str, tag: Option<&str>) -> String {
    let base = base.trim_end_matches('/');
    let base = base.strip_suffix("/api/v1").unwrap_or(base);
    let tag = tag.map_or_else(String::new, |tag| format!("&tag={}", escaped(tag)));
    format!("{base}/api/v1/discover?limit={SIGHTINGS_MAX}{tag}")
}

/// All but the characters that never mean anything in a url (RFC 3986, 2.3).
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// As much as is used of a list's entry.
#[derive(Debug, Deserialize)]
struct Device {
    name: String,
    url: Option<String>,
    #[serde(default)]
    endpoints: BTreeMap<String, String>,
}

impl Device {
    fn sighting(self) -> Option<Sighting> {
        let mut urls: Vec<String> = self
            .url
            .into_iter()
            .chain(self.endpoints.into_values())
            .collect();
        urls.retain(|url| SCHEMES.iter().any(|scheme| url.starts_with(scheme)));
        if let Some((first, others)) = urls.split_first() {
            let others = others.iter().filter(|url| *url != first);
            urls = std::iter::once(first).chain(others).cloned().collect();
        }
        Sighting::new(Source::Rendezvous, &self.name, urls)
    }
}

/// What this library can connect to.
const SCHEMES: [&str; 5] = ["ws://", "wss://", "tcp://", "tcps://", "quic://"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_asked_for() {
        let expected = "http://host:7340/api/v1/discover?limit=1000";
        for base in [
            "http://host:7340",
            "http://host:7340/",
            "http://host:7340/api/v1/",
        ] {
            assert_eq!(list_url(base, None), expected);
        }
        let tagged = list_url("http://host:7340", Some("A&b c/\u{e4}"));
        assert_eq!(tagged, format!("{expected}&tag=A%26b%20c%2F%C3%A4"));
    }

    #[test]
    fn devices_with_a_usable_url_are_found() {
        let json = r#"[
            {"name":"A","url":"ws://a:1","endpoints":{"ws":"ws://a:1","quic":"quic://a:2","osc":"osc://a:3"}},
            {"name":"B","endpoints":{"tcp":"tcp://b"},"tags":["x"]},
            {"name":"C","endpoints":{"http":"http://c"}},
            {"name":"D","url":"javascript:alert(1)"}
        ]"#;
        let devices: Vec<Device> = serde_json::from_str(json).unwrap();
        let found: Vec<Sighting> = devices.into_iter().filter_map(Device::sighting).collect();
        let urls: Vec<&[String]> = found.iter().map(|sighting| &sighting.urls[..]).collect();
        assert_eq!(urls, [&["ws://a:1", "quic://a:2"][..], &["tcp://b"]]);
    }
}
