//! Tokens that are worth what they say, and how they are made.

use clasp_proto::Scopes;
use data_encoding::BASE64URL_NOPAD;

use super::chain::{Link, Stub};
use super::*;
use crate::encoding::EncodingError;
use crate::key::tests::plus_order;
use crate::key::{KeyError, SigningKey};

mod forged;
mod malformed;
mod random;

const VECTOR: &str = "cap_hqd2ZXJzaW9uAaZpc3N1ZXLcACDMisyIzOPM3XQJzPHMlcz9UszbLTzMul1yzMpnCcy_\
    HcyUEhvM83TMiAHMtA9vXKZzY29wZXORqWFkbWluOi8qKqpleHBpcmVzX2F0zvSGVwClbm9uY2XZJDAwMDAwMDAwLTAw\
    MDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMKlzaWduYXR1cmXEQCY0VL-xXao-1QsUCtm4NqC4l-0OKJmZuhsdv-VsEGmN\
    OmXz0V_im8fZ4t9DSjIAqZ4_L6umomgqw-SxuSahvQ8";

const SIGNED: &str = "87a776657273696f6e01a6697373756572dc0020cc8acc88cce3ccdd7409ccf1cc95ccfd52cc\
    db2d3cccba5d72ccca6709ccbf1dcc94121bccf374cc8801ccb40f6f5ca861756469656e6365c0a673636f706573\
    91a961646d696e3a2f2a2aaa657870697265735f6174cef4865700a56e6f6e6365d92430303030303030302d3030\
    30302d343030302d383030302d303030303030303030303030a670726f6f667390";

const NOW: u64 = 1_800_000_000;
const LATER: u64 = NOW + 1000;

const RULES: Rules = Rules {
    depth_max: 5,
    accept_unverified_v1: false,
    strict_read: false,
};

/// The key with this byte in its seed; 1 is the anchor.
fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32])
}

fn anchors() -> Anchors {
    [key(1).public()].into_iter().collect()
}

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

fn grant(text: &str) -> Grant {
    Grant {
        scopes: scopes(text),
        expires_at: LATER,
        audience: None,
    }
}

/// The same, for this key only.
fn grant_to(text: &str, byte: u8) -> Grant {
    Grant {
        audience: Some(key(byte).public()),
        ..grant(text)
    }
}

fn checked(token: &str) -> Result<Verified, CapabilityError> {
    verify(token, &anchors(), &RULES, NOW)
}

fn delegated(parent: &str, byte: u8, grant: &Grant) -> String {
    delegate(parent, &key(byte), grant, NOW).unwrap().token
}

/// Root for key 2, a delegation for key 3, and one for anybody.
fn chain_of_three() -> String {
    let root = mint(&key(1), &grant_to("admin:/**", 2)).unwrap();
    let middle = delegated(&root, 2, &grant_to("write:/a/**", 3));
    delegated(&middle, 3, &grant("read:/a/b/*,write:/a/c"))
}

#[test]
fn vector_of_a_root() {
    let grant = Grant {
        expires_at: 4_102_444_800,
        ..grant("admin:/**")
    };
    let nonce = "00000000-0000-4000-8000-000000000000".to_owned();
    let token = mint::mint_with_nonce(&key(1), &grant, nonce).unwrap();
    assert_eq!(token, VECTOR);
    let chain = decode::chain(VECTOR).unwrap();
    let signed = encode::signed_bytes(&chain.leaf, chain.proofs.as_before());
    assert_eq!(HEXLOWER.encode(&signed), SIGNED);
    let verified = checked(VECTOR).unwrap();
    assert_eq!(verified.subject, "cap:8a88e3dd7409f195fd52db2d3cba5d72");
    assert_eq!(verified.scopes, scopes("admin:/**"));
    assert_eq!((verified.expires_at, verified.depth), (4_102_444_800, 0));
    let signature = TokenDigest::of_bytes(&chain.leaf.signature);
    assert_eq!(verified.links, [signature]);
}

