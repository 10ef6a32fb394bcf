//! Entities over HTTP, and the sessions of entities.

use clasp_auth::{EntityToken, SigningKey};
use clasp_proto::Code;
use serde_json::{Value, json};

use crate::auth_port::{Answer, Asked, Port};
use crate::harness::wall_s;

/// A server with a registry and one entity, which may write to `/lights`.
struct Registry {
    port: Port,
    key: SigningKey,
    id: String,
}

impl Registry {
    async fn start() -> Self {
        let port = Port::start_with(|config, folder| {
            config.registry_db = Some(folder.join("registry.db"));
        })
        .await;
        let key = SigningKey::from_seed(&[2; 32]);
        let body = json!({ "entity_type": "Device", "name": "Lamp", "public_key": key.public().hex(), "namespaces": ["/lights"] });
        let created = port
            .post_as(&port.admin, "/api/entities", &body.to_string())
            .await;
        assert_eq!(created.status, 201, "{created:?}");
        let id = created.text("id");
        Self { port, key, id }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let asked = Asked {
            method,
            path,
            body,
            bearer: Some(&self.port.admin),
            headers: "Content-Type: application/json\r\n",
            from: Some("127.0.0.1"),
        };
        self.port.ask(asked).await
    }

    async fn status(&self, status: &str) -> u16 {
        let path = format!("/api/entities/{}/status", self.id);
        let body = json!({ "status": status }).to_string();
        self.ask("PUT", &path, &body).await.status
    }

    fn token(&self) -> String {
        EntityToken::mint(&self.key, wall_s())
    }
}

