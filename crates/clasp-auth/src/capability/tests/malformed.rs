//! Texts that are no token, or not in the way that we would write it.

use rmp::encode::{write_array_len, write_bin, write_map_len, write_str, write_u64, write_uint};

use super::*;

fn bytes(token: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(&token.as_bytes()[4..]).unwrap()
}

fn text(bytes: &[u8]) -> String {
    format!("cap_{}", BASE64URL_NOPAD.encode(bytes))
}

#[track_caller]
fn malformed(token: &str) -> EncodingError {
    match checked(token) {
        Err(CapabilityError::Encoding(error)) => error,
        other => panic!("expected an encoding error, found {other:?}"),
    }
}

/// The vector with other bytes in the place of some; as many, or the map would be broken.
fn replaced(from: &[u8], to: &[u8]) -> String {
    let mut bytes = bytes(VECTOR);
    let place = bytes.windows(from.len()).position(|it| it == from).unwrap();
    bytes.splice(place..place + from.len(), to.iter().copied());
    text(&bytes)
}

#[test]
fn forms_of_text() {
    use EncodingError as E;
    let prefix = E::Prefix { expected: "cap_" };
    assert_eq!(malformed("cpsk_00"), prefix);
    assert_eq!(malformed(""), prefix);
    for token in [
        format!("{VECTOR}="),
        format!("{VECTOR} "),
        VECTOR.replace('-', "+"),
        VECTOR.replace('_', "/").replacen('/', "_", 1),
        // The last character has two bits that say nothing.
        format!("{}9", &VECTOR[..VECTOR.len() - 1]),
    ] {
        assert_eq!(malformed(&token), E::Base64, "{token}");
    }
    let long = format!("cap_{}", "A".repeat(20_000));
    let found = long.len();
    assert_eq!(malformed(&long), E::TooLong { found });
}

#[test]
fn cut_short_at_every_byte() {
    for token in [VECTOR.to_owned(), chain_of_three()] {
        let whole = bytes(&token);
        for end in 0..whole.len() {
            assert_eq!(
                malformed(&text(&whole[..end])),
                EncodingError::Truncated,
                "{end}"
            );
        }
        let more = [whole.as_slice(), &[0]].concat();
        assert_eq!(
            malformed(&text(&more)),
            EncodingError::Trailing { found: 1 }
        );
    }
}

#[test]
fn members() {
    use EncodingError as E;
    let duplicate = replaced(b"\xa5nonce", b"\xa6issuer");
    assert!(
        matches!(malformed(&duplicate), E::Unexpected { .. }),
        "issuer is no text"
    );
    for (token, expected) in [
        (replaced(b"nonce", b"nonse"), E::UnknownMember),
        (
            replaced(b"\xa7version\x01", b"\xa7version\x03"),
            E::Version {
                expected: "1 or 2",
                found: 3,
            },
        ),
        (
            replaced(b"\xa7version\x01", b"\xa7version\x00"),
            E::Version {
                expected: "1 or 2",
                found: 0,
            },
        ),
        (
            replaced(
                b"\x86\xa7version\x01",
                b"\x87\xa7version\x01\xa7version\x01",
            ),
            E::DuplicateMember { member: "version" },
        ),
        (
            replaced(
                b"\x86\xa7version\x01",
                b"\x87\xa8audience\xc0\xa7version\x01\xa8audience\xc0",
            ),
            E::DuplicateMember { member: "audience" },
        ),
        (replaced(b"-4000", b"-\x1b000"), E::Text { member: "nonce" }),
        (replaced(b"-4000", b"-\xff000"), E::Text { member: "nonce" }),
        (
            replaced(b"\x91\xa9admin:/**", b"\xdd\xff\xff\xff\xff"),
            E::TooMany {
                member: "scopes",
                found: 0xffff_ffff,
                max: 256,
            },
        ),
        (
            replaced(b"\x86\xa7version", b"\x86\xdb\xff\xff\xff\xff"),
            E::TooMany {
                member: "the name of a member",
                found: 0xffff_ffff,
                max: 16,
            },
        ),
    ] {
        assert_eq!(malformed(&token), expected);
    }
    let mut unsigned = bytes(VECTOR);
    unsigned.truncate(unsigned.len() - b"\xa9signature\xc4\x40".len() - 64);
    unsigned[0] = 0x85;
    let member = "signature";
    assert_eq!(malformed(&text(&unsigned)), E::Missing { member });
}