#[test]
fn delegated_step_by_step() {
    let root = mint(&key(1), &grant_to("admin:/**", 2)).unwrap();
    let token = chain_of_three();
    let verified = checked(&token).unwrap();
    assert_eq!(verified.scopes, scopes("read:/a/b/*,write:/a/c"));
    assert_eq!((verified.depth, verified.links.len()), (2, 3));
    let issuer = HEXLOWER.encode(&key(3).public().to_bytes()[..16]);
    assert_eq!(verified.subject, format!("cap:{issuer}"));
    // Another branch has the same root, so revoking that ends both.
    let branch = delegated(&root, 2, &grant("read:/x"));
    assert_eq!(checked(&branch).unwrap().links.len(), 2);
    let root_link = |token: &str| decode::chain(token).unwrap().signatures().next().copied();
    assert_eq!(root_link(&branch), root_link(&root));
}

#[test]
fn who_has_a_bearer_token_may_delegate_it() {
    let root = mint(&key(1), &grant("write:/a/**")).unwrap();
    let child = delegate(&root, &key(7), &grant("read:/a/1"), NOW).unwrap();
    assert!(child.discloses_parent);
    assert_eq!(checked(&child.token).unwrap().scopes, scopes("read:/a/1"));
    let bound = mint(&key(1), &grant_to("write:/a/**", 7)).unwrap();
    let child = delegate(&bound, &key(7), &grant("read:/a/1"), NOW).unwrap();
    assert!(!child.discloses_parent);
}

/// What `discloses_parent` tells: a parent without an audience can be cut out of its delegation,
/// and used; one with an audience can be cut out and is of no use.
#[test]
fn a_parent_that_is_cut_out_is_of_use_only_without_audience() {
    for (parent, is_of_use) in [
        (grant("admin:/**"), true),
        (grant_to("admin:/**", 2), false),
    ] {
        let root = mint(&key(1), &parent).unwrap();
        let child = delegated(&root, 2, &grant("read:/a"));
        let Proofs::Links(mut links) = decode::chain(&child).unwrap().proofs else {
            panic!("whole links");
        };
        let leaf = links.pop().unwrap();
        let proofs = Proofs::Links(links);
        let cut_out = encode::text(&Chain { proofs, leaf });
        assert_eq!(cut_out, root);
        assert_eq!(checked(&cut_out).is_ok(), is_of_use);
    }
}

#[test]
fn a_token_with_an_audience_is_revoked_with_what_was_made_of_it() {
    let root = mint(&key(1), &grant_to("admin:/**", 2)).unwrap();
    let child = checked(&delegated(&root, 2, &grant("read:/a"))).unwrap();
    let revocable = |anchors| verify_for_revocation(&root, anchors, &RULES, NOW);
    let trusted = anchors();
    let revoked = revocable(&trusted).unwrap();
    assert_eq!(revoked.links.last(), child.links.first());
    assert!(revocable(&Anchors::default()).is_err());
    assert!(checked(&root).is_err());
}

#[test]
fn a_child_ends_with_its_parent() {
    let root = mint(&key(1), &grant("admin:/**")).unwrap();
    let long = Grant {
        expires_at: u64::MAX,
        ..grant("read:/a")
    };
    let child = delegate(&root, &key(2), &long, NOW).unwrap();
    assert_eq!((child.expires_at, child.depth), (LATER, 1));
    assert_eq!(checked(&child.token).unwrap().expires_at, LATER);
}

#[test]
fn expired_with_any_link() {
    let token = chain_of_three();
    let at = |now_s| verify(&token, &anchors(), &RULES, now_s);
    assert!(at(LATER).is_ok(), "the last second counts");
    assert_eq!(at(LATER + 1), Err(CapabilityError::Expired));
    let root = mint(&key(1), &grant("admin:/**")).unwrap();
    let late = delegate(&root, &key(2), &grant("read:/a"), LATER + 1);
    assert_eq!(late, Err(CapabilityError::Expired));
}