#[tokio::test]
async fn entities_are_registered_listed_and_removed() {
    let registry = Registry::start().await;
    assert_eq!(registry.id, "clasp:GxWz2Za2u3DjqyYq9mA57y");
    let path = format!("/api/entities/{}", registry.id);
    let shown = registry.ask("GET", &path, "").await.json();
    let created_at = shown["created_at"].as_str().expect("a time");
    assert!(created_at.starts_with("20") && created_at.ends_with('Z') && created_at.len() == 20);
    let expected = json!({
        "id": registry.id, "entity_type": "device", "name": "Lamp", "status": "active",
        "public_key": registry.key.public().hex(), "created_at": created_at, "namespaces": ["/lights"],
    });
    assert_eq!(shown, expected);
    let listed = registry
        .ask("GET", "/api/entities?offset=0&limit=99999", "")
        .await
        .json();
    assert_eq!(listed, Value::Array(vec![expected]));
    assert_eq!(
        registry
            .ask("GET", "/api/entities?offset=1", "")
            .await
            .json(),
        json!([])
    );
    assert_eq!(registry.ask("DELETE", &path, "").await.status, 204);
    assert_eq!(
        registry.ask("GET", &path, "").await.refusal(),
        (404, "entity not found".to_owned())
    );
    assert_eq!(registry.ask("DELETE", &path, "").await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let registry = Registry::start().await;
    let (key, id) = (registry.key.public().hex(), registry.id.clone());
    let entity =
        |key: &str| json!({ "entity_type": "device", "name": "x", "public_key": key }).to_string();
    let exists = format!("failed to create entity: entity already exists: {id}");
    let invalid = "invalid entity ID: ";
    let own = format!("/api/entities/{id}");
    let unknown = "/api/entities/clasp:1111111111111111";
    for (method, path, body, status, text) in [
        ("POST", "/api/entities", entity(&key), 409, exists.as_str()),
        ("POST", "/api/entities", entity("xyz"), 400, "public_key: "),
        ("POST", "/api/entities", entity("00"), 400, "public_key: "),
        ("POST", "/api/entities", "{}".to_owned(), 422, ""),
        (
            "POST",
            "/api/entities",
            r#"{"entity_type":5}"#.to_owned(),
            422,
            "",
        ),
        ("POST", "/api/entities", "{".to_owned(), 400, "Invalid JSON"),
        (
            "POST",
            "/api/entities",
            "[".repeat(100_000),
            400,
            "Invalid request body",
        ),
        ("GET", "/api/entities?limit=x", String::new(), 400, ""),
        ("GET", "/api/entities/nonsense", String::new(), 400, invalid),
        (
            "DELETE",
            "/api/entities/clasp:0OIl",
            String::new(),
            400,
            invalid,
        ),
        ("GET", unknown, String::new(), 404, "entity not found"),
        (
            "PUT",
            &format!("{own}/status"),
            r#"{"status":"gone"}"#.to_owned(),
            400,
            "status: ",
        ),
        (
            "PUT",
            &format!("{unknown}/status"),
            r#"{"status":"active"}"#.to_owned(),
            404,
            "entity not found",
        ),
        (
            "POST",
            &format!("{own}/token"),
            r#"{"keypair_hex":"00"}"#.to_owned(),
            400,
            "keypair_hex: ",
        ),
    ] {
        let refusal = registry.ask(method, path, &body).await.refusal();
        assert_eq!(refusal.0, status, "{method} {path} {body:.60}: {refusal:?}");
        assert!(refusal.1.starts_with(text), "{refusal:?}");
    }
}

#[tokio::test]
async fn only_administrators_ask_and_in_json() {
    let registry = Registry::start().await;
    let (key, own) = (
        registry.key.public().hex(),
        format!("/api/entities/{}", registry.id),
    );
    let entity =
        |key: &str| json!({ "entity_type": "device", "name": "x", "public_key": key }).to_string();
    let (admin, body) = (Some(registry.port.admin.as_str()), entity(&key));
    let untyped = Asked {
        method: "POST",
        path: "/api/entities",
        body: &body,
        bearer: admin,
        ..Asked::default()
    };
    assert_eq!(registry.port.ask(untyped).await.status, 415);
    let user = registry.port.registered("alice").await;
    for bearer in [None, Some(user.as_str())] {
        let asked = Asked {
            path: &own,
            bearer,
            ..Asked::default()
        };
        let status = registry.port.ask(asked).await.status;
        assert_eq!(status, if bearer.is_some() { 403 } else { 401 });
    }
}

#[tokio::test]
async fn an_entity_has_a_session_for_as_long_as_it_is_active() {
    let registry = Registry::start().await;
    let port = &registry.port;
    let told = port.get_as(&registry.token(), "/auth/whoami").await;
    assert_eq!(
        (told.text("user_id"), told.scopes()),
        (registry.id.clone(), vec!["write:/lights/**".to_owned()])
    );
    let id = &registry.id;
    for (status, expected) in [
        (
            "Inactive",
            format!("Invalid token: entity {id} is suspended"),
        ),
        ("REVOKED", format!("Invalid token: entity {id} is revoked")),
    ] {
        let mut session = port.session(&registry.token()).await.expect("it is active");
        assert_eq!(registry.status(status).await, 200);
        assert_eq!(session.error().await, Code::Unauthorized);
        let refused = port.session(&registry.token()).await.err();
        assert_eq!(refused, Some((Code::Unauthorized, expected)));
        if status == "Inactive" {
            assert_eq!(registry.status("active").await, 200);
        }
    }
    assert_eq!(registry.status("active").await, 409, "revoked is final");
    let stranger = EntityToken::mint(&SigningKey::from_seed(&[3; 32]), wall_s());
    let (_, text) = port
        .session(&stranger)
        .await
        .err()
        .expect("nobody knows it");
    assert!(
        text.starts_with("Invalid token: entity not found: clasp:"),
        "{text}"
    );
    let (_, text) = port.session("ent_AAAA").await.err().expect("it is none");
    assert!(
        text.starts_with("Invalid token: malformed entity token: "),
        "{text}"
    );
}

#[tokio::test]
async fn a_forged_or_future_token_is_none() {
    let registry = Registry::start().await;
    let future = EntityToken::mint(&registry.key, wall_s() + 3600);
    let (_, text) = registry.port.session(&future).await.err().expect("not yet");
    assert!(
        text.starts_with("Invalid token: entity token was minted"),
        "{text}"
    );
    let mut forged = registry.token();
    // A digit in the middle of the signature.
    let at = forged.len() - 40;
    let other = if &forged[at..=at] == "A" { "B" } else { "A" };
    forged.replace_range(at..=at, other);
    let (_, text) = registry
        .port
        .session(&forged)
        .await
        .err()
        .expect("it is forged");
    assert!(
        text.starts_with("Invalid token: signature error: "),
        "{text}"
    );
}

#[tokio::test]
async fn a_token_is_minted_where_nobody_else_can_read_the_key() {
    let registry = Registry::start().await;
    let path = format!("/api/entities/{}/token", registry.id);
    let mint = |seed: u8, from: Option<&'static str>, headers: &'static str| {
        let body =
            json!({ "keypair_hex": SigningKey::from_seed(&[seed; 32]).to_hex() }).to_string();
        let (registry, path) = (&registry, &path);
        async move {
            let bearer = Some(registry.port.admin.as_str());
            let asked = Asked {
                method: "POST",
                path,
                body: &body,
                bearer,
                headers,
                from,
            };
            registry.port.ask(asked).await
        }
    };
    let refused = mint(2, Some("9.9.9.9"), "").await;
    assert_eq!(refused.status, 403, "over plain HTTP from elsewhere");
    let through_tls = mint(2, Some("9.9.9.9"), "X-Forwarded-Proto: https\r\n").await;
    assert_eq!(through_tls.status, 200);
    let minted = mint(2, Some("127.0.0.1"), "").await;
    assert_eq!(minted.text("entity_id"), registry.id);
    assert!(registry.port.session(&minted.text("token")).await.is_ok());
    let other = mint(3, Some("127.0.0.1"), "").await;
    let text = "signing key does not match entity's registered public key";
    assert_eq!(other.refusal(), (403, text.to_owned()));
    registry.status("suspended").await;
    let suspended = mint(2, Some("127.0.0.1"), "").await;
    assert_eq!(suspended.refusal(), (403, "entity is suspended".to_owned()));
}

#[tokio::test]
async fn entities_survive_a_restart() {
    let registry = Registry::start().await;
    let token = registry.token();
    let Registry { port, .. } = registry;
    let (folder, admin) = (port.folder, port.admin);
    port.server.shutdown().await;
    let again = crate::harness::start(|config| {
        config.registry_db = Some(folder.path().join("registry.db"));
    })
    .await;
    let (client, _) =
        crate::harness::Client::with_token(&again, clasp_server::Protocol::Tcp, &token).await;
    drop((client, admin));
}
