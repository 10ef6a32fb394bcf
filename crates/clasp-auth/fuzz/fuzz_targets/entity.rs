//! Any bytes as an entity token: an error, or one that only the key of the seeds has signed.
#![no_main]

use clasp_auth::{EntityId, EntityToken, SigningKey};
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let token = format!("ent_{}", BASE64URL_NOPAD.encode(bytes));
    let Ok(decoded) = EntityToken::decode(&token) else {
        return;
    };
    assert_eq!(EntityId::parse(decoded.id.as_str()), Ok(decoded.id.clone()));
    let key = SigningKey::from_seed(&[2; 32]);
    if decoded.verify(&key.public()).is_ok() {
        let minted = EntityToken::mint(&key, decoded.timestamp_s);
        assert_eq!(EntityToken::decode(&minted), Ok(decoded));
    }
});
