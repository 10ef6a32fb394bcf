//! Tokens that somebody made who had no right to.

use std::slice::from_ref;

use super::*;

/// A link of this key, signed over what stands before it, whatever it allows.
fn link(byte: u8, grant: &Grant, before: &[Link]) -> Link {
    let mut link = Link {
        version: 2,
        issuer: key(byte).public().to_bytes(),
        audience: grant.audience.map(PublicKey::to_bytes),
        scopes: grant.scopes.clone(),
        expires_at: grant.expires_at,
        nonce: "nonce".to_owned(),
        signature: [0; 64],
    };
    sign(&mut link, byte, before);
    link
}

fn sign(link: &mut Link, byte: u8, before: &[Link]) {
    link.signature = key(byte).sign(&encode::signed_bytes(link, chain::Before::Links(before)));
}

/// The token with these links.
fn token(mut links: Vec<Link>) -> String {
    let leaf = links.pop().unwrap();
    let proofs = Proofs::Links(links);
    encode::text(&Chain { proofs, leaf })
}

/// The links of a token.
fn links(token: &str) -> Vec<Link> {
    decode::chain(token).unwrap().links().cloned().collect()
}

/// A root of the anchor for key 2.
fn root() -> Link {
    link(1, &grant_to("write:/a/**", 2), &[])
}

/// The root and one more link, by key 2.
fn pair(grant: &Grant) -> Vec<Link> {
    let child = link(2, grant, &[root()]);
    vec![root(), child]
}

#[track_caller]
fn refused(links: Vec<Link>, expected: CapabilityError) {
    assert_eq!(checked(&token(links)), Err(expected));
}

#[test]
fn forgers_have_the_right_tools() {
    assert!(checked(&token(pair(&grant("read:/a/x")))).is_ok());
}

/// Whoever knows the public key of an anchor can make this, and published relays accept it.
#[test]
fn a_proof_of_version_1_that_the_anchor_did_not_sign() {
    let stub = Stub {
        issuer: key(1).public().to_bytes(),
        scopes: scopes("admin:/**"),
        signature: [7; 64],
    };
    let mut leaf = link(9, &grant("admin:/**"), &[]);
    leaf.version = 1;
    let proofs = Proofs::Stubs(vec![stub]);
    leaf.signature = key(9).sign(&encode::signed_bytes(&leaf, proofs.as_before()));
    let forged = encode::text(&Chain { proofs, leaf });

    assert_eq!(checked(&forged), Err(CapabilityError::UnverifiableV1));
    let text = checked(&forged).unwrap_err().to_string();
    assert_eq!(text, "delegated v1 token cannot be verified");
    let inspection = inspect(&forged).unwrap();
    assert_eq!(inspection.validity, Err(CapabilityError::UnverifiableV1));
    let onwards = delegate(&forged, &key(9), &grant("read:/a"), NOW);
    assert_eq!(onwards, Err(CapabilityError::UnverifiableV1));
    // Who asks for it gets what he asked for, and nothing beyond: the rest is still checked.
    let lax = Rules {
        accept_unverified_v1: true,
        ..RULES
    };
    assert!(verify(&forged, &anchors(), &lax, NOW).is_ok());
    assert_eq!(
        verify(&forged, &anchors(), &lax, LATER + 1),
        Err(CapabilityError::Expired)
    );
    let other: Anchors = [key(3).public()].into_iter().collect();
    assert!(matches!(
        verify(&forged, &other, &lax, NOW),
        Err(CapabilityError::UntrustedIssuer { .. })
    ));
    let flat = Rules {
        depth_max: 0,
        ..lax
    };
    assert!(matches!(
        verify(&forged, &anchors(), &flat, NOW),
        Err(CapabilityError::TooDeep { .. })
    ));
}

#[test]
fn a_proof_of_version_2_that_the_anchor_did_not_sign() {
    let mut root = root();
    root.audience = Some(key(9).public().to_bytes());
    sign(&mut root, 9, &[]);
    let child = link(9, &grant("read:/a/x"), from_ref(&root));
    refused(vec![root, child], CapabilityError::Signature);
}

#[test]
fn not_of_an_anchor() {
    let issuer = key(9).public().hex();
    let untrusted = CapabilityError::UntrustedIssuer { issuer };
    refused(vec![link(9, &grant("read:/a"), &[])], untrusted.clone());
    // The anchor in the middle lends nothing to what stands before it.
    let first = link(9, &grant("admin:/**"), &[]);
    let second = link(1, &grant("admin:/**"), from_ref(&first));
    refused(vec![first, second], untrusted);
}

#[test]
fn wider_than_the_parent() {
    for text in [
        "write:/b",
        "admin:/a/x",
        "read:/a/x,read:/**",
        "read:/*/x",
        "write:/**",
    ] {
        let checked = checked(&token(pair(&grant(text))));
        assert!(
            matches!(
                checked,
                Err(CapabilityError::Attenuation(AttenuationError::Scope { .. }))
            ),
            "{text}"
        );
    }
}

