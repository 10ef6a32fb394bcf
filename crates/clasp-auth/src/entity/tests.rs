//! The vector of an entity token, and texts that are none.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use super::*;

const TOKEN: &str = "ent_k7xjbGFzcDpHeFd6MlphMnUzRGpxeVlxOW1BNTd5zmVT8QDEQN4m8K9DYPPtKRa0VnAWI_\
    Ci2uVySSea7qZ2YdQf4-F1zhPCMukxc9d_jBl3d8lneyUheV_aGd2gJCV23m3slws";

const MINTED_S: u64 = 1_700_000_000;

fn key() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

/// The text of a token with these bytes.
fn token(bytes: &[u8]) -> String {
    format!("ent_{}", BASE64URL_NOPAD.encode(bytes))
}

#[test]
fn vector_of_a_token() {
    assert_eq!(EntityToken::mint(&key(), MINTED_S), TOKEN);
    let decoded = EntityToken::decode(TOKEN).unwrap();
    assert_eq!(decoded.id.as_str(), "clasp:GxWz2Za2u3DjqyYq9mA57y");
    assert_eq!(decoded.timestamp_s, MINTED_S);
    assert_eq!(HEXLOWER.encode(&decoded.signature[..8]), "de26f0af4360f3ed");
    assert_eq!(decoded.verify(&key().public()), Ok(()));
}

#[test]
fn whatever_is_changed_is_not_signed() {
    let decoded = EntityToken::decode(TOKEN).unwrap();
    let public = key().public();
    let other = SigningKey::from_seed(&[3; 32]).public();
    assert_eq!(decoded.verify(&other), Err(EntityError::Signature));
    let mut later = decoded.clone();
    later.timestamp_s += 1;
    let mut another = decoded.clone();
    another.id = EntityId::of(&other);
    let mut malleable = decoded.clone();
    malleable.signature = crate::key::tests::plus_order(&decoded.signature);
    for changed in [later, another, malleable] {
        assert_eq!(changed.verify(&public), Err(EntityError::Signature));
    }
    for bit in 0..512 {
        let mut changed = decoded.clone();
        changed.signature[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            changed.verify(&public),
            Err(EntityError::Signature),
            "{bit}"
        );
    }
}

#[test]
fn ages() {
    let decoded = EntityToken::decode(TOKEN).unwrap();
    let day = Some(Duration::from_secs(86_400));
    for (now_s, max, expected) in [
        (MINTED_S, day, Ok(())),
        (MINTED_S + 86_400, day, Ok(())),
        (
            MINTED_S + 86_401,
            day,
            Err(EntityError::TooOld {
                age_s: 86_401,
                max_s: 86_400,
            }),
        ),
        (u64::MAX, None, Ok(())),
        (MINTED_S - 60, None, Ok(())),
        (
            MINTED_S - 61,
            None,
            Err(EntityError::Future { ahead_s: 61 }),
        ),
        (0, day, Err(EntityError::Future { ahead_s: MINTED_S })),
    ] {
        assert_eq!(decoded.check_age(now_s, max), expected, "{now_s}");
    }
}

#[test]
fn ids() {
    let id = EntityId::parse("clasp:GxWz2Za2u3DjqyYq9mA57y").unwrap();
    assert_eq!(id, key().public().entity_id());
    let zeros = format!("clasp:{}", "1".repeat(16));
    assert!(EntityId::parse(&zeros).is_ok());
    let long = format!("clasp:{}", "1".repeat(100_000));
    for text in [
        "",
        "clasp:",
        "GxWz2Za2u3DjqyYq9mA57y",
        "Clasp:GxWz2Za2u3DjqyYq9mA57y",
        "clasp:GxWz2Za2u3DjqyYq9mA57y1",
        "clasp:GxWz2Za2u3DjqyYq9mA5",
        "clasp:0xWz2Za2u3DjqyYq9mA57y",
        "clasp:GxWz2Za2u3DjqyYq9mA57y ",
        &long,
    ] {
        assert_eq!(EntityId::parse(text), Err(EntityIdError), "{text}");
    }
}

#[test]
fn texts_that_are_no_token() {
    use EncodingError as E;
    let bytes = BASE64URL_NOPAD.decode(&TOKEN.as_bytes()[4..]).unwrap();
    let parts = "an array of entity id, timestamp and signature";
    let wrong = |expected| E::Unexpected { expected };
    let with = |from: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[from] = byte;
        token(&changed)
    };
    // The last character has two bits that say nothing.
    let loose = format!("{}x", &TOKEN[..TOKEN.len() - 1]);
    for (text, expected) in [
        ("cap_k7xj".to_owned(), E::Prefix { expected: "ent_" }),
        (format!("{TOKEN}="), E::Base64),
        (TOKEN.replace('_', "/").replacen('/', "_", 1), E::Base64),
        (loose, E::Base64),
        ("ent_".to_owned(), E::Truncated),
        (
            token(&[bytes.as_slice(), &[0]].concat()),
            E::Trailing { found: 1 },
        ),
        (with(0, 0x92), wrong(parts)),
        (with(0, 0x83), wrong(parts)),
    ] {
        assert_eq!(
            EntityToken::decode(&text),
            Err(EntityError::Malformed(expected)),
            "{text}"
        );
    }
    for end in 0..bytes.len() {
        let cut = EntityToken::decode(&token(&bytes[..end]));
        assert_eq!(cut, Err(EntityError::Malformed(E::Truncated)), "{end}");
    }
    let long = "A".repeat(20_000);
    let found = long.len() + 4;
    assert_eq!(
        EntityToken::decode(&format!("ent_{long}")),
        Err(EntityError::Malformed(E::TooLong { found }))
    );
    // A text that claims 4 GiB.
    let claim = token(&[0x93, 0xdb, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(
        EntityToken::decode(&claim),
        Err(EntityError::Malformed(E::TooMany { .. }))
    ));
    let mut odd_id = bytes.clone();
    odd_id[2..8].copy_from_slice(b"crasp:");
    let refused = EntityToken::decode(&token(&odd_id)).unwrap_err();
    assert!(
        refused.to_string().starts_with("invalid entity ID: "),
        "{refused}"
    );
}

#[test]
fn a_signature_may_be_an_array_of_numbers() {
    let bytes = BASE64URL_NOPAD.decode(&TOKEN.as_bytes()[4..]).unwrap();
    let (head, signature) = bytes.split_at(bytes.len() - 66);
    let mut array = head.to_vec();
    array.extend([0xdc, 0, 64]);
    for byte in &signature[2..] {
        array.extend([0xcc, *byte]);
    }
    let decoded = EntityToken::decode(&token(&array)).unwrap();
    assert_eq!(decoded.verify(&key().public()), Ok(()));
    let shorter = array.len() - 2;
    array[head.len() + 2] = 63;
    let refused = EntityToken::decode(&token(&array[..shorter]));
    assert!(matches!(
        refused,
        Err(EntityError::Malformed(EncodingError::Unexpected { .. }))
    ));
}
