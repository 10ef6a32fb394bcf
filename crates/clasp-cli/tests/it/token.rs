//! `clasp token`: tokens in a file that relays load, and at a relay.

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use crate::fake_relay::{Asked, FakeRelay};
use crate::folder::{Folder, failed};

/// A token that expired long ago, and two that begin alike.
const TOKENS: &str = r#"{"tokens": {
    "cpsk_00000000000000000000000000000001": {"token": "cpsk_00000000000000000000000000000001",
        "scopes": ["read:/old"], "expires_at": 1000, "created_at": 900, "metadata": {"by": "me"}},
    "cpsk_aa000000000000000000000000000002": {"token": "cpsk_aa000000000000000000000000000002",
        "scopes": ["read:/a", "write:/b/**"], "subject": "alice", "created_at": 1000},
    "cpsk_ab000000000000000000000000000003": {"token": "cpsk_ab000000000000000000000000000003",
        "scopes": ["admin:/**"], "created_at": 2000}
}, "version": 7}"#;

fn with_tokens() -> Folder {
    let folder = Folder::new();
    folder.write("tokens.json", TOKENS);
    folder
}

impl Folder {
    fn tokens(&self) -> Json {
        serde_json::from_str(&self.read("tokens.json")).expect("it is JSON")
    }
}

#[test]
fn a_token_is_printed_and_kept() {
    let folder = Folder::new();
    let create = [
        "token",
        "create",
        "--scopes",
        "read:/a/**, w:/b",
        "--expires",
    ];
    let ended = folder.run(&[&create[..], &["2h", "--subject", "alice"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    let token = ended.stdout.trim_end();
    assert!(token.len() == 37 && token.starts_with("cpsk_"), "{token}");
    let file = "config/clasp/tokens.json";
    assert!(ended.stderr.starts_with("OK Token saved to: "), "{ended:?}");
    assert!(ended.stderr.trim_end().ends_with(file), "{ended:?}");
    let kept: Json = serde_json::from_str(&folder.read(file)).expect("it is JSON");
    let record = &kept["tokens"][token];
    assert_eq!(record["token"], token);
    assert_eq!(record["subject"], "alice");
    assert_eq!(record["scopes"], json!(["read:/a/**", "write:/b"]));
    let created_at = record["created_at"].as_u64().expect("it is a number");
    assert_eq!(record["expires_at"], created_at + 7200);
    #[cfg(unix)]
    assert_eq!(
        (folder.mode("config/clasp"), folder.mode(file)),
        (0o700, 0o600)
    );
    let shown = folder.run(&["token", "show", &token[..8]]).stdout;
    let lines: Vec<_> = shown.lines().collect();
    let expected = [
        &format!("Token: {token}"),
        "Subject: alice",
        "Scopes:",
        "  read:/a/**",
        "  write:/b",
        "Expires: in 2 hours",
    ];
    assert_eq!(lines[..6], expected);
    assert!(lines[6].starts_with("Created: ") && lines[6].ends_with(" ago"));
}

#[test]
fn tokens_are_listed_without_being_shown() {
    let folder = with_tokens();
    let list = ["token", "list", "--file", "tokens.json"];
    let ended = folder.run(&list);
    let alice =
        "cpsk_aa00000...0002\n  Subject: alice\n  Scopes: read:/a, write:/b/**\n  Expires: never\n";
    let admin = "cpsk_ab00000...0003\n  Scopes: admin:/**\n  Expires: never\n";
    assert_eq!(ended.stdout, format!("{alice}{admin}"));
    assert_eq!(
        ended.stderr,
        "1 expired: --show-expired lists them as well\n"
    );
    let all = folder.run(&[&list[..], &["--show-expired"]].concat());
    assert!(
        all.stdout.starts_with("cpsk_0000000...0001 [EXPIRED]\n"),
        "{all:?}"
    );
    assert_eq!((all.stdout.lines().count(), all.stderr.as_str()), (10, ""));
    let none = folder.line(&["token", "list", "--file", "none.json"]);
    assert_eq!(none, "No tokens found in none.json");
}

#[test]
fn a_prefix_has_to_be_of_one_token() {
    let folder = with_tokens();
    for command in ["show", "revoke"] {
        let run = |prefix| folder.run(&["token", command, prefix, "--file", "tokens.json"]);
        let several = "Error: 2 tokens begin with cpsk_a: give more of it\n";
        failed(&run("cpsk_a"), 1, &[several]);
        failed(&run("cpsk_b"), 1, &["Error: Token not found\n"]);
        failed(&run(""), 2, &["a value is required"]);
    }
    assert_eq!(folder.read("tokens.json"), TOKENS, "nothing was written");
    let revoked = folder.line(&["token", "revoke", "cpsk_aa", "--file", "tokens.json"]);
    assert_eq!(revoked, "OK Revoked: cpsk_aa000000000000000000000000000002");
    let tokens = folder.tokens();
    assert_eq!(
        tokens["tokens"].as_object().map(serde_json::Map::len),
        Some(2)
    );
    assert_eq!(tokens["version"], 7, "what is not known is kept");
    let old = &tokens["tokens"]["cpsk_00000000000000000000000000000001"];
    assert_eq!(old["metadata"], json!({"by": "me"}));
}

#[test]
fn expired_tokens_are_removed() {
    let folder = with_tokens();
    let prune = ["token", "prune", "--file", "tokens.json"];
    assert_eq!(folder.line(&prune), "OK Removed 1 expired token(s)");
    assert_eq!(folder.line(&prune), "OK Removed 0 expired token(s)");
    let show = folder.run(&["token", "show", "cpsk_00", "--file", "tokens.json"]);
    failed(&show, 1, &["Token not found"]);
}

#[test]
fn no_token_is_lost_when_many_are_made_at_once() {
    let folder = Folder::new();
    let create = ["token", "create", "-s", "read:/a", "--file", "tokens.json"];
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| folder.line(&create));
        }
    });
    let tokens = folder.tokens();
    assert_eq!(
        tokens["tokens"].as_object().map(serde_json::Map::len),
        Some(8)
    );
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() {
    let folder = Folder::new();
    for (scopes, expires, told) in [
        ("see:/a", "1d", "the action of a scope"),
        ("", "1d", "expected at least one"),
        ("read:a", "1d", "--scopes"),
        ("read:/a", "0d", "expected a number above 0"),
        ("read:/a", "1w", "expected a number above 0"),
        ("read:/a", "1dd", "expected a number above 0"),
        (
            "read:/a",
            "18446744073709551615d",
            "expected a number above 0",
        ),
    ] {
        let create = ["token", "create", "--file", "tokens.json"];
        let ended = folder.run(&[&create[..], &["-s", scopes, "-e", expires]].concat());
        failed(&ended, 2, &[told]);
    }
    folder.write("tokens.json", "no JSON");
    let create = ["token", "create", "-s", "read:/a", "--file", "tokens.json"];
    failed(
        &folder.run(&create),
        1,
        &["Error: tokens.json is not a file of tokens"],
    );
    assert_eq!(folder.read("tokens.json"), "no JSON");
}

