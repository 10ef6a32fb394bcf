//! Any bytes as an entity token: an error, or one that only the key of the seeds has signed.
#![no_main]

use std::sync::LazyLock;

use clasp_auth::{EntityId, EntityToken, SigningKey};
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let token = format!("ent_{}", BASE64URL_NOPAD.encode(bytes));
    let Ok(decoded) = EntityToken::decode(&token) else {
        return;
    };
    assert_eq!(EntityId::parse(decoded.id.as_str()), Ok(decoded.id.clone()));
    if decoded.verify(&KEY.public()).is_ok() {
        let minted = EntityToken::mint(&KEY, decoded.timestamp_s);
        assert_eq!(EntityToken::decode(&minted), Ok(decoded));
    }
});

/// The key of the seeds, made once.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_seed(&[2; 32]));
