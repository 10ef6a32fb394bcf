//! `clasp token entity` and `clasp entity`: who an entity is, and whom a relay knows.

use serde_json::json;

use crate::fake_relay::{Asked, FakeRelay};
use crate::folder::{Folder, failed};
use crate::harness::Ended;

const PUBLIC: &str = "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394";
const ID: &str = "clasp:GxWz2Za2u3DjqyYq9mA57y";

/// Runs a command against a relay that answers so.
fn ask(folder: &Folder, arguments: &[&str], status: u16, body: &str) -> (Ended, Asked) {
    let relay = FakeRelay::answers(status, body);
    let all = [
        &["entity"],
        arguments,
        &["--relay", &relay.url, "--token", "secret"],
    ]
    .concat();
    (folder.run(&all), relay.asked())
}

#[test]
fn an_entity_signs_its_own_token() {
    let folder = Folder::new();
    let keygen = [
        "token", "entity", "keygen", "-o", "lamp.key", "-n", "Lamp", "--type", "Service",
    ];
    let made = folder.run(&keygen);
    assert_eq!((made.code, made.stdout.as_str()), (0, ""), "{made:?}");
    assert!(
        made.stderr.ends_with("Type: service\nName: Lamp\n"),
        "{made:?}"
    );
    let mut lines = made.stderr.lines();
    let id = lines.find_map(|line| line.strip_prefix("Entity ID: "));
    let id = id.expect("the id is told");

    let mint = ["token", "entity", "mint", "--key", "lamp.key"];
    let minted = folder.run(&[&mint[..], &["--id", id]].concat());
    assert!(minted.stdout.starts_with("ent_"), "{minted:?}");
    assert_eq!(minted.stderr, format!("Entity ID: {id}\n"));
    let inspected = folder.run(&["token", "entity", "inspect", minted.stdout.trim_end()]);
    let lines: Vec<_> = inspected.stdout.lines().collect();
    assert_eq!(lines[0], format!("Entity ID: {id}"));
    assert!(lines[1].starts_with("Timestamp: "), "{inspected:?}");
    assert_eq!(lines[2], "Signature: 64 bytes");
    assert!(lines[3].starts_with("Created: ") && lines[3].ends_with(" ago"));

    let other = folder.run(&[&mint[..], &["--id", ID]].concat());
    failed(&other, 1, &["Error: lamp.key is the key of clasp:", ID]);
    failed(
        &folder.run(&[&mint[..], &["--id", "lamp"]].concat()),
        2,
        &["16 bytes in base58"],
    );
    let odd = folder.run(&["token", "entity", "inspect", "ent_xx"]);
    failed(&odd, 1, &["Error: malformed entity token: "]);
}

#[test]
fn entities_are_listed() {
    let folder = Folder::new();
    let entity =
        json!({"id": ID, "entity_type": "device", "name": "La\u{1b}[1mmp", "status": "active"});
    let list = json!([entity]).to_string();
    let (ended, asked) = ask(&folder, &["list", "--limit", "5"], 200, &list);
    assert_eq!(ended.stdout, format!("{ID}  device  active  La[1mmp\n"));
    assert_eq!(asked.line, "GET /api/entities?offset=0&limit=5");
    assert_eq!(asked.authorization.as_deref(), Some("Bearer secret"));
    let (ended, _) = ask(&folder, &["list", "--json"], 200, &list);
    assert_eq!(ended.stdout, format!("{entity}\n"));
    let (ended, _) = ask(&folder, &["list"], 200, "[]");
    assert_eq!(ended.stdout, "No entities registered.\n");
    let (ended, _) = ask(&folder, &["list"], 200, "{}");
    failed(&ended, 1, &["but not as the auth port of a relay"]);
}

#[test]
fn an_entity_is_registered_by_its_public_key() {
    let folder = Folder::new();
    folder.write("lamp.key", &"02".repeat(32));
    let answer = json!({"id": ID, "entity_type": "service", "name": "Lamp", "status": "active"});
    let more = [
        "--type",
        "service",
        "--tag",
        "a",
        "--tag",
        "b",
        "--namespace",
        "/stage",
        "--scope",
        "write:/stage/**",
        "--metadata",
        "room=attic",
    ];
    for key in [["--key", "lamp.key"], ["--public-key", PUBLIC]] {
        let create = [&["create", "--name", "Lamp"], &key[..], &more].concat();
        let (ended, asked) = ask(&folder, &create, 201, &answer.to_string());
        assert_eq!(ended.stdout, format!("{ID}\n"), "{ended:?}");
        assert_eq!(ended.stderr, "OK Entity created: Lamp\n");
        assert_eq!(asked.line, "POST /api/entities");
        let expected = json!({
            "entity_type": "service", "name": "Lamp", "public_key": PUBLIC, "tags": ["a", "b"],
            "namespaces": ["/stage"], "scopes": ["write:/stage/**"], "metadata": {"room": "attic"},
        });
        assert_eq!(asked.body, expected);
    }
    let keyless = folder.run(&["entity", "create", "--name", "Lamp"]);
    failed(&keyless, 2, &["--public-key"]);
    let odd = folder.run(&["entity", "create", "--name", "Lamp", "--public-key", "00"]);
    failed(&odd, 2, &["expected a public key of 64 hexadecimal digits"]);
}

#[test]
fn one_entity_is_shown_changed_and_forgotten() {
    let folder = Folder::new();
    let (ended, asked) = ask(&folder, &["get", ID], 200, r#"{"id":"x","name":"Lamp"}"#);
    assert_eq!(
        ended.stdout,
        "{\n  \"id\": \"x\",\n  \"name\": \"Lamp\"\n}\n"
    );
    assert_eq!(asked.line, format!("GET /api/entities/{ID}"));
    let (ended, asked) = ask(&folder, &["status", ID, "Inactive"], 200, "");
    assert_eq!(ended.stdout, format!("OK {ID} is suspended\n"));
    assert_eq!(asked.line, format!("PUT /api/entities/{ID}/status"));
    assert_eq!(asked.body, json!({"status": "suspended"}));
    let (ended, asked) = ask(&folder, &["delete", ID], 204, "");
    assert_eq!(ended.stdout, format!("OK Deleted: {ID}\n"));
    assert_eq!(asked.line, format!("DELETE /api/entities/{ID}"));
    let (ended, _) = ask(
        &folder,
        &["get", ID],
        404,
        r#"{"error":"entity not found"}"#,
    );
    failed(
        &ended,
        1,
        &[&format!(
            "/api/entities/{ID} returned 404: {{\"error\":\"entity not found\"}}\n"
        )],
    );
    let (ended, _) = ask(&folder, &["get", ID], 401, "");
    failed(&ended, 1, &["returned 401; give a token with admin:/**"]);
    failed(
        &folder.run(&["entity", "get", "lamp"]),
        2,
        &["16 bytes in base58"],
    );
    failed(
        &folder.run(&["entity", "status", ID, "gone"]),
        2,
        &["active, suspended, revoked"],
    );
}
