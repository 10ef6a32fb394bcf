//! `clasp key`, `clasp identity` and `clasp crypto`: secrets in files, their public halves for everybody.

use crate::folder::{Folder, failed};

/// The public key of the seed that is 32 times 2, and its other forms.
const PUBLIC: &str = "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394";
const ENTITY: &str = "clasp:GxWz2Za2u3DjqyYq9mA57y";

fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    text.len() == digits && text.chars().all(is_digit)
}

#[test]
fn a_key_is_printed_or_kept() {
    let folder = Folder::new();
    let ended = folder.run(&["key", "generate"]);
    assert!(is_hex(ended.stdout.trim_end(), 64), "{ended:?}");
    assert!(ended.stderr.starts_with("Public key: "), "{ended:?}");

    let ended = folder.run(&["key", "generate", "--out", "root.key"]);
    let public = folder.read("root.key.pub");
    let told = format!("OK Key saved to: root.key\nPublic key: {public}");
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    assert_eq!(ended.stderr, told);
    assert!(is_hex(&folder.read("root.key"), 64), "no line end");
    assert_eq!(folder.line(&["key", "show", "root.key"]) + "\n", public);
    #[cfg(unix)]
    assert_eq!(
        (folder.mode("root.key"), folder.mode("root.key.pub")),
        (0o600, 0o644)
    );
}

#[test]
fn a_key_is_not_lost_by_accident() {
    let folder = Folder::new();
    let first = folder.key("root.key");
    for command in [
        ["key", "generate"].as_slice(),
        &["identity", "generate"],
        &["crypto", "ecdh-keygen"],
        &["token", "entity", "keygen"],
    ] {
        let again = folder.run(&[command, &["--out", "root.key"]].concat());
        failed(&again, 1, &["Error: root.key is there already", "--force"]);
    }
    assert_eq!(folder.key_of("root.key"), first);
    let forced = folder.run(&["key", "generate", "-o", "root.key", "--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    assert_ne!(folder.key_of("root.key"), first);
}

#[test]
fn forms_of_a_public_key() {
    let folder = Folder::new();
    folder.write("two.key", &"02".repeat(32));
    assert_eq!(folder.key_of("two.key"), PUBLIC);
    let did = folder.line(&["key", "show", "two.key", "--format", "did"]);
    let shown = folder.run(&["identity", "show", "two.key"]).stdout;
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], format!("EntityId: {ENTITY}"));
    assert_eq!(lines[1], format!("DID: {did}"));
    assert!(lines[2].starts_with("PeerID: 12D3KooW"), "{shown}");
    assert_eq!(lines[3], format!("Public key: {PUBLIC}"));
    let made = folder.run(&["identity", "generate"]);
    assert!(is_hex(made.stdout.trim_end(), 64), "{made:?}");
    for form in ["EntityId: ", "DID: ", "PeerID: ", "Public key: "] {
        assert!(made.stderr.contains(form), "{made:?}");
    }
}

#[test]
fn what_is_no_key_is_told_so() {
    let folder = Folder::new();
    folder.write("short.key", "abcd");
    let expected = "Key file must contain 64 hex characters (32-byte Ed25519 signing key)";
    for command in [["key", "show"], ["identity", "show"]] {
        let ended = folder.run(&[&command[..], &["short.key"]].concat());
        failed(&ended, 1, &["Error: ", expected, "short.key"]);
        let ended = folder.run(&[&command[..], &["none.key"]].concat());
        failed(&ended, 1, &["Error: cannot read the key file none.key"]);
    }
    let form = folder.run(&["key", "show", "short.key", "--format", "pem"]);
    failed(&form, 2, &["hex, did"]);
}

#[test]
fn keys_for_ecdh_and_their_fingerprints() {
    let folder = Folder::new();
    let made = folder.run(&["crypto", "ecdh-keygen", "--out", "ecdh.key"]);
    assert_eq!((made.code, made.stdout.as_str()), (0, ""), "{made:?}");
    assert!(is_hex(&folder.read("ecdh.key"), 64));
    let public = folder.read("ecdh.key.pub");
    let public = public.trim_end();
    // SEC1, uncompressed.
    assert!(is_hex(public, 130) && public.starts_with("04"), "{public}");
    let print = folder.line(&["crypto", "fingerprint", public]);
    assert_eq!(
        folder.line(&["crypto", "fingerprint", "ecdh.key.pub"]),
        print
    );
    let told = format!("OK Key saved to: ecdh.key\nPublic key: {public}\nFingerprint: {print}\n");
    assert_eq!(made.stderr, told);
    // FIPS 180-2, B.1
    let abc = "ba78 16bf 8f01 cfea 4141 40de 5dae 2223 b003 61a3 9617 7a9c b410 ff61 f200 15ad";
    assert_eq!(folder.line(&["crypto", "fingerprint", "616263"]), abc);
    folder.write("raw", "abc");
    assert_eq!(folder.line(&["crypto", "fingerprint", "./raw"]), abc);
    let none = folder.run(&["crypto", "fingerprint", "nowhere"]);
    failed(&none, 1, &["Error: cannot read nowhere"]);
}

impl Folder {
    fn key_of(&self, name: &str) -> String {
        self.line(&["key", "show", name])
    }
}
