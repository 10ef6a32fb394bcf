//! Accounts and guests: who gets a token, which rights it has, and what is said to whoever gets none.

use std::time::{Duration, Instant};

use clasp_proto::Code;
use clasp_server::AppConfigFile;
use serde_json::{Value, json};

use crate::auth_port::{Asked, Port, rules};

/// Status and words of every refusal, as clients of CLASP 4.5 know them.
#[tokio::test]
async fn what_is_refused_is_refused_in_the_words_that_clients_know() {
    let port = Port::start().await;
    port.registered("alice").await;
    let named = r#"{"username":"zoe","password":"secret1","user_id":"zoe-1"}"#;
    assert_eq!(port.post("/auth/register", named).await.status, 200);
    for (path, body, status, text) in REFUSED {
        let answer = port.post(&format!("/auth/{path}"), body).await;
        assert_eq!(answer.refusal(), (status, text.to_owned()), "{path} {body}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let port = Port::start().await;
    for path in ["register", "login", "guest"] {
        let path = format!("/auth/{path}");
        for body in [" ".repeat(17_000), "[".repeat(100_000)] {
            let refusal = port.post(&path, &body).await.refusal();
            assert_eq!(refusal, (400, "Invalid request body".to_owned()), "{path}");
        }
        for body in [
            "[".repeat(16_000),
            format!("{{\"name\":{}", "[".repeat(16_000)),
        ] {
            let refusal = port.post(&path, &body).await.refusal();
            assert_eq!(refusal, (400, "Invalid JSON".to_owned()), "{path}");
        }
        let asked = Asked {
            path: &path,
            ..Asked::default()
        };
        let answer = port.ask(asked).await;
        assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{path}");
    }
    let asked = Asked {
        path: "/auth/other",
        ..Asked::default()
    };
    let answer = port.ask(asked).await;
    assert_eq!((answer.status, answer.body.as_str()), (404, ""));
}

#[tokio::test]
async fn too_many_are_told_when_to_come_again() {
    let port = Port::start().await;
    let from = Some("9.9.9.9");
    // Registrations and guests are counted together, also those that make no sense.
    for number in 0..10 {
        let path = ["/auth/register", "/auth/guest"][number % 2];
        let asked = Asked {
            method: "POST",
            path,
            body: "{",
            from,
            ..Asked::default()
        };
        assert_eq!(port.ask(asked).await.status, 400, "{number}");
    }
    for (path, text) in [
        (
            "/auth/register",
            "Too many registration attempts. Please wait and try again.",
        ),
        (
            "/auth/guest",
            "Too many requests. Please wait and try again.",
        ),
    ] {
        let asked = Asked {
            method: "POST",
            path,
            body: "{}",
            from,
            ..Asked::default()
        };
        let answer = port.ask(asked).await;
        assert_eq!(answer.refusal(), (429, text.to_owned()));
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=61).contains(&seconds), "{seconds}");
    }
    assert_eq!(
        port.post("/auth/guest", "{}").await.status,
        200,
        "from elsewhere"
    );
}

