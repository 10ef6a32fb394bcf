//! An export as the text of a snapshot file.

use std::io::{self, Write};

use clasp_proto::{Encoded, Value, encode_value, text};
use clasp_router::{Export, ExportedParam};
use data_encoding::BASE64;
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::format::{HEAD, Lifetime, VERSION, seal};

/// Writes a whole file; gives its length.
pub(crate) fn write(export: &Export, out: &mut impl Write) -> io::Result<u64> {
    let mut out = Sealed {
        out,
        content: Sha256::new(),
        length: 0,
    };
    let at = export.at.0;
    write!(out, "{HEAD}{VERSION},\"saved_at\":{at}")?;
    if let Some(ttl) = export.param_ttl {
        write!(out, ",\"param_ttl\":{}", ttl.as_micros())?;
    }
    write!(out, ",\"forgotten\":{},\"params\":[", export.forgotten)?;
    let mut exact = Exact::default();
    for (index, param) in export.params.iter().enumerate() {
        let separator = if index == 0 { "\n" } else { ",\n" };
        out.write_all(separator.as_bytes())?;
        serde_json::to_writer(&mut out, &Entry::new(param, &mut exact))?;
    }
    out.write_all(b"\n]")?;
    out.finish()
}

/// A param as CLASP 4.5 would write it, with what that leaves out.
#[derive(Serialize)]
struct Entry<'a> {
    address: &'a str,
    value: Json,
    revision: u64,
    writer: &'a str,
    timestamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Lifetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoded: Option<String>,
}

impl<'a> Entry<'a> {
    fn new(param: &'a ExportedParam, exact: &mut Exact) -> Self {
        let encoded = param.value.encoded();
        let value = encoded.to_value();
        Self {
            address: &param.address,
            value: text::to_json(&value),
            revision: param.revision,
            writer: &param.writer,
            timestamp: param.written_at.0,
            ttl: param.ttl.map(Lifetime::from),
            expires_at: param.expires_at.map(|at| at.0),
            encoded: exact.beside(encoded, &value),
        }
    }
}

/// Buffers to find out whether JSON says everything about a value.
#[derive(Default)]
struct Exact {
    stored: Vec<u8>,
    from_json: Vec<u8>,
}

impl Exact {
    /// The encoded form of a value that would not come back from its JSON as it is.
    fn beside(&mut self, encoded: Encoded<'_>, value: &Value) -> Option<String> {
        self.stored.clear();
        encoded.write_tagged(&mut self.stored);
        self.from_json.clear();
        let comes_back = is_json(value)
            && encode_value(&mut self.from_json, value).is_ok()
            && self.from_json == self.stored;
        (!comes_back).then(|| BASE64.encode(&self.stored))
    }
}

/// Whether JSON has a form of its own for every part of it. Nesting is bounded by the protocol.
fn is_json(value: &Value) -> bool {
    match value {
        Value::Bytes(_) => false,
        Value::Float(number) => number.is_finite(),
        Value::Array(values) => values.iter().all(is_json),
        Value::Map(entries) => entries.values().all(is_json),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::String(_) => true,
    }
}

/// Takes the checksum of what passes through.
struct Sealed<'a, W> {
    out: &'a mut W,
    content: Sha256,
    length: u64,
}

impl<W: Write> Sealed<'_, W> {
    fn finish(mut self) -> io::Result<u64> {
        let seal = seal(self.content.clone());
        self.write_all(seal.as_bytes())?;
        Ok(self.length)
    }
}

impl<W: Write> Write for Sealed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.content.update(&bytes[..taken]);
        self.length += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
