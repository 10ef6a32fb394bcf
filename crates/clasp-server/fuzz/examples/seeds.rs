//! Fills `corpus/` with rules and addresses that they decide about, and with bodies: `cargo run --example seeds`.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let rules = include_str!("../../tests/fixtures/chat.json");
    for (index, write) in WRITES.iter().enumerate() {
        seed("app_config", index, &format!("{write}\n{rules}"))?;
    }
    for (index, rules) in RULES.iter().enumerate() {
        let index = WRITES.len() + index;
        seed(
            "app_config",
            index,
            &format!("/a/b/c\nb\n{{\"f\": \"b\"}}\n{rules}"),
        )?;
    }
    for (index, body) in BODIES.iter().enumerate() {
        seed("auth_bodies", index, body)?;
    }
    Ok(())
}

fn seed(target: &str, index: usize, text: &str) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed-{index}")), text)
}

/// Address, subject and value.
const WRITES: [&str; 5] = [
    "/chat/room/jazz\nann\n{\"owner\": \"ann\"}",
    "/chat/room/jazz/message/1\nbob\n{\"from\": \"bob\", \"text\": \"hi\"}",
    "/chat/room/jazz/typing/bob\nbob\ntrue",
    "/chat/user/bob/profile\n\n{\"email\": \"b@c\"}",
    "/chat/internal/x\n*\nnull",
];

const RULES: [&str; 6] = [
    r#"{"write_rules": [{"path": "/a/{x}/**", "mode": "any", "checks": [{"type": "state_not_null", "lookup": "/s-{session}/{x}", "allow_if_missing": true}]}]}"#,
    r#"{"write_rules": [{"path": "/**", "checks": [{"check": "reject_unless_path_matches", "pattern": "/a/{session}/{y}"}]}]}"#,
    r#"{"write_rules": [{"path": "/a/*/{y}", "allow_null_write": true, "checks": [{"type": "either_state_not_null", "lookup_a": "/a", "lookup_b": "/{y}"}]}]}"#,
    r#"{"snapshot_visibility": [{"path_contains": "/b", "path": "/a/{o}/**", "visible": "owner", "owner_segment": "o", "public_sub": "c"}]}"#,
    r#"{"snapshot_visibility": [{"visible": "require_state_not_null", "lookup": "/{session}"}], "snapshot_transforms": [{"path": "/**", "redact_fields": ["f"]}]}"#,
    r#"{"scopes": ["read:/{userId}/**"], "rate_limits": {"login_max_attempts": 1}, "strict_read": true}"#,
];

const BODIES: [&str; 8] = [
    r#"{"username": "ann", "password": "secret", "user_id": "u-1", "scopes": ["read:/**"]}"#,
    r#"{"name": "lamp", "scopes": ["write:/a/*"]}"#,
    r#"{"user_id": "u_1", "name": " visitor "}"#,
    r#"{"token": "cpsk_0123456789abcdef0123456789abcdef", "scopes": ["admin:/**"], "subject": "lamp", "expires_at": 1800000000}"#,
    r#"{"token": "cpsk_0123456789abcdef0123456789abcdef"}"#,
    r#"{"subject": "lamp"}"#,
    r#"{"entity_type": "device", "name": "lamp", "public_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "tags": ["a"], "namespaces": ["/a"], "scopes": ["read:/a/**"], "metadata": {"b": "c"}}"#,
    r#"{"status": "suspended", "keypair_hex": "00"}"#,
];