#[test]
fn wider_than_a_link_further_up() {
    let mut links = pair(&grant("read:/a/x"));
    links.push(link(3, &grant("read:/a/**"), &links));
    assert!(matches!(
        checked(&token(links)),
        Err(CapabilityError::Attenuation(AttenuationError::Scope { .. }))
    ));
}

/// Whoever holds a bearer token can sign these; nobody spends a second on telling that they are fine.
#[test]
fn made_to_be_slow() {
    let hard = |last: char| {
        let scopes =
            (0..12).map(|it| format!("read:{}/{}{last}{it}", "/**/*".repeat(8), "*/".repeat(40)));
        scopes.collect::<Vec<_>>().join(",")
    };
    let first = link(1, &grant("read:/**"), &[]);
    let second = link(2, &grant(&hard('x')), from_ref(&first));
    let links = vec![first, second];
    assert!(checked(&token(links.clone())).is_ok());
    let same = link(3, &grant(&hard('x')), &links);
    assert!(checked(&token([links.clone(), vec![same]].concat())).is_ok());
    let others = link(3, &grant(&hard('y')), &links);
    let costly = checked(&token([links, vec![others]].concat()));
    assert!(
        matches!(
            costly,
            Err(CapabilityError::Attenuation(
                AttenuationError::Costly { .. }
            ))
        ),
        "{costly:?}"
    );
}

#[test]
fn longer_than_the_parent() {
    let long = Grant {
        expires_at: LATER + 1,
        ..grant("read:/a/x")
    };
    let (child, parent) = (LATER + 1, LATER);
    refused(
        pair(&long),
        AttenuationError::Expiry { child, parent }.into(),
    );
}

#[test]
fn under_an_expired_parent() {
    let old = Grant {
        expires_at: NOW - 1,
        ..grant("read:/a")
    };
    let root = link(1, &old, &[]);
    let child = link(2, &old, from_ref(&root));
    refused(vec![root.clone(), child], CapabilityError::Expired);
    let child = link(2, &grant("read:/a"), from_ref(&root));
    assert!(checked(&token(vec![root, child])).is_err());
}

#[test]
fn by_another_than_the_audience() {
    let thief = link(3, &grant("read:/a/x"), &[root()]);
    let audience = AudienceError::Other {
        expected: key(2).public().hex(),
        found: key(3).public().hex(),
    };
    refused(vec![root(), thief], CapabilityError::Audience(audience));
}

#[test]
fn used_by_whoever_has_it_although_it_is_for_one() {
    let no_proof = CapabilityError::Audience(AudienceError::NoProof);
    refused(vec![root()], no_proof.clone());
    refused(pair(&grant_to("read:/a/x", 3)), no_proof);
}

#[test]
fn links_in_another_order_or_missing() {
    let three = links(&chain_of_three());
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let links = order.map(|index| three[index].clone()).to_vec();
        assert!(checked(&token(links)).is_err(), "{order:?}");
    }
    for missing in [0, 1] {
        let mut links = three.clone();
        links.remove(missing);
        assert!(checked(&token(links)).is_err(), "without {missing}");
    }
    let mut twice = three.clone();
    twice.insert(1, three[0].clone());
    assert!(checked(&token(twice)).is_err());
}

/// A link says the same under another parent, but was not signed there.
#[test]
fn a_link_moved_under_another_root() {
    let wide = link(1, &grant_to("admin:/**", 2), &[]);
    let child = link(2, &grant("read:/a/x"), &[root()]);
    refused(vec![wide, child], CapabilityError::Signature);
}

#[test]
fn signatures_in_another_form() {
    for index in 0..3 {
        let mut links = links(&chain_of_three());
        links[index].signature = plus_order(&links[index].signature);
        refused(links, CapabilityError::Signature);
    }
}

#[test]
fn issuers_of_small_order() {
    // The neutral point; R = A = neutral, s = 0 verifies for every message in a lax verifier.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let weak = |mut link: Link| {
        link.issuer = neutral;
        link.signature = signature;
        link
    };
    let root = weak(link(1, &grant("admin:/**"), &[]));
    refused(vec![root], CapabilityError::Key(KeyError::Weak));
    let root = link(1, &grant("admin:/**"), &[]);
    let child = weak(link(2, &grant("admin:/**"), from_ref(&root)));
    refused(vec![root, child], CapabilityError::Key(KeyError::Weak));
}

/// The digits of a secret key, given as an anchor, are a public key of somebody unknown.
#[test]
fn a_secret_given_as_anchor_trusts_nobody_known() {
    for byte in 1..=40 {
        let Ok(anchor) = Anchors::parse(&key(byte).to_hex()) else {
            continue;
        };
        let token = mint(&key(byte), &grant("admin:/**")).unwrap();
        let anchors: Anchors = [anchor].into_iter().collect();
        assert!(matches!(
            verify(&token, &anchors, &RULES, NOW),
            Err(CapabilityError::UntrustedIssuer { .. })
        ));
        // And who computes the key whose seed that public key would be has nothing from it.
        let derived = SigningKey::from_seed(&anchor.to_bytes());
        let token = mint(&derived, &grant("admin:/**")).unwrap();
        assert!(verify(&token, &anchors, &RULES, NOW).is_err());
    }
}
