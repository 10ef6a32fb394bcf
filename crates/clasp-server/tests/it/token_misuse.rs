//! What nobody can make of the token that it holds: more rights, somebody else's name, more time than was left to it.

use std::path::{Path, PathBuf};

use clasp_proto::Code;
use clasp_server::AppConfigFile;
use serde_json::json;

use crate::auth_port::{Asked, Port, rules};
use crate::harness::make_private;

const STRICT: &str = r#"{"strict_read":true,"scopes":["write:/mail/**"]}"#;

/// A scope to read is not within one to write where reading is strict.
#[tokio::test]
async fn who_may_write_cannot_ask_to_read_where_reading_is_strict() {
    let port = Port::start_with(|config, folder| {
        config.app_config = AppConfigFile::At(rules(folder, STRICT));
    })
    .await;
    let wish = r#""scopes":["read:/mail/**","emit:/mail/a"]"#;
    let guest = port.post("/auth/guest", &format!("{{{wish}}}")).await;
    let account = format!(r#"{{"username":"alice","password":"secret1",{wish}}}"#);
    let registered = port.post("/auth/register", &account).await;
    let logged_in = port.post("/auth/login", &account).await;
    for answer in [guest, registered, logged_in] {
        assert_eq!(answer.scopes(), ["emit:/mail/a"]);
    }
    let writer = port.post("/auth/guest", "{}").await.text("token");
    for (scope, status) in [("read:/mail/1", 403), ("write:/mail/1", 200)] {
        let child = json!({ "scopes": [scope] }).to_string();
        let answer = port.post_as(&writer, "/auth/register", &child).await;
        assert_eq!(answer.status, status, "{scope}: {answer:?}");
    }
    // An administrator decides itself.
    let granted = port
        .post_as(
            &port.admin,
            "/api/tokens",
            r#"{"scopes":["read:/mail/**"]}"#,
        )
        .await;
    assert_eq!(granted.scopes(), ["read:/mail/**"]);
}

/// Whoever was handed less of a guest's rights is not that guest; nor is whoever was granted its name.
#[tokio::test]
async fn a_child_does_not_become_its_parent() {
    let port = Port::start_with(|config, folder| {
        config.token_files = vec![token_file(folder)];
    })
    .await;
    let own = r#"{"user_id":"pa"}"#;
    let parent = port.post("/auth/guest", own).await.text("token");
    let child = r#"{"name":"lamp","scopes":["read:/a/1"]}"#;
    let child = port.post_as(&parent, "/auth/register", child).await;
    let child = child.text("token");
    let grant = r#"{"scopes":["read:/a/1"],"subject":"desk"}"#;
    let granted = port.post_as(&port.admin, "/api/tokens", grant).await;
    let granted = granted.text("token");
    for (token, user_id) in [(&*child, "pa"), (&*granted, "desk"), (LISTED, "file-1")] {
        let guest = json!({ "user_id": user_id }).to_string();
        let account = json!({ "user_id": user_id, "username": user_id, "password": "secret1" });
        let refused = port.post_as(token, "/auth/guest", &guest).await;
        assert_eq!(refused.status, 409, "{user_id} {refused:?}");
        let refused = port
            .post_as(token, "/auth/register", &account.to_string())
            .await;
        assert_eq!(refused.status, 409, "{user_id} {refused:?}");
    }
    assert_eq!(port.post_as(&parent, "/auth/guest", own).await.status, 200);
}

/// Renewing is no way around the limit of newcomers.
#[tokio::test]
async fn nobody_renews_without_end() {
    let port = Port::start().await;
    let token = port.registered("alice").await;
    let refresh = || Asked {
        method: "POST",
        path: "/auth/refresh",
        bearer: Some(&token),
        from: Some("9.8.7.6"),
        ..Asked::default()
    };
    for number in 0..10 {
        assert_eq!(port.ask(refresh()).await.status, 200, "{number}");
    }
    let refused = port.ask(refresh()).await;
    let text = "Too many requests. Please wait and try again.".to_owned();
    assert_eq!(refused.refusal(), (429, text));
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn a_token_has_no_more_scopes_than_are_looked_at() {
    let port = Port::start().await;
    let many = |number| {
        (0..number)
            .map(|it| format!("read:/{it}"))
            .collect::<Vec<_>>()
    };
    let long = vec![format!("read:/{}", "x".repeat(200)); 2000];
    let wide: Vec<_> = (0..40)
        .map(|it| format!("read:/{it}/{}", "x".repeat(120)))
        .collect();
    let text = "scopes: expected at most 64 different ones of 4096 bytes together";
    let parent = port.registered("alice").await;
    for (scopes, expected) in [
        (
            vec!["r:/b".to_owned(), "read:/b".to_owned(), " r:/b".to_owned()],
            Ok(1),
        ),
        (vec!["r:/b".to_owned(); 2000], Ok(1)),
        (many(64), Ok(64)),
        (many(65), Err(text)),
        (wide, Err(text)),
        (long[..60].to_vec(), Ok(1)),
    ] {
        let guest = json!({ "scopes": scopes }).to_string();
        for answer in [
            port.post("/auth/guest", &guest).await,
            port.post_as(&parent, "/auth/register", &guest).await,
        ] {
            match expected {
                Ok(number) => assert_eq!(answer.scopes().len(), number, "{guest:.60}"),
                Err(text) => assert_eq!(answer.refusal(), (400, text.to_owned()), "{guest:.60}"),
            }
        }
    }
}

/// Whoever had the token for a moment and renewed it has nothing when it is revoked or given back.
#[tokio::test]
async fn what_was_renewed_ends_with_what_it_was_renewed_from() {
    let port = Port::start().await;
    for is_revoked in [true, false] {
        for index in 0..3 {
            let first = port.post("/auth/guest", "{}").await.text("token");
            let second = port
                .post_as(&first, "/auth/refresh", "")
                .await
                .text("token");
            let third = port
                .post_as(&second, "/auth/refresh", "")
                .await
                .text("token");
            let child = port
                .post_as(&third, "/auth/register", "{}")
                .await
                .text("token");
            let tokens = [&first, &second, &third];
            let mut session = port.session(&child).await.expect("it counts");
            let answer = if is_revoked {
                let revoke = json!({ "token": tokens[index] }).to_string();
                port.post_as(&port.admin, "/auth/revoke", &revoke).await
            } else {
                port.post_as(tokens[index], "/auth/logout", "").await
            };
            assert_eq!(
                answer.json(),
                json!({ "revoked": 4, "sessions": 1 }),
                "{index}"
            );
            assert_eq!(session.error().await, Code::Unauthorized);
            for token in tokens {
                assert_eq!(port.get_as(token, "/auth/whoami").await.status, 401);
            }
        }
    }
}

/// A revocation that whoever is shut out can undo by connecting again does not look like one.
#[tokio::test]
async fn who_cannot_be_shut_out_here_is_told_where_to_do_it() {
    let port = Port::start_with(|config, folder| {
        config.token_files = vec![token_file(folder)];
        if cfg!(feature = "caps") {
            config.trust_anchors = vec![ANCHOR.to_owned()];
        }
        if cfg!(feature = "registry") {
            config.registry_db = Some(folder.join("registry.db"));
        }
    })
    .await;
    let (entity, capability) = (
        "clasp:PGJuTsxRtBjG7mLGZ1XfN7",
        "cap:00112233445566778899aabbccddeeff",
    );
    for (asked, expected, sessions) in [
        (json!({ "subject": "file-1" }), Some("--token-file"), 1),
        (json!({ "token": LISTED }), Some("--token-file"), 1),
        (
            json!({ "subject": "admin-bootstrap" }),
            Some("--admin-token"),
            0,
        ),
        (json!({ "token": port.admin }), Some("--admin-token"), 0),
        (
            json!({ "subject": entity }),
            cfg!(feature = "registry").then_some("/status"),
            0,
        ),
        (
            json!({ "subject": capability }),
            cfg!(feature = "caps").then_some("by its text"),
            0,
        ),
    ] {
        let mut session = port.session(LISTED).await.expect("it counts");
        let answer = port
            .post_as(&port.admin, "/auth/revoke", &asked.to_string())
            .await;
        let Some(expected) = expected else {
            assert_eq!(answer.status, 200, "{asked}");
            continue;
        };
        let (status, text) = answer.refusal();
        assert_eq!(status, 409, "{asked} {text}");
        assert!(text.contains(expected), "{asked} {text}");
        if sessions == 1 {
            assert!(text.starts_with("1 sessions have ended"), "{asked} {text}");
            assert_eq!(session.error().await, Code::Unauthorized);
        } else {
            port.post_as(&port.admin, "/auth/revoke", r#"{"subject":"file-1"}"#)
                .await;
            session.end().await;
        }
    }
}

/// Of the subject file-1.
const LISTED: &str = "cpsk_ffffffffffffffffffffffffffffffff";

const ANCHOR: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

fn token_file(folder: &Path) -> PathBuf {
    let path = folder.join("tokens.json");
    let tokens = json!({ LISTED: { "scopes": ["read:/a"], "subject": "file-1" } });
    std::fs::write(&path, json!({ "tokens": tokens }).to_string()).expect("there is room");
    make_private(&path);
    path
}
