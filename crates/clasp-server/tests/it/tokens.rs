//! Tokens over HTTP: who may do what with them, and what ends when they do.

use clasp_proto::Code;
use clasp_server::{Config, Server};
use serde_json::json;

use crate::auth_port::{Asked, Port};
use crate::harness::{config, make_private, soon, until};

const GRANTED: &str = "cpsk_0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn routes_for_administrators_ask_for_one() {
    let port = Port::start().await;
    let user = port.registered("alice").await;
    for (method, path) in [
        ("POST", "/auth/revoke"),
        ("POST", "/api/tokens"),
        ("GET", "/api/sessions"),
        ("DELETE", "/api/sessions/x"),
    ] {
        let basic = "Authorization: Basic YTpi\r\n";
        let empty = "Authorization: Bearer \r\n";
        for (bearer, headers, status, text) in [
            (None, "", 401, "missing Authorization header"),
            (None, basic, 401, "expected Bearer token"),
            (None, empty, 401, "expected Bearer token"),
            (Some("cpsk_1"), "", 401, "invalid token"),
            (Some("x"), "", 401, "invalid token"),
            (Some(user.as_str()), "", 403, "admin scope required"),
        ] {
            let asked = Asked {
                method,
                path,
                bearer,
                headers,
                ..Asked::default()
            };
            let refusal = port.ask(asked).await.refusal();
            assert_eq!(refusal, (status, text.to_owned()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn an_administrator_grants_tokens() {
    let port = Port::start().await;
    let grant = json!({ "token": GRANTED, "scopes": ["r:/a/**"], "subject": "lamp", "expires_at": 4_000_000_000_u64 });
    let grant = grant.to_string();
    let granted = port.post_as(&port.admin, "/api/tokens", &grant).await;
    assert_eq!(granted.status, 201);
    let expected = json!({ "token": GRANTED, "scopes": ["r:/a/**"], "subject": "lamp", "expires_at": 4_000_000_000_u64 });
    assert_eq!(granted.json(), expected);
    assert!(port.session(GRANTED).await.is_ok());
    let told = port.get_as(GRANTED, "/auth/whoami").await;
    assert_eq!(
        (told.text("user_id").as_str(), told.scopes()),
        ("lamp", vec!["read:/a/**".to_owned()])
    );
    let again = port.post_as(&port.admin, "/api/tokens", &grant).await;
    assert_eq!(again.status, 409);
    // Nobody takes the name of who was granted one.
    assert_eq!(
        port.post("/auth/guest", r#"{"user_id":"lamp"}"#)
            .await
            .status,
        409
    );
    let made = port
        .post_as(&port.admin, "/api/tokens", r#"{"scopes":["admin:/**"]}"#)
        .await;
    assert_eq!(made.json()["expires_at"], json!(null));
    let second_admin = made.text("token");
    assert_eq!(
        port.get_as(&second_admin, "/api/sessions").await.status,
        200
    );
    for body in [
        r#"{"scopes":["see:/a"]}"#,
        r#"{"scopes":[],"subject":"a/b"}"#,
        r#"{"scopes":[],"expires_at":1}"#,
        r#"{"scopes":[],"token":"short"}"#,
        "{}",
    ] {
        assert_eq!(
            port.post_as(&port.admin, "/api/tokens", body).await.status,
            400,
            "{body}"
        );
    }
    let port = port.restart().await;
    assert!(port.session(GRANTED).await.is_ok());
}

#[tokio::test]
async fn what_is_revoked_ends_at_once_and_for_good() {
    let port = Port::start().await;
    let (one, other) = (port.registered("alice").await, port.registered("bob").await);
    let mut sessions = Vec::new();
    for token in [&one, &one, &other] {
        sessions.push(port.session(token).await.expect("the token counts"));
    }
    let user_id = port.get_as(&other, "/auth/whoami").await.text("user_id");
    for (body, expected) in [
        (
            json!({ "token": one }),
            json!({ "revoked": 1, "sessions": 2 }),
        ),
        (
            json!({ "subject": user_id }),
            json!({ "revoked": 1, "sessions": 1 }),
        ),
        (
            json!({ "subject": "nobody" }),
            json!({ "revoked": 0, "sessions": 0 }),
        ),
    ] {
        let answer = port
            .post_as(&port.admin, "/auth/revoke", &body.to_string())
            .await;
        assert_eq!(answer.json(), expected, "{body}");
    }
    for mut session in sessions {
        assert_eq!(session.error().await, Code::Unauthorized);
        session.end().await;
    }
    assert!(port.session(&one).await.is_err() && port.session(&other).await.is_err());
    let again = json!({ "token": one }).to_string();
    assert_eq!(
        port.post_as(&port.admin, "/auth/revoke", &again)
            .await
            .status,
        404
    );
    for body in ["{}", r#"{"token":"a","subject":"b"}"#] {
        assert_eq!(
            port.post_as(&port.admin, "/auth/revoke", body).await.status,
            400
        );
    }
    let refused = port.post_as(&port.admin, "/auth/logout", "").await;
    assert_eq!(refused.status, 403, "the admin token is in its file");
}

#[tokio::test]
async fn a_session_that_is_gone_leaves_its_token() {
    let port = Port::start().await;
    let token = port.registered("alice").await;
    let mut session = port.session(&token).await.expect("the token counts");
    let listed = port.get_as(&port.admin, "/api/sessions").await.json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{id}");
    let bearer = Some(port.admin.as_str());
    let asked = Asked {
        method: "DELETE",
        path: &path,
        bearer,
        ..Asked::default()
    };
    assert_eq!(port.ask(asked).await.status, 204);
    session.end().await;
    assert!(port.session(&token).await.is_ok());
}

#[tokio::test]
async fn a_token_is_renewed_and_given_back() {
    let port = Port::start().await;
    let token = port.registered("alice").await;
    let renewed = port.post_as(&token, "/auth/refresh", "").await;
    let fresh = renewed.text("token");
    assert_ne!(fresh, token);
    assert_eq!(renewed.text("username"), "alice");
    let mut session = port.session(&fresh).await.expect("the token counts");
    assert_eq!(
        port.post_as(&fresh, "/auth/logout", "").await.json(),
        json!({ "revoked": 2, "sessions": 1 })
    );
    assert_eq!(session.error().await, Code::Unauthorized);
    for token in [&fresh, &token] {
        assert_eq!(port.get_as(token, "/auth/whoami").await.status, 401);
    }
}

#[tokio::test]
async fn tokens_end_when_the_option_says() {
    let port =
        Port::start_with(|config, _| config.token_ttl = std::time::Duration::from_secs(1)).await;
    let token = port.registered("alice").await;
    let mut session = port.session(&token).await.expect("the token counts");
    assert_eq!(session.error().await, Code::TokenExpired);
    let refused = port.session(&token).await.err();
    assert_eq!(
        refused,
        Some((Code::TokenExpired, "Token has expired".to_owned()))
    );
    let refusal = port.get_as(&token, "/auth/whoami").await.refusal();
    assert_eq!(refusal, (401, "token expired".to_owned()));
    assert!(port.session(&port.admin).await.is_ok(), "for ever");
    port.server.shutdown().await;
    let port = Port::start_with(|config, _| config.token_ttl = std::time::Duration::ZERO).await;
    let guest = port.post("/auth/guest", "{}").await;
    assert_eq!(guest.json()["expires_at"], json!(null));
}

/// T-AUTH-06
#[tokio::test]
async fn a_server_does_not_start_with_secrets_that_are_none() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("secret");
    let good = "0123456789abcdef0123456789abcdef";
    type Adjust = fn(&mut Config, &std::path::Path);
    let admin: Adjust = |config, path| config.admin_token = Some(path.to_owned());
    let tokens: Adjust = |config, path| config.token_files = vec![path.to_owned()];
    let accounts: Adjust = |config, path| {
        config.auth_port = Some(0);
        config.auth_db = path.to_owned();
    };
    for (adjust, content, is_private, expected) in [
        (admin, "", true, "is empty"),
        (
            admin,
            "cpsk_012345",
            true,
            "expected one token of at least 32",
        ),
        (admin, good, false, "chmod 600"),
        (tokens, "", true, "is empty"),
        (tokens, r#"{"tokens":{"cpsk_01"#, true, "no file of tokens"),
        (tokens, r#"{"tokens":{}}"#, false, "chmod 600"),
        (accounts, "", true, "is damaged: it is empty"),
        (
            accounts,
            "no database at all, but some text",
            true,
            "is damaged: it is no database",
        ),
    ] {
        std::fs::write(&path, content).expect("there is room");
        if is_private {
            make_private(&path);
        }
        check_refused(adjust, &path, expected).await;
        assert_eq!(
            std::fs::read_to_string(&path).expect("it is there"),
            content
        );
        std::fs::remove_file(&path).expect("it is there");
    }
    check_refused(tokens, &path, "there is no ").await;
    std::fs::create_dir(&path).expect("there is room");
    check_refused(admin, &path, "is no file").await;
    check_refused(tokens, &path, "is no file").await;
    check_refused(accounts, &path, "cannot open the auth database").await;
}

async fn check_refused(
    adjust: fn(&mut Config, &std::path::Path),
    path: &std::path::Path,
    expected: &str,
) {
    let config = config(|config| adjust(config, path));
    let started = soon("the start", Server::start(&config)).await;
    let refused = started.err().expect("it must not start").to_string();
    assert!(refused.contains(expected), "{refused}");
    assert!(
        refused.contains(path.to_str().expect("a text")),
        "{refused}"
    );
    assert!(!refused.contains("012345"), "no secret: {refused}");
}

/// Whoever gives any kind of token closes every listener, also without the port for accounts.
#[tokio::test]
async fn without_a_token_nobody_gets_in() {
    let port = Port::start().await;
    for protocol in crate::harness::PROTOCOLS {
        let mut client = crate::harness::Client::dial(&port.server, protocol).await;
        client.send(&crate::harness::hello()).await;
        assert_eq!(client.error().await, Code::Unauthorized, "{protocol}");
    }
    until("no session", || port.server.sessions() == 0).await;
}

#[cfg(feature = "caps")]
mod capabilities {
    use clasp_auth::SigningKey;
    use clasp_auth::capability::{Grant, delegate, mint};
    use clasp_proto::{Code, Message, Scopes};
    use clasp_server::Protocol;
    use serde_json::json;

    use crate::auth_port::{Asked, Port};
    use crate::harness::{Client, hello_with, start, wall_s};

    #[tokio::test]
    async fn a_link_is_revoked_with_what_was_made_from_it() {
        let (root, holder) = (
            SigningKey::from_seed(&[1; 32]),
            SigningKey::from_seed(&[2; 32]),
        );
        let anchor = root.public().hex();
        let port = Port::start_with(|config, _| config.trust_anchors = vec![anchor.clone()]).await;
        let grant = |scopes| Grant {
            scopes: Scopes::parse(scopes).expect("well formed"),
            expires_at: 4_000_000_000,
            audience: None,
        };
        let first = mint(&root, &grant("admin:/**")).expect("a token");
        let second = delegate(&first, &holder, &grant("write:/a/**"), wall_s())
            .expect("a token")
            .token;
        let third = delegate(&second, &holder, &grant("read:/a/**"), wall_s())
            .expect("a token")
            .token;
        let mut sessions = Vec::new();
        for token in [&first, &second, &third] {
            sessions.push(port.session(token).await.expect("it counts"));
        }
        let subject = format!("cap:{}", &holder.public().hex()[..32]);
        assert_eq!(
            port.get_as(&third, "/auth/whoami").await.text("user_id"),
            subject
        );
        let anchors = Asked {
            path: "/api/trust-anchors",
            ..Asked::default()
        };
        assert_eq!(port.ask(anchors).await.json()["anchors"], json!([anchor]));
        // The root may do everything, and takes back what was made of it.
        let revoke = json!({ "token": second }).to_string();
        let revoked = port.post_as(&first, "/auth/revoke", &revoke).await.json();
        assert_eq!(revoked, json!({ "revoked": 1, "sessions": 2 }));
        let text = "Invalid token: token was revoked".to_owned();
        for token in [&second, &third] {
            assert_eq!(
                port.session(token).await.err(),
                Some((Code::Unauthorized, text.clone()))
            );
        }
        assert!(port.session(&first).await.is_ok());
        for session in &mut sessions[1..] {
            assert_eq!(session.error().await, Code::Unauthorized);
        }
    }

    /// What was revoked stays so when the port is taken away.
    #[tokio::test]
    async fn what_was_revoked_is_so_without_the_port_too() {
        let root = SigningKey::from_seed(&[1; 32]);
        let anchor = root.public().hex();
        let anchors = vec![anchor.clone()];
        let port = Port::start_with(|config, _| config.trust_anchors = anchors.clone()).await;
        let grant = Grant {
            scopes: Scopes::parse("read:/a").expect("well formed"),
            // No database can tell that time.
            expires_at: u64::MAX,
            audience: None,
        };
        let tokens = [(); 2].map(|()| mint(&root, &grant).expect("a token"));
        let revoke = json!({ "token": tokens[0] }).to_string();
        let revoked = port.post_as(&port.admin, "/auth/revoke", &revoke).await;
        assert_eq!(revoked.json(), json!({ "revoked": 1, "sessions": 0 }));
        let Port { server, folder, .. } = port;
        server.shutdown().await;
        let server = start(|config| {
            config.trust_anchors = anchors;
            config.auth_db = folder.path().join("auth.db");
        });
        let server = server.await;
        for (token, expected) in tokens.iter().zip([false, true]) {
            let mut client = Client::dial(&server, Protocol::Tcp).await;
            client.send(&hello_with(Some(token))).await;
            let is_welcome = matches!(client.next().await, Message::Welcome(_));
            assert_eq!(is_welcome, expected);
        }
    }
}