#[test]
fn a_relay_makes_a_token() {
    let folder = Folder::new();
    let token = "cpsk_00000000000000000000000000000009";
    let relay = FakeRelay::answers(201, &json!({ "token": token }).to_string());
    let url = relay.url.clone();
    let create = [
        "token",
        "create",
        "-s",
        "r:/a,admin:/b",
        "--subject",
        "alice",
        "-e",
        "1h",
    ];
    let ended = folder.run(&[&create[..], &["--relay", &url, "--token", "secret"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stdout.trim_end(), token);
    assert_eq!(ended.stderr, format!("OK Token registered at: {url}\n"));
    let mut asked = relay.asked();
    let end = asked.body["expires_at"].take().as_u64();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let left = end.expect("it has an end") - now.expect("it is after 1970").as_secs();
    assert!((3500..=3600).contains(&left), "{left}");
    let expected = Asked {
        line: "POST /api/tokens".to_owned(),
        authorization: Some("Bearer secret".to_owned()),
        body: json!({"scopes": ["read:/a", "admin:/b"], "subject": "alice", "expires_at": null}),
    };
    assert_eq!(asked, expected);
}

#[test]
fn a_relay_revokes_a_token() {
    let folder = Folder::new();
    let relay = FakeRelay::answers(200, "{}");
    let url = format!("{}/", relay.url);
    let revoke = [
        "token", "revoke", "cap_x", "--relay", &url, "--token", "secret",
    ];
    assert_eq!(folder.line(&revoke), "OK Revoked: cap_x");
    let asked = relay.asked();
    assert_eq!(asked.line, "POST /auth/revoke");
    assert_eq!(asked.body, json!({"token": "cap_x"}));
}

#[test]
fn a_relay_that_refuses_is_quoted() {
    let folder = Folder::new();
    let create = |url: &str| {
        let create = ["token", "create", "-s", "read:/a", "--token", "secret"];
        folder.run(&[&create[..], &["--relay", url]].concat())
    };
    let relay = FakeRelay::answers(403, "{\"error\":\"admin scope required\"}\n");
    let quoted = format!(
        "Error: POST {}/api/tokens returned 403: {{\"error\":\"admin scope required\"}}; give a token with admin:/**",
        relay.url
    );
    failed(&create(&relay.url), 1, &[&quoted]);
    let relay = FakeRelay::answers(200, "<html>");
    failed(
        &create(&relay.url),
        1,
        &["but not as the auth port of a relay"],
    );
    let relay = FakeRelay::answers(200, "{}");
    failed(
        &create(&relay.url),
        1,
        &["but not as the auth port of a relay"],
    );
    failed(
        &create("localhost:7350"),
        2,
        &["Error: --relay: expected http://host:port"],
    );
    let anonymous = [
        "token",
        "create",
        "-s",
        "read:/a",
        "--relay",
        "http://localhost:1",
    ];
    failed(
        &folder.run(&anonymous),
        2,
        &["--token or CLASP_ADMIN_TOKEN"],
    );
}
