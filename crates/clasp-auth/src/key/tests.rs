//! Forms of keys, keys that are none, and files.

use std::fs;

use super::*;

/// The key pair of auth's second vector.
fn key() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

const HEX: &str = "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394";

/// Points of order 1, 2, 4 and 8 (RFC 7748 has the curve), in canonical encoding.
const WEAK: [&str; 5] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

#[test]
fn forms_of_a_public_key() {
    let public = key().public();
    assert_eq!(public.hex(), HEX);
    assert_eq!(public.entity_id().as_str(), "clasp:GxWz2Za2u3DjqyYq9mA57y");
    assert!(public.did().starts_with("did:key:z6Mk"), "{}", public.did());
    assert!(public.peer_id().starts_with("12D3KooW"));
    for text in [HEX, &HEX.to_uppercase(), &public.did()] {
        assert_eq!(PublicKey::parse(text), Ok(public), "{text}");
    }
}

#[test]
fn texts_that_are_no_public_key() {
    let did = key().public().did();
    let long = format!("did:key:z{}", "1".repeat(100_000));
    for text in [
        "",
        &HEX[1..],
        &HEX.replace('8', "g"),
        &format!("0x{HEX}"),
        &did[..did.len() - 1],
        &did.replace("z6Mk", "z6Ml"),
        &did.replace("did:key:z", "did:key:m"),
        &long,
    ] {
        let found = text.chars().count();
        assert_eq!(
            PublicKey::parse(text),
            Err(KeyError::Form { found }),
            "{text}"
        );
    }
}

#[test]
fn keys_of_small_order_are_refused() {
    for hex in WEAK {
        assert_eq!(PublicKey::parse(hex), Err(KeyError::Weak), "{hex}");
    }
}

#[test]
fn a_point_has_one_encoding() {
    // p + 1, which is 1 again; and 1 with the sign of an x that is 0.
    for hex in [
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
        // Not on the curve.
        "0200000000000000000000000000000000000000000000000000000000000000",
    ] {
        assert_eq!(PublicKey::parse(hex), Err(KeyError::NotAPoint), "{hex}");
    }
}

#[test]
fn a_signature_has_one_form() {
    let signature = key().sign(b"message");
    let public = key().public();
    assert!(public.verifies(b"message", &signature));
    assert!(!public.verifies(b"massage", &signature));
    assert!(!public.verifies(b"message", &plus_order(&signature)));
    // Made with the nonce 0: R is the neutral point, and the equation of the signature holds.
    let neutral = "0100000000000000000000000000000000000000000000000000000000000000\
        b543575a58b27e1bd6473d09a2eb8cb836dde0c263199c5bc4252a29a295bd01";
    let neutral: [u8; 64] = HEXLOWER
        .decode(neutral.as_bytes())
        .unwrap()
        .try_into()
        .unwrap();
    let lax =
        ed25519_dalek::Verifier::verify(&public.0, b"message", &Signature::from_bytes(&neutral));
    assert!(lax.is_ok());
    assert!(!public.verifies(b"message", &neutral));
}

/// The signature with the order of the group added to its scalar, which a lax verifier accepts.
pub(crate) fn plus_order(signature: &[u8; 64]) -> [u8; 64] {
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let order = hex_bytes(order).unwrap();
    let mut sum = *signature;
    let mut carry = 0;
    for (byte, added) in sum[32..].iter_mut().zip(order) {
        let total = u16::from(*byte) + u16::from(added) + carry;
        *byte = total as u8;
        carry = total >> 8;
    }
    assert_eq!(carry, 0, "the sum fits");
    sum
}

#[test]
fn a_key_is_kept_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.key");
    key().write_new(&path, false).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "02".repeat(32));
    let public = fs::read_to_string(public_path(&path)).unwrap();
    assert_eq!(public, format!("{HEX}\n"));
    assert_eq!(SigningKey::read(&path).unwrap().public(), key().public());

    let other = SigningKey::generate().unwrap();
    let refused = other.write_new(&path, false).unwrap_err();
    assert!(
        matches!(refused, SigningKeyError::Exists { .. }),
        "{refused}"
    );
    fs::remove_file(&path).unwrap();
    let refused = other.write_new(&path, false).unwrap_err();
    assert!(refused.to_string().contains("root.key.pub"), "{refused}");
    other.write_new(&path, true).unwrap();
    assert_eq!(SigningKey::read(&path).unwrap().public(), other.public());
}

#[test]
fn files_that_are_no_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("odd.key");
    for (content, found) in [
        ("", 0),
        (&"0".repeat(63), 63),
        (&"0".repeat(65), 65),
        (&"x".repeat(64), 64),
        (&"0".repeat(10_000), 4097),
    ] {
        fs::write(&path, content).unwrap();
        let error = SigningKey::read(&path).unwrap_err().to_string();
        let expected = format!(
            "Key file must contain 64 hex characters (32-byte Ed25519 signing key), found {found} bytes in "
        );
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with("odd.key"), "{error}");
    }
    fs::write(&path, format!("  {}\n", "02".repeat(32))).unwrap();
    assert_eq!(SigningKey::read(&path).unwrap().public(), key().public());
    assert!(matches!(
        SigningKey::read(directory.path()),
        Err(SigningKeyError::Read { .. })
    ));
}

#[test]
fn a_signing_key_is_not_shown() {
    let shown = format!("{:?}", key());
    assert!(!shown.contains("0202"), "{shown}");
    assert!(shown.contains(HEX), "{shown}");
}
