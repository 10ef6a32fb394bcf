//! `clasp token cap`: made, handed on, inspected and verified, as docs/tokens.md tells it.

use crate::folder::{Folder, failed};
use crate::harness::Ended;

/// A token of version 1 that the seed of 32 times 1 signed, and its public key.
const PUBLISHED: &str = "cap_hqd2ZXJzaW9uAaZpc3N1ZXLcACDMisyIzOPM3XQJzPHMlcz9UszbLTzMul1yzMpnCcy_HcyUEhvM83TMiAHMtA9vXKZzY29wZXORqWFkbWluOi8qKqpleHBpcmVzX2F0zvSGVwClbm9uY2XZJDAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMKlzaWduYXR1cmXEQCY0VL-xXao-1QsUCtm4NqC4l-0OKJmZuhsdv-VsEGmNOmXz0V_im8fZ4t9DSjIAqZ4_L6umomgqw-SxuSahvQ8";
const PUBLISHED_KEY: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

impl Folder {
    fn cap(&self, arguments: &[&str]) -> Ended {
        self.run(&[&["token", "cap"], arguments].concat())
    }

    #[track_caller]
    fn made(&self, arguments: &[&str]) -> String {
        let ended = self.cap(arguments);
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.stdout.trim_end().to_owned()
    }

    /// Why this token is not accepted.
    #[track_caller]
    fn refused(&self, token: &str, arguments: &[&str]) -> String {
        let ended = self.cap(&[&["verify", token], arguments].concat());
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(
            ended.stderr.ends_with("Error: the token is not valid\n"),
            "{ended:?}"
        );
        let told = ended.stdout.trim_end().strip_prefix("FAIL ");
        told.expect("a line that begins with FAIL").to_owned()
    }
}

#[test]
fn from_the_root_to_a_guest() {
    let folder = Folder::new();
    let root = folder.key("root.key");
    let stage = folder.key("stage.key");
    let made = folder.cap(&[
        "create",
        "-k",
        "root.key",
        "-s",
        "write:/stage/**",
        "--audience",
        &stage,
    ]);
    let lines: Vec<_> = made.stderr.lines().collect();
    assert_eq!(
        lines[..2],
        [format!("Issuer: {root}"), format!("Audience: {stage}")]
    );
    assert_eq!(lines[2], "Scopes: write:/stage/**");
    assert!(lines[3].starts_with("Expires: ") && lines[3].ends_with(" (in 30 days)"));
    let parent = made.stdout.trim_end();

    let made = folder.cap(&[
        "delegate",
        parent,
        "-k",
        "stage.key",
        "-s",
        "read:/stage/lights/*",
    ]);
    assert!(made.stderr.contains(" (in 7 days)\n"), "{made:?}");
    assert!(
        made.stderr.ends_with("Chain depth: 1\n"),
        "no warning: {made:?}"
    );
    let guest = made.stdout.trim_end();

    for anchor in ["root.key.pub", &root] {
        let verified = folder.cap(&["verify", guest, "--trust-anchor", anchor]);
        let lines: Vec<_> = verified.stdout.lines().collect();
        assert_eq!(
            (verified.code, verified.stderr.as_str()),
            (0, ""),
            "{verified:?}"
        );
        assert_eq!(
            lines[..2],
            ["OK Token is valid", "Scopes: read:/stage/lights/*"]
        );
        assert_eq!(lines[3], "Chain depth: 1");
    }
    let secret = folder.cap(&["verify", guest, "--trust-anchor-secret", "root.key"]);
    assert_eq!(secret.code, 0, "{secret:?}");
    let inspected = folder.cap(&["inspect", guest]).stdout;
    for line in [
        "Version: v2\n",
        &format!("Issuer: {stage}\n"),
        "Scopes: read:/stage/lights/*\n",
        "Chain depth: 1\n",
        &format!("  [0] issuer: {root}\n      scopes: write:/stage/**\n"),
        "OK Signature valid\n",
    ] {
        assert!(inspected.contains(line), "{line}: {inspected}");
    }
}

