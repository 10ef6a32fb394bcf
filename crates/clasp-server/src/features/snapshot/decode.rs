//! The text of a snapshot file as an export: ours, or that of CLASP 4.5.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Encoded, encode_value, text};
use clasp_router::{Export, ExportedParam, Stored, Timestamp};
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::error::Damage;
use super::format::{HEAD, Lifetime, SEAL_BYTES, VERSION, seal};

/// A file that was read.
#[derive(Debug)]
pub(crate) enum Decoded {
    Export(Export),
    /// Whole, and of a format to come.
    Newer(u64),
}

/// Reads a whole file. What CLASP 4.5 does not say is taken to be so since `now`.
pub(crate) fn decode(bytes: &[u8], now: Timestamp) -> Result<Decoded, Damage> {
    if bytes.is_empty() {
        return Err(Damage::Empty);
    }
    let Some(rest) = bytes.strip_prefix(HEAD.as_bytes()) else {
        let old: Old = serde_json::from_slice(bytes)?;
        return Ok(Decoded::Export(old.into_export(now)?));
    };
    check_seal(bytes)?;
    let version = number(rest);
    if version != Some(VERSION)
        && let Some(version) = version
    {
        return Ok(Decoded::Newer(version));
    }
    let document: Document = serde_json::from_slice(bytes)?;
    Ok(Decoded::Export(document.into_export()?))
}

fn check_seal(bytes: &[u8]) -> Result<(), Damage> {
    let content = bytes.len().checked_sub(SEAL_BYTES).ok_or(Damage::Cut)?;
    let (content, found) = bytes.split_at(content);
    let expected = seal(Sha256::new_with_prefix(content));
    if found == expected.as_bytes() {
        return Ok(());
    }
    let is_whole = found.ends_with(b"\"}\n");
    Err(if is_whole {
        Damage::Checksum
    } else {
        Damage::Cut
    })
}

/// The number that stands at the start.
fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let digits = std::str::from_utf8(&bytes[..digits.count()]).ok()?;
    digits.parse().ok()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "clasp_snapshot")]
    _version: u64,
    saved_at: u64,
    param_ttl: Option<u64>,
    forgotten: u64,
    params: Vec<Entry>,
    #[serde(rename = "checksum")]
    _checksum: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    address: String,
    value: Json,
    revision: u64,
    writer: String,
    timestamp: u64,
    ttl: Option<Lifetime>,
    expires_at: Option<u64>,
    encoded: Option<String>,
}

impl Document {
    fn into_export(self) -> Result<Export, Damage> {
        let mut reading = Reading::default();
        let params = self.params.into_iter();
        let params = params.map(|entry| reading.param(entry));
        Ok(Export {
            at: Timestamp(self.saved_at),
            sequence: 0,
            param_ttl: self.param_ttl.map(Duration::from_micros),
            forgotten: self.forgotten,
            params: params.collect::<Result<_, _>>()?,
        })
    }
}

/// A file of CLASP 4.5. A damaged one of ours does not look like it: this key would not be alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Old {
    params: Vec<OldEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldEntry {
    address: String,
    value: Json,
    revision: u64,
    writer: Option<String>,
    timestamp: Option<u64>,
}

impl Old {
    fn into_export(self, now: Timestamp) -> Result<Export, Damage> {
        let mut reading = Reading::default();
        let params = self.params.into_iter().map(|old| {
            let writer = old.writer.unwrap_or_else(|| OLD_WRITER.to_owned());
            reading.param(Entry {
                address: old.address,
                value: old.value,
                revision: old.revision,
                writer,
                timestamp: old.timestamp.unwrap_or(now.0),
                ttl: None,
                expires_at: None,
                encoded: None,
            })
        });
        Ok(Export {
            at: now,
            sequence: 0,
            param_ttl: None,
            forgotten: 0,
            params: params.collect::<Result<_, _>>()?,
        })
    }
}

/// What entries of one file share.
#[derive(Default)]
struct Reading {
    writers: HashMap<String, Arc<str>>,
    bytes: Vec<u8>,
}

impl Reading {
    fn param(&mut self, entry: Entry) -> Result<ExportedParam, Damage> {
        let Entry {
            address,
            value,
            writer,
            ..
        } = entry;
        let value = match entry.encoded {
            Some(base64) => exact(&base64),
            None => self.natural(value, &address)?,
        };
        let Some(value) = value else {
            return Err(Damage::Encoded { address });
        };
        let writer = self.writers.entry(writer);
        let writer = writer.or_insert_with_key(|writer| writer.as_str().into());
        Ok(ExportedParam {
            address: address.into(),
            value,
            revision: entry.revision,
            writer: Arc::clone(writer),
            written_at: Timestamp(entry.timestamp),
            ttl: entry.ttl.map(Lifetime::into),
            expires_at: entry.expires_at.map(Timestamp),
        })
    }

    fn natural(&mut self, json: Json, address: &str) -> Result<Option<Stored>, Damage> {
        self.bytes.clear();
        let encoded = encode_value(&mut self.bytes, &text::from_json(json));
        encoded.map_err(|cause| Damage::Value {
            address: address.to_owned(),
            cause,
        })?;
        Ok(stored(&self.bytes))
    }
}

fn exact(base64: &str) -> Option<Stored> {
    stored(&BASE64.decode(base64.as_bytes()).ok()?)
}

fn stored(tagged: &[u8]) -> Option<Stored> {
    let (value, length) = Encoded::parse_tagged(tagged).ok()?;
    (length == tagged.len()).then(|| Stored::new(value))
}

/// Who wrote what CLASP 4.5 names no writer of.
const OLD_WRITER: &str = "restore";