#[tokio::test]
async fn a_token_is_what_clients_expect_and_opens_a_session() {
    let port = Port::start().await;
    let body = r#"{"username":" alice ","password":"secret1"}"#;
    let registered = port.post("/auth/register", body).await;
    let logged_in = port.post("/auth/login", body).await;
    let guest = port.post("/auth/guest", r#"{"name":" Gast "}"#).await;
    let nameless = port.post("/auth/guest", "{}").await;
    for (answer, username) in [
        (&registered, "alice"),
        (&logged_in, "alice"),
        (&guest, "Gast"),
        (&nameless, ""),
    ] {
        let user_id = answer.text("user_id");
        assert!(user_id.starts_with("u-"), "{user_id}");
        assert_eq!(answer.text("session_id"), user_id);
        let end = &user_id[user_id.len() - 6..];
        let expected = match username {
            "" => format!("guest-{end}"),
            name => name.to_owned(),
        };
        assert_eq!(answer.text("username"), expected);
        assert_eq!(answer.scopes(), ["read:/**", "write:/**"]);
        let expires_at = answer.json()["expires_at"].as_u64().unwrap();
        let day = crate::harness::wall_s() + 86_400;
        assert!((day - 60..=day).contains(&expires_at), "{expires_at}");
        let token = answer.text("token");
        assert_eq!((token.len(), &token[..5]), (37, "cpsk_"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(port.session(&token).await.is_ok());
        let told = port.get_as(&token, "/auth/whoami").await.json();
        for member in ["user_id", "session_id", "username", "scopes", "expires_at"] {
            assert_eq!(told[member], answer.json()[member], "{member}");
        }
    }
    assert_eq!(registered.text("user_id"), logged_in.text("user_id"));
    let short = port.post("/auth/guest", r#"{"user_id":"bob"}"#).await;
    assert_eq!(short.text("username"), "guest-bob");
    let refused = port.session("cpsk_00000000000000000000000000000000").await;
    let text = "Invalid token: token not found".to_owned();
    assert_eq!(refused.err(), Some((Code::Unauthorized, text)));
    let refused = port.session("hello").await;
    let text = "Invalid token: no validator accepted the token".to_owned();
    assert_eq!(refused.err(), Some((Code::Unauthorized, text)));
}

#[tokio::test]
async fn accounts_and_tokens_survive_a_restart() {
    let port = Port::start().await;
    let token = port.registered("alice").await;
    let gone = port.post("/auth/guest", "{}").await.text("token");
    let revoked = json!({ "token": gone }).to_string();
    assert_eq!(
        port.post_as(&port.admin, "/auth/revoke", &revoked)
            .await
            .status,
        200
    );
    let refused = port.second().await.err().map(|error| error.to_string());
    assert!(refused.unwrap_or_default().contains("in use by process"));
    let port = port.restart().await;
    assert!(port.session(&token).await.is_ok());
    assert!(port.session(&gone).await.is_err(), "it was revoked");
    assert!(port.session(&port.admin).await.is_ok());
    let body = r#"{"username":"alice","password":"secret1"}"#;
    assert_eq!(port.post("/auth/login", body).await.status, 200);
    assert_eq!(port.post("/auth/register", body).await.status, 409);
}

/// T-AUTH-02
#[tokio::test]
async fn nobody_gets_more_than_the_rules_of_the_application_allow() {
    let text = r#"{"scopes":["read:/room/**","write:/user/{userId}/**"]}"#;
    let port = Port::start_with(|config, folder| {
        config.app_config = AppConfigFile::At(rules(folder, text));
    })
    .await;
    let own = ["read:/room/**", "write:/user/me-1/**"];
    for (asked, expected) in [
        ("", &own[..]),
        (r#","scopes":null"#, &own),
        (r#","scopes":[]"#, &[]),
        (
            r#","scopes":["admin:/**","*:/**","write:/**","read:/**"]"#,
            &[],
        ),
        (
            r#","scopes":["write:/user/**","write:/user/you/**","write:/room/1"]"#,
            &[],
        ),
        (
            r#","scopes":["read:/room/1","r:/user/me-1/x","nonsense"]"#,
            &["read:/room/1", "read:/user/me-1/x"],
        ),
    ] {
        let guest = format!(r#"{{"user_id":"me-1"{asked}}}"#);
        let guest = port.post("/auth/guest", &guest).await;
        assert_eq!(guest.scopes(), expected, "{asked}");
        let token = guest.text("token");
        port.post_as(&token, "/auth/logout", "").await;
    }
    for user_id in ["{userId}", "**", "*", "a/b", "a/../b"] {
        let body = json!({ "user_id": user_id }).to_string();
        assert_eq!(
            port.post("/auth/guest", &body).await.status,
            400,
            "{user_id}"
        );
    }
    let register = r#"{"username":"alice","password":"secret1","user_id":"al","scopes":["admin:/**","read:/room/2"]}"#;
    let registered = port.post("/auth/register", register).await;
    assert_eq!(registered.scopes(), ["read:/room/2"]);
    let login = r#"{"username":"alice","password":"secret1","scopes":["admin:/**"]}"#;
    assert_eq!(port.post("/auth/login", login).await.scopes(), [""; 0]);
    let login = r#"{"username":"alice","password":"secret1"}"#;
    let all = port.post("/auth/login", login).await;
    assert_eq!(all.scopes(), ["read:/room/**", "write:/user/al/**"]);
    // A narrow token stays narrow when it is renewed.
    let renewed = port
        .post_as(&registered.text("token"), "/auth/refresh", "")
        .await;
    assert_eq!(renewed.scopes(), ["read:/room/2"]);
}

#[tokio::test]
async fn rules_without_scopes_give_none() {
    let port = Port::start_with(|config, folder| {
        config.app_config = AppConfigFile::At(rules(folder, "{}"));
    })
    .await;
    let guest = port.post("/auth/guest", r#"{"scopes":["read:/a"]}"#).await;
    assert_eq!(guest.scopes(), [""; 0]);
}

#[tokio::test]
async fn a_guest_keeps_its_id_for_itself() {
    let port = Port::start().await;
    let body = r#"{"user_id":"bob"}"#;
    let first = port.post("/auth/guest", body).await;
    let token = first.text("token");
    // Somebody else, with and without a token of its own.
    assert_eq!(port.post("/auth/guest", body).await.status, 409);
    let other = port.post("/auth/guest", "{}").await.text("token");
    assert_eq!(port.post_as(&other, "/auth/guest", body).await.status, 409);
    let register = r#"{"username":"bobby","password":"secret1","user_id":"bob"}"#;
    assert_eq!(port.post("/auth/register", register).await.status, 409);
    assert_eq!(
        port.post_as(&other, "/auth/register", register)
            .await
            .status,
        409
    );
    // Bob.
    let again = port.post_as(&token, "/auth/guest", body).await;
    assert_eq!(again.text("user_id"), "bob");
    let registered = port.post_as(&token, "/auth/register", register).await;
    assert_eq!(registered.text("user_id"), "bob");
    assert_eq!(
        port.post_as(&token, "/auth/guest", body).await.status,
        409,
        "an account now"
    );
    // When it has gone, its id is free.
    let gone = port
        .post("/auth/guest", r#"{"user_id":"eve"}"#)
        .await
        .text("token");
    assert_eq!(port.post_as(&gone, "/auth/logout", "").await.status, 200);
    assert_eq!(
        port.post("/auth/guest", r#"{"user_id":"eve"}"#)
            .await
            .status,
        200
    );
}

async fn log_in(port: &Port, username: &str, password: &str, from: &str) -> u16 {
    let body = json!({ "username": username, "password": password }).to_string();
    let asked = Asked {
        method: "POST",
        path: "/auth/login",
        body: &body,
        from: Some(from),
        ..Asked::default()
    };
    port.ask(asked).await.status
}

/// T-AUTH-11
#[tokio::test]
async fn passwords_are_not_guessed() {
    let port = Port::start().await;
    port.registered("alice").await;
    port.registered("bob").await;
    // One account from everywhere, in any case of its name; unknown accounts the same.
    for name in ["alice", "nobody"] {
        for number in 0..5 {
            let from = format!("{}.1.1.{number}", if name == "alice" { 7 } else { 8 });
            assert_eq!(
                log_in(&port, name, "wrong-1", &from).await,
                401,
                "{name} {number}"
            );
        }
        let right = log_in(&port, &name.to_uppercase(), "secret1", "7.1.1.99").await;
        assert_eq!(right, 429, "{name}");
    }
    // One address at every account, a network of IPv6 as one address.
    for number in 0..5 {
        let from = format!("2001:db8::{number}");
        assert_eq!(
            log_in(&port, &format!("user-{number}"), "wrong-1", &from).await,
            401
        );
    }
    assert_eq!(log_in(&port, "bob", "secret1", "2001:db8::ff").await, 429);
    assert_eq!(
        log_in(&port, "bob", "secret1", "2001:db8:0:1::1").await,
        200
    );
    let port = port.restart().await;
    assert_eq!(
        log_in(&port, "alice", "secret1", "7.1.1.98").await,
        429,
        "it remembers"
    );
    assert_eq!(log_in(&port, "bob", "secret1", "2001:db8::fe").await, 429);
    assert_eq!(log_in(&port, "bob", "secret1", "7.1.1.97").await, 200);
}

#[tokio::test]
async fn many_guesses_at_once_are_no_more_than_one_after_the_other() {
    let port = Port::start().await;
    port.registered("alice").await;
    let guesses = (0..40).map(|_| log_in(&port, "alice", "wrong-1", "6.1.1.1"));
    let mut guesses: Vec<_> = guesses.map(Box::pin).collect();
    let mut statuses = Vec::new();
    while !guesses.is_empty() {
        let next = std::future::poll_fn(|context| {
            let ready = guesses.iter_mut().enumerate().find_map(|(index, guess)| {
                match guess.as_mut().poll(context) {
                    std::task::Poll::Ready(status) => Some((index, status)),
                    std::task::Poll::Pending => None,
                }
            });
            ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        });
        let (index, status) = next.await;
        drop(guesses.swap_remove(index));
        statuses.push(status);
    }
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!(count(401), 5, "{statuses:?}");
    assert_eq!(count(429) + count(503), 35, "{statuses:?}");
}

#[tokio::test]
async fn who_is_not_a_trusted_proxy_speaks_for_itself() {
    let port = Port::start_with(|config, _| {
        config.trusted_proxies = vec!["10.0.0.0/8".to_owned()];
    })
    .await;
    for number in 0..10 {
        let asked = Asked {
            method: "POST",
            path: "/auth/guest",
            body: "{}",
            ..Asked::default()
        };
        assert_eq!(port.ask(asked).await.status, 200, "{number}");
    }
    assert_eq!(port.post("/auth/guest", "{}").await.status, 429);
}

#[tokio::test]
async fn success_clears_what_failed_before() {
    let port = Port::start().await;
    port.registered("alice").await;
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(log_in(&port, "alice", "wrong-1", "5.1.1.1").await, 401);
        }
        assert_eq!(log_in(&port, "alice", "secret1", "5.1.1.1").await, 200);
    }
}

/// Whoever has an account of its own gets no new attempts at those of others by it.
#[tokio::test]
async fn success_clears_only_what_failed_with_the_same_name() {
    let port = Port::start().await;
    port.registered("alice").await;
    port.registered("mallory").await;
    for number in 0..5 {
        let guess = log_in(&port, "alice", "wrong-1", "5.1.1.2").await;
        assert_eq!(guess, 401, "{number}");
        let expected = if number < 4 { 200 } else { 429 };
        let own = log_in(&port, "mallory", "secret1", "5.1.1.2").await;
        assert_eq!(own, expected, "{number}");
    }
}

/// Whether a name has an account is not told by how long the answer takes.
#[tokio::test]
async fn unknown_names_take_as_long_as_wrong_passwords() {
    let text = r#"{"rate_limits":{"login_max_attempts":100000},"scopes":[]}"#;
    let port = Port::start_with(|config, folder| {
        config.app_config = AppConfigFile::At(rules(folder, text));
    })
    .await;
    port.registered("alice").await;
    let mut times = [Vec::new(), Vec::new()];
    // In turn, so that both meet the same noise.
    for number in 0..40 {
        let index = number % 2;
        let name = ["alice", "nobody"][index];
        let begin = Instant::now();
        assert_eq!(log_in(&port, name, "wrong-1", "4.1.1.1").await, 401);
        times[index].push(begin.elapsed());
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    let (less, more) = (known.min(unknown), known.max(unknown));
    assert!(
        less > Duration::from_millis(5),
        "passwords are hashed: {less:?}"
    );
    assert!(more < less * 3 / 2, "known {known:?}, unknown {unknown:?}");
}

#[tokio::test]
async fn a_child_has_less_and_ends_with_its_parent() {
    let port = Port::start().await;
    let parent = port
        .post(
            "/auth/guest",
            r#"{"user_id":"pa","scopes":["write:/a/**"]}"#,
        )
        .await;
    let token = parent.text("token");
    let child = port
        .post_as(
            &token,
            "/auth/register",
            r#"{"name":"lamp","scopes":["read:/a/1"]}"#,
        )
        .await;
    assert_eq!(child.scopes(), ["read:/a/1"]);
    assert_eq!(
        (child.text("user_id"), child.text("username")),
        ("pa".to_owned(), "lamp".to_owned())
    );
    assert!(child.json()["expires_at"].as_u64() <= parent.json()["expires_at"].as_u64());
    let child = child.text("token");
    for (body, status, text) in [
        (
            r#"{"scopes":["read:/b"]}"#,
            403,
            "scope 'read:/b' is not within the scopes of the token that it is to be made from",
        ),
        (
            r#"{"scopes":["admin:/a/1"]}"#,
            403,
            "scope 'admin:/a/1' is not within the scopes of the token that it is to be made from",
        ),
        (r#"{"scopes":["see:/a"]}"#, 400, ""),
    ] {
        let refusal = port.post_as(&token, "/auth/register", body).await.refusal();
        assert_eq!(refusal.0, status, "{body}");
        assert!(refusal.1 == text || text.is_empty(), "{refusal:?}");
    }
    let wide = port
        .post_as(&child, "/auth/register", r#"{"scopes":["write:/a/1"]}"#)
        .await;
    assert_eq!(wide.status, 403, "a child of a child");
    let without = port.post("/auth/register", r#"{"name":"lamp"}"#).await;
    assert_eq!(without.refusal(), (400, "Invalid JSON".to_owned()));
    let wrong = port
        .post_as("cpsk_1", "/auth/register", r#"{"name":"lamp"}"#)
        .await;
    assert_eq!(wrong.refusal(), (401, "invalid token".to_owned()));
    let refused = port.post_as(&child, "/auth/refresh", "").await;
    assert_eq!(refused.status, 403, "it would outlive its parent");
    let mut session = port.session(&child).await.expect("the token counts");
    let given_back = port.post_as(&token, "/auth/logout", "").await;
    assert_eq!(given_back.json(), json!({ "revoked": 2, "sessions": 1 }));
    assert_eq!(session.error().await, Code::Unauthorized);
    assert!(port.session(&child).await.is_err());
}

#[tokio::test]
async fn pages_may_ask_from_where_they_are_allowed() {
    let preflight = |origin: &str| {
        format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: authorization,content-type,x-mine\r\n"
        )
    };
    let port = Port::start().await;
    let paths = [
        "/auth/login",
        "/auth/revoke",
        "/api/tokens",
        "/api/sessions",
        "/health",
    ];
    for path in paths {
        let headers = preflight("https://any.example");
        let asked = Asked {
            method: "OPTIONS",
            path,
            headers: &headers,
            ..Asked::default()
        };
        let answer = port.ask(asked).await;
        let allowed = answer.header("access-control-allow-headers");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("*"),
            "{path}"
        );
        assert_eq!(allowed, Some("authorization,content-type,x-mine"), "{path}");
    }
    port.server.shutdown().await;
    let port = Port::start_with(|config, _| {
        config.cors_origins = vec!["https://a.example".to_owned()];
    })
    .await;
    for path in paths {
        for (origin, expected) in [
            ("https://a.example", Some("https://a.example")),
            ("https://b.example", None),
        ] {
            let headers = preflight(origin);
            let asked = Asked {
                method: "OPTIONS",
                path,
                headers: &headers,
                ..Asked::default()
            };
            let answer = port.ask(asked).await;
            assert_eq!(
                answer.header("access-control-allow-origin"),
                expected,
                "{path}"
            );
            let methods = answer.header("access-control-allow-methods");
            assert_eq!(methods, Some("get,post,put,delete,options"), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
}

#[tokio::test]
async fn the_port_says_that_it_is_there() {
    let port = Port::start().await;
    for (path, expected) in [
        ("/health", "ok\n"),
        ("/", "the auth port of a CLASP relay\n"),
    ] {
        let asked = Asked {
            path,
            ..Asked::default()
        };
        let answer = port.ask(asked).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    }
    let asked = Asked {
        path: "/api/trust-anchors",
        ..Asked::default()
    };
    let expected: Value = json!({ "anchors": [], "cap_max_depth": 5 });
    assert_eq!(port.ask(asked).await.json(), expected);
}

const TAKEN: &str = "Username or identity already taken";
const WRONG: &str = "Invalid username or password";
const USER_ID: &str = "Invalid user_id format (alphanumeric, hyphens, underscores; max 64 chars)";

/// Route, body, status and words.
type Refused = (&'static str, &'static str, u16, &'static str);

const REFUSED: [Refused; 21] = [
    ("register", "", 400, "Invalid JSON"),
    ("register", "{", 400, "Invalid JSON"),
    ("register", "{}", 400, "Invalid JSON"),
    ("register", r#"{"username":"bob"}"#, 400, "Invalid JSON"),
    (
        "register",
        r#"{"username":"bob","password":123456}"#,
        400,
        "Invalid JSON",
    ),
    (
        "register",
        r#"{"username":"b","password":"secret1"}"#,
        400,
        "Username must be 2-32 characters",
    ),
    (
        "register",
        r#"{"username":"bob","password":"12345"}"#,
        400,
        "Password must be at least 6 characters",
    ),
    (
        "register",
        r#"{"username":"bob","password":"secret1","user_id":"a/b"}"#,
        400,
        USER_ID,
    ),
    (
        "register",
        r#"{"username":"alice","password":"secret1"}"#,
        409,
        TAKEN,
    ),
    (
        "register",
        r#"{"username":"bob","password":"secret1","user_id":"zoe-1"}"#,
        409,
        TAKEN,
    ),
    (
        "register",
        r#"{"username":"bob","password":"secret1","user_id":"admin-bootstrap"}"#,
        409,
        TAKEN,
    ),
    ("login", "", 400, "Invalid JSON"),
    ("login", r#"{"username":"alice"}"#, 400, "Invalid JSON"),
    (
        "login",
        r#"{"username":"alice","password":"secret2"}"#,
        401,
        WRONG,
    ),
    (
        "login",
        r#"{"username":"nobody","password":"secret1"}"#,
        401,
        WRONG,
    ),
    (
        "login",
        r#"{"username":"Alice","password":"secret1"}"#,
        401,
        WRONG,
    ),
    ("guest", "", 400, "Invalid JSON"),
    ("guest", r#"{"name":5}"#, 400, "Invalid JSON"),
    (
        "guest",
        r#"{"user_id":"a b"}"#,
        400,
        "Invalid user_id format",
    ),
    (
        "guest",
        r#"{"user_id":"zoe-1"}"#,
        409,
        "This identity belongs to a registered user. Please sign in.",
    ),
    (
        "guest",
        r#"{"name":"ALICE"}"#,
        409,
        "That name belongs to a registered user. Sign in or pick a different name.",
    ),
];