#[test]
fn scopes_have_the_literal_words() {
    let long = format!("read:/{}", "x".repeat(1024));
    for scope in [
        "a:/**",
        "ADMIN:/**",
        "*:/**",
        "r:/a",
        "emit:/a",
        "admin",
        "read:a",
        "read:/a//b",
        &long,
    ] {
        let refused = with_members(|bytes| {
            write_array_len(bytes, 1).unwrap();
            write_str(bytes, scope).unwrap();
        });
        let expected = matches!(
            malformed(&refused),
            EncodingError::Scope { .. } | EncodingError::TooMany { .. }
        );
        assert!(expected, "{scope}");
    }
}

// protocol/limits.md 6.1
#[test]
fn proofs_do_not_nest_and_are_counted() {
    let with_proofs = |proofs: &[u8]| {
        let mut all = bytes(VECTOR);
        all[0] = 0x87;
        all.extend(b"\xa6proofs");
        all.extend(proofs);
        text(&all)
    };
    let nested = [b"\x91\x81\xa6proofs".as_slice(); 500].concat();
    assert_eq!(
        malformed(&with_proofs(&nested)),
        EncodingError::UnknownMember
    );
    let many = with_proofs(&[0xdd, 0xff, 0xff, 0xff, 0xff]);
    let found = 0xffff_ffff;
    assert_eq!(malformed(&many), EncodingError::Proofs { found });
    // Whole links under version 1 have members that nobody signed there.
    let mut leaf = decode::chain(VECTOR).unwrap().leaf;
    let proofs = Proofs::Links(vec![leaf.clone()]);
    leaf.version = 1;
    let whole = encode::text(&Chain { proofs, leaf });
    assert_eq!(malformed(&whole), EncodingError::UnknownMember);
    // Stubs under version 2 lack some.
    let mut leaf = decode::chain(VECTOR).unwrap().leaf;
    leaf.version = 2;
    let stub = Stub {
        issuer: leaf.issuer,
        scopes: leaf.scopes.clone(),
        signature: leaf.signature,
    };
    let proofs = Proofs::Stubs(vec![stub]);
    let bare = encode::text(&Chain { proofs, leaf });
    let member = "version";
    assert_eq!(malformed(&bare), EncodingError::Missing { member });
}

#[test]
fn a_delegated_link_is_of_version_2() {
    let mut chain = decode::chain(&chain_of_three()).unwrap();
    let Proofs::Links(links) = &mut chain.proofs else {
        panic!("whole links");
    };
    links[1].version = 1;
    let (expected, found) = ("2", 1);
    let error = malformed(&encode::text(&chain));
    assert_eq!(error, EncodingError::Version { expected, found });
}

/// What is signed does not depend on how keys and numbers were written.
#[test]
fn other_encodings_of_the_same_token() {
    let chain = decode::chain(VECTOR).unwrap();
    let mut bytes = Vec::new();
    write_map_len(&mut bytes, 7).unwrap();
    write_str(&mut bytes, "signature").unwrap();
    write_array_len(&mut bytes, 64).unwrap();
    for byte in chain.leaf.signature {
        write_uint(&mut bytes, u64::from(byte)).unwrap();
    }
    write_str(&mut bytes, "issuer").unwrap();
    write_bin(&mut bytes, &chain.leaf.issuer).unwrap();
    write_str(&mut bytes, "expires_at").unwrap();
    write_u64(&mut bytes, chain.leaf.expires_at).unwrap();
    bytes.extend(b"\xa8audience\xc0");
    write_str(&mut bytes, "nonce").unwrap();
    write_str(&mut bytes, &chain.leaf.nonce).unwrap();
    bytes.extend(b"\xa6scopes\xdd\x00\x00\x00\x01\xd9\x09admin:/**");
    bytes.extend(b"\xa7version\xd0\x01");
    assert_eq!(checked(&text(&bytes)), checked(VECTOR));
}

/// A token of version 1 whose scopes are written by `scopes`.
fn with_members(scopes: impl Fn(&mut Vec<u8>)) -> String {
    let mut bytes = Vec::new();
    write_map_len(&mut bytes, 1).unwrap();
    write_str(&mut bytes, "scopes").unwrap();
    scopes(&mut bytes);
    text(&bytes)
}