#[test]
fn as_deep_as_the_rules_allow() {
    let mut token = mint(&key(1), &grant("read:/**")).unwrap();
    for depth in 1..=6 {
        token = delegated(&token, 2, &grant("read:/**"));
        let expected = match depth {
            6 => Err(CapabilityError::TooDeep { depth: 6, max: 5 }),
            depth => Ok(depth),
        };
        assert_eq!(checked(&token).map(|it| it.depth), expected);
    }
    let refused = checked(&token).unwrap_err().to_string();
    assert_eq!(refused, "delegation chain too deep: 6 exceeds max 5");
    let rules = Rules {
        depth_max: 0,
        ..RULES
    };
    assert!(verify(VECTOR, &anchors(), &rules, NOW).is_ok());
    while let Ok(next) = delegate(&token, &key(2), &grant("read:/**"), NOW) {
        token = next.token;
        assert!(decode::chain(&token).is_ok());
    }
    assert!(decode::chain(&token).unwrap().depth() <= crate::DEPTH_MAX);
}

#[test]
fn what_cannot_be_delegated() {
    let root = mint(&key(1), &grant_to("write:/a/**", 2)).unwrap();
    let refused = |byte, text| {
        let refused = delegate(&root, &key(byte), &grant(text), NOW).unwrap_err();
        refused.to_string()
    };
    assert_eq!(
        refused(2, "read:/a/x,read:/b"),
        "scope attenuation violation: child scope 'read:/b' not allowed by parent scopes \
         [write:/a/**]"
    );
    assert!(refused(2, "admin:/a/x").starts_with("scope attenuation violation: "));
    assert!(refused(2, "read:/**/x").starts_with("scope attenuation violation: "));
    assert!(refused(3, "read:/a/x").starts_with("key error: the parent is for "));
    let mut chain = decode::chain(&root).unwrap();
    chain.leaf.expires_at += 1000;
    let forged = delegate(&encode::text(&chain), &key(2), &grant("read:/a/x"), NOW);
    assert_eq!(forged, Err(CapabilityError::Signature));
    assert!(refused(2, "emit:/a/x").starts_with("encoding error: expected scopes "));
    assert!(mint(&key(1), &grant("emit:/a")).is_err());
    let long = (0..200).map(|it| format!("read:/{it}/{}", "x".repeat(100)));
    let long = long.collect::<Vec<_>>().join(",");
    assert!(matches!(
        mint(&key(1), &grant(&long)),
        Err(CapabilityError::Encoding(EncodingError::TooLong { .. }))
    ));
}

// protocol/router.md 17.3
#[test]
fn who_may_write_hands_no_reading_on_where_that_is_strict() {
    let root = mint(&key(1), &grant("write:/a/**")).unwrap();
    let strict = Rules {
        strict_read: true,
        ..RULES
    };
    for (scopes, expected) in [("read:/a/x", false), ("write:/a/x", true)] {
        let token = delegated(&root, 2, &grant(scopes));
        assert!(verify(&token, &anchors(), &RULES, NOW).is_ok(), "{scopes}");
        let verified = verify(&token, &anchors(), &strict, NOW);
        assert_eq!(verified.is_ok(), expected, "{scopes} {verified:?}");
    }
}

#[test]
fn an_inspection_tells_what_a_token_says() {
    let inspection = inspect(&chain_of_three()).unwrap();
    assert_eq!(inspection.version, 2);
    assert_eq!(inspection.issuer, key(3).public().hex());
    assert_eq!(inspection.audience, None);
    assert_eq!(inspection.expires_at, LATER);
    assert_eq!(inspection.parents.len(), 2);
    assert_eq!(inspection.parents[0].issuer, key(1).public().hex());
    assert_eq!(inspection.parents[1].scopes, scopes("write:/a/**"));
    assert_eq!(inspection.validity, Ok(()));
    assert_eq!(inspect(VECTOR).unwrap().version, 1);
}