#[test]
fn why_a_token_is_not_accepted() {
    let folder = Folder::new();
    let root = folder.key("root.key");
    folder.key("other.key");
    let token = folder.made(&["create", "-k", "root.key", "-s", "admin:/**"]);
    let anchor = ["--trust-anchor", "root.key.pub"];
    assert_eq!(
        folder.refused(&token, &["--trust-anchor", "other.key.pub"]),
        format!("untrusted issuer: {root}, which is none of the trust anchors")
    );
    let child = folder.made(&["delegate", &token, "-k", "other.key", "-s", "read:/a"]);
    assert_eq!(
        folder.refused(&child, &[&anchor[..], &["--max-depth", "0"]].concat()),
        "delegation chain too deep: 1 exceeds max 0"
    );
    let bound = [
        "create",
        "-k",
        "root.key",
        "-s",
        "read:/a",
        "--audience",
        &root,
    ];
    let bound = folder.made(&bound);
    assert!(
        folder
            .refused(&bound, &anchor)
            .starts_with("key error: a token with an audience")
    );
    let short = &token[..token.len() - 8];
    assert!(
        folder
            .refused(short, &anchor)
            .starts_with("encoding error: ")
    );
    let last = if token.ends_with('A') { "Q" } else { "A" };
    let forged = format!("{}{last}", &token[..token.len() - 1]);
    assert_eq!(folder.refused(&forged, &anchor), "invalid signature");
    let inspected = folder.cap(&["inspect", &forged]);
    assert_eq!(inspected.code, 0);
    assert!(
        inspected
            .stdout
            .ends_with("FAIL Signature invalid: invalid signature\n")
    );
}

#[test]
fn what_cannot_be_handed_on() {
    let folder = Folder::new();
    let stage = folder.key("stage.key");
    folder.key("root.key");
    folder.key("thief.key");
    let bound = [
        "create",
        "-k",
        "root.key",
        "-s",
        "write:/a/**",
        "--audience",
        &stage,
    ];
    let parent = folder.made(&bound);
    let delegate = |key, scopes| folder.cap(&["delegate", &parent, "-k", key, "-s", scopes]);
    let wider = "Error: scope attenuation violation: child scope 'admin:/a/x' not allowed by parent scopes [write:/a/**]\n";
    failed(&delegate("stage.key", "admin:/a/x"), 1, &[wider]);
    failed(
        &delegate("thief.key", "read:/a/x"),
        1,
        &["Error: key error: the parent is for "],
    );
    failed(
        &delegate("stage.key", "see:/a/x"),
        2,
        &["the action of a scope"],
    );
    failed(
        &delegate("stage.key", "emit:/a/x"),
        1,
        &["Error: encoding error: expected scopes"],
    );
    failed(
        &delegate("none.key", "read:/a/x"),
        1,
        &["Error: cannot read the key file none.key"],
    );
}

#[test]
fn whoever_discloses_a_parent_is_warned() {
    let folder = Folder::new();
    folder.key("root.key");
    let parent = folder.made(&["create", "-k", "root.key", "-s", "admin:/**", "-e", "1h"]);
    let made = folder.cap(&[
        "delegate", &parent, "-k", "root.key", "-s", "read:/a", "-e", "90d",
    ]);
    assert!(
        made.stderr.contains("Warning: the parent has no audience."),
        "{made:?}"
    );
    assert!(
        made.stderr.contains(" (in 1 hour)\n"),
        "not longer than the parent: {made:?}"
    );
}

#[test]
fn tokens_of_published_tools() {
    let folder = Folder::new();
    let verified = folder.cap(&["verify", PUBLISHED, "--trust-anchor", PUBLISHED_KEY]);
    assert_eq!(
        (verified.code, verified.stderr.as_str()),
        (0, ""),
        "{verified:?}"
    );
    let inspected = folder.cap(&["inspect", PUBLISHED]).stdout;
    assert!(
        inspected.starts_with("Version: v1\nIssuer: 8a88e3dd"),
        "{inspected}"
    );
    assert!(inspected.contains("Nonce: 00000000-0000-4000-8000-000000000000\n"));
    let onwards = folder.run(&["key", "generate", "-o", "any.key"]);
    assert_eq!(onwards.code, 0);
    let child = folder.made(&["delegate", PUBLISHED, "-k", "any.key", "-s", "read:/a"]);
    let verified = folder.cap(&["verify", &child, "--trust-anchor", PUBLISHED_KEY]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_secret_is_not_taken_for_an_anchor() {
    let folder = Folder::new();
    // The digits of this seed are also those of a public key, those of 32 times 2 are not.
    for seed in ["01", "02", "03", "04"] {
        folder.write("root.key", &seed.repeat(32));
        let token = folder.made(&["create", "-k", "root.key", "-s", "admin:/**"]);
        let ended = folder.cap(&["verify", &token, "--trust-anchor", "root.key"]);
        assert_eq!(ended.code, 1, "{ended:?}");
        let told = "root.key is the signing key of this issuer, not its public key: give root.key.pub, or --trust-anchor-secret root.key\n";
        assert!(ended.stderr.starts_with(told), "{ended:?}");
    }
    let usage = folder.cap(&["verify", PUBLISHED, "--trust-anchor", "nothing"]);
    failed(
        &usage,
        2,
        &["--trust-anchor nothing: there is no such file"],
    );
    let usage = folder.cap(&["verify", PUBLISHED]);
    failed(&usage, 2, &["--trust-anchor <PATH|HEX|DID>"]);
}
