//! Device: what somebody registers, and what others are shown of it. Pure.

use std::collections::BTreeMap;

use clasp_router::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::limits::{
    DEVICE_BYTES_MAX, ENTRIES_MAX, NAME_BYTES_MAX, TEXT_BYTES_MAX, WORD_BYTES_MAX,
};

/// What a device says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registration {
    /// A name for people.
    pub(crate) name: String,
    pub(crate) public_key: Option<String>,
    #[serde(default)]
    pub(crate) features: Option<Vec<String>>,
    /// By kind, for example `ws`.
    pub(crate) endpoints: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) metadata: Option<BTreeMap<String, String>>,
}

/// A registered device as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// Where to connect: one of the endpoints, for clients that read no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_key: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) endpoints: BTreeMap<String, String>,
    pub(crate) tags: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Microseconds since the Unix epoch, likewise the next one.
    pub(crate) registered_at: u64,
    pub(crate) last_seen: u64,
}

/// Why a registration is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RegistrationError {
    #[error("{member}: expected 1 to {max} bytes, found {bytes}")]
    Length {
        member: &'static str,
        max: usize,
        bytes: usize,
    },
    #[error("{member}: expected text without control characters")]
    Control { member: &'static str },
    #[error("{member}: expected at most {ENTRIES_MAX} entries, found {count}")]
    Entries { member: &'static str, count: usize },
    #[error("expected at most {DEVICE_BYTES_MAX} bytes in all members together, found {bytes}")]
    Total { bytes: usize },
    #[error("endpoints: expected at least one, for example {{\"ws\":\"ws://host:7330\"}}")]
    NoEndpoint,
    #[error("endpoints.{kind}: expected a url that begins with ws:// or wss://")]
    Scheme { kind: &'static str },
}

impl Registration {
    /// Checks what is kept for a stranger, and shown to others.
    ///
    /// # Errors
    /// The first member that is not acceptable.
    pub(crate) fn check(&self) -> Result<(), RegistrationError> {
        check_text("name", &self.name, NAME_BYTES_MAX)?;
        if let Some(key) = &self.public_key {
            check_text("publicKey", key, TEXT_BYTES_MAX)?;
        }
        check_words("features", self.features.as_deref().unwrap_or_default())?;
        check_words("tags", self.tags.as_deref().unwrap_or_default())?;
        if let Some(metadata) = &self.metadata {
            check_map("metadata", metadata)?;
        }
        check_map("endpoints", &self.endpoints)?;
        if self.endpoints.is_empty() {
            return Err(RegistrationError::NoEndpoint);
        }
        let bytes = self.texts().map(|text| text.len()).sum();
        if bytes > DEVICE_BYTES_MAX {
            return Err(RegistrationError::Total { bytes });
        }
        // These two become the url that others connect to.
        for kind in WEBSOCKET_KINDS {
            let url = self.endpoints.get(kind);
            if url.is_some_and(|url| !url.starts_with("ws://") && !url.starts_with("wss://")) {
                return Err(RegistrationError::Scheme { kind });
            }
        }
        Ok(())
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let words = self.features.iter().chain(&self.tags).flatten();
        let maps = self.metadata.iter().chain([&self.endpoints]).flatten();
        let single = [&self.name].into_iter().chain(&self.public_key);
        single
            .chain(words)
            .chain(maps.flat_map(|(key, text)| [key, text]))
    }

    /// The entry that others see.
    pub(crate) fn into_device(self, id: Uuid, now: Timestamp) -> Device {
        let url = WEBSOCKET_KINDS
            .iter()
            .find_map(|kind| self.endpoints.get(*kind));
        Device {
            id,
            url: url.cloned(),
            name: self.name,
            public_key: self.public_key,
            features: self.features.unwrap_or_default(),
            endpoints: self.endpoints,
            tags: self.tags.unwrap_or_default(),
            metadata: self.metadata.unwrap_or_default(),
            registered_at: now.0,
            last_seen: now.0,
        }
    }
}

fn check_words(member: &'static str, words: &[String]) -> Result<(), RegistrationError> {
    check_count(member, words.len())?;
    words
        .iter()
        .try_for_each(|word| check_text(member, word, WORD_BYTES_MAX))
}

fn check_map(
    member: &'static str,
    map: &BTreeMap<String, String>,
) -> Result<(), RegistrationError> {
    check_count(member, map.len())?;
    map.iter().try_for_each(|(key, text)| {
        check_text(member, key, WORD_BYTES_MAX)?;
        check_text(member, text, TEXT_BYTES_MAX)
    })
}

fn check_count(member: &'static str, count: usize) -> Result<(), RegistrationError> {
    if count > ENTRIES_MAX {
        return Err(RegistrationError::Entries { member, count });
    }
    Ok(())
}

fn check_text(member: &'static str, text: &str, max: usize) -> Result<(), RegistrationError> {
    let bytes = text.len();
    if bytes == 0 || bytes > max {
        return Err(RegistrationError::Length { member, max, bytes });
    }
    // Whoever lists devices on a terminal must not be told what to do by one of them.
    if text.chars().any(char::is_control) {
        return Err(RegistrationError::Control { member });
    }
    Ok(())
}

/// The endpoints that a client of any kind can use, the better known one first.
const WEBSOCKET_KINDS: [&str; 2] = ["ws", "wss"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Registration {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_older_clients_send_is_taken() {
        let full = read(
            r#"{"name":"Stage","publicKey":"k","features":["param"],"endpoints":{"ws":"wss://a:1"},
               "tags":["live"],"metadata":{"room":"1"},"something":[1]}"#,
        );
        assert_eq!(full.check(), Ok(()));
        let device = full.into_device(Uuid::nil(), Timestamp(7));
        assert_eq!(device.url.as_deref(), Some("wss://a:1"));
        assert_eq!((device.registered_at, device.last_seen), (7, 7));
        for small in [
            r#"{"name":"Stage","endpoints":{"udp":"10.0.0.1:7331"}}"#,
            r#"{"name":"Stage","endpoints":{"udp":"a"},"features":null,"tags":null,"metadata":null,"publicKey":null}"#,
        ] {
            let small = read(small);
            assert_eq!(small.check(), Ok(()));
            assert_eq!(small.into_device(Uuid::nil(), Timestamp(0)).url, None);
        }
    }

    // T-SEC-11
    #[test]
    fn noise_is_refused_or_within_the_bounds() {
        let good =
            br#"{"name":"Stage","endpoints":{"ws":"ws://a"},"tags":["live"],"metadata":{"a":"b"}}"#;
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize
        };
        let mut accepted = 0;
        for round in 0..200_000 {
            let mut body = good.to_vec();
            if round % 2 == 0 {
                body.fill_with(|| random() as u8);
            } else {
                let at = random() % body.len();
                body[at] = random() as u8;
            }
            let Ok(registration) = serde_json::from_slice::<Registration>(&body) else {
                continue;
            };
            if registration.check().is_ok() {
                accepted += 1;
                assert!(
                    registration
                        .texts()
                        .all(|text| !text.chars().any(char::is_control))
                );
            }
        }
        assert!(accepted > 1000, "a changed letter of a name is a name");
    }

    #[test]
    fn everything_that_is_kept_is_bounded() {
        let long = |bytes: usize| "x".repeat(bytes);
        let words = |count: usize| (0..count).map(|word| word.to_string()).collect::<Vec<_>>();
        let map = |count: usize| words(count).into_iter().map(|key| (key, long(1))).collect();
        let good = || read(r#"{"name":"Stage","endpoints":{"ws":"ws://a"}}"#);
        let check = |change: &dyn Fn(&mut Registration), text: &str| {
            let mut registration = good();
            change(&mut registration);
            let error = registration.check().unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        };
        check(
            &|it| it.name = long(0),
            "name: expected 1 to 255 bytes, found 0",
        );
        check(&|it| it.name = long(256), "name: expected 1 to 255");
        check(
            &|it| it.name = "a\u{1b}[2J".into(),
            "name: expected text without",
        );
        check(
            &|it| it.public_key = Some(long(513)),
            "publicKey: expected 1 to 512",
        );
        check(
            &|it| it.features = Some(vec![long(65)]),
            "features: expected 1 to 64",
        );
        check(
            &|it| it.features = Some(words(17)),
            "features: expected at most 16",
        );
        check(&|it| it.tags = Some(words(17)), "tags: expected at most 16");
        check(
            &|it| it.tags = Some(vec![long(0)]),
            "tags: expected 1 to 64",
        );
        check(
            &|it| it.metadata = Some(map(17)),
            "metadata: expected at most 16",
        );
        check(
            &|it| it.endpoints = map(17),
            "endpoints: expected at most 16",
        );
        check(
            &|it| it.endpoints = map(0),
            "endpoints: expected at least one",
        );
        let large = |it: &mut Registration| {
            it.metadata = Some((0..8).map(|key| (key.to_string(), long(512))).collect());
        };
        check(&large, "expected at most 4096 bytes in all members");
        for url in ["javascript:alert(1)", "http://a"] {
            let change = |it: &mut Registration| {
                it.endpoints.insert("wss".into(), url.into());
            };
            check(&change, "endpoints.wss: expected a url");
        }
        let mut largest = good();
        largest.name = long(255);
        largest.features = Some(words(16));
        largest.metadata = Some(map(16));
        assert_eq!(largest.check(), Ok(()));
    }
}
