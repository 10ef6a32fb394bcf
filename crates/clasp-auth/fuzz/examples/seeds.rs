//! Fills `corpus/` with tokens of each kind: `cargo run --example seeds`.

use std::fs;
use std::path::Path;

use clasp_auth::capability::{CapabilityError, Grant, delegate, mint};
use clasp_auth::{EntityToken, SigningKey};
use clasp_proto::Scopes;
use data_encoding::BASE64URL_NOPAD;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (index, token) in capabilities()?.iter().enumerate() {
        seed("capability", index, token)?;
    }
    for timestamp_s in [0, 127, 1_700_000_000, u64::MAX] {
        let token = EntityToken::mint(&key(2), timestamp_s);
        seed("entity", timestamp_s.count_ones() as usize, &token)?;
    }
    Ok(())
}

/// A root for everybody, one for key 2, and delegations of both.
fn capabilities() -> Result<Vec<String>, CapabilityError> {
    let root = mint(&key(1), &grant("write:/fuzz/**", None))?;
    let bound = mint(&key(1), &grant("write:/fuzz/**", Some(2)))?;
    let next = delegate(&bound, &key(2), &grant("read:/fuzz/*", Some(3)), NOW_S)?.token;
    let last = delegate(&next, &key(3), &grant("read:/fuzz/a", None), NOW_S)?.token;
    let open = delegate(&root, &key(4), &grant("write:/fuzz/a/**", None), NOW_S)?.token;
    Ok(vec![root, bound, next, last, open])
}

fn grant(scopes: &str, audience: Option<u8>) -> Grant {
    Grant {
        scopes: Scopes::parse(scopes).expect("well formed"),
        expires_at: 4_000_000_000,
        audience: audience.map(|byte| key(byte).public()),
    }
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32])
}

/// Targets take what is behind the prefix, decoded.
fn seed(target: &str, index: usize, token: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (_, encoded) = token.split_once('_').ok_or("a token has a prefix")?;
    let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes())?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(format!("token-{index}")), bytes)?)
}

const NOW_S: u64 = 1_800_000_000;
