//! Fills `corpus/` from the golden vectors: `cargo run --example seeds`.

#[path = "../../tests/vectors/frame.rs"]
mod frame;

use std::fs;
use std::path::Path;

use clasp_proto::frame::split;
use clasp_proto::{Message, decode, encode_value, msgpack};
use serde_json::Value as Json;

fn main() -> std::io::Result<()> {
    let vectors = include_str!("../../vectors/vectors.json");
    let vectors: Vec<Json> = serde_json::from_str(vectors).expect("vectors.json is JSON");
    for (index, vector) in vectors.iter().enumerate() {
        let vector = vector.as_object().expect("a vector is an object");
        let Some(frame) = frame::frame_bytes(vector).filter(|frame| frame.len() < SEED_BYTES_MAX)
        else {
            continue;
        };
        seed("frame", index, &frame)?;
        let Ok((_, payload)) = split(&frame) else {
            continue;
        };
        let is_msgpack = msgpack::is_msgpack(payload[0]);
        seed(if is_msgpack { "v0" } else { "v1" }, index, payload)?;
        if let Ok(Message::Set(set)) = decode(payload) {
            let mut value = Vec::new();
            encode_value(&mut value, &set.value).expect("came from a frame");
            seed("value", index, &value)?;
        }
    }
    for (index, text) in PATTERNS.iter().enumerate() {
        seed("pattern", index, text.as_bytes())?;
    }
    Ok(())
}

fn seed(target: &str, index: usize, bytes: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("vector-{index}")), bytes)
}

const SEED_BYTES_MAX: usize = 2_000;

/// The table of protocol/router.md 4: patterns that cover each other in part, and an address.
const PATTERNS: [&str; 10] = [
    "/a/**\n/a/*/b\n/a/x/b",
    "/a/**/c\n/a/b/**/c\n/a/b/b/c",
    "/*/**\n/**\n/",
    "/a/b*\n/a/bc*d\n/a/bcxd",
    "/a/*b*c*\n/a/xbxcx\n/a/xbxcx",
    "/**/x/**\n/x\n/x",
    "/a/**/**\n/a\n/a",
    "/**/a/*/**\n/**/a/**/b\n/a/a/b",
    "/a/\n/a/\n/a/",
    "/a/***\n/a/b**\n/a/b",
];
