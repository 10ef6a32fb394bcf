//! Any bytes as a capability token: an error, or one that an anchor of the seeds gave the right to.
#![no_main]

use std::sync::LazyLock;

use clasp_auth::capability::{Rules, inspect, verify};
use clasp_auth::{Anchors, SigningKey};
use clasp_proto::Scopes;
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let token = format!("cap_{}", BASE64URL_NOPAD.encode(bytes));
    let rules = Rules {
        depth_max: 5,
        accept_unverified_v1: false,
        strict_read: false,
    };
    let inspection = inspect(&token);
    let Ok(verified) = verify(&token, &ANCHORS, &rules, 1_800_000_000) else {
        return;
    };
    // The seeds are the only tokens that this anchor ever signed.
    let signed = Scopes::parse("write:/fuzz/**").expect("well formed");
    assert!(signed.cover(&verified.scopes, false), "{verified:?}");
    let inspection = inspection.expect("was verified");
    assert_eq!(inspection.validity, Ok(()));
    assert_eq!(inspection.expires_at, verified.expires_at);
    assert_eq!(inspection.parents.len(), verified.depth);
});

/// The key of the seeds, made once.
static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    [SigningKey::from_seed(&[1; 32]).public()]
        .into_iter()
        .collect()
});
