//! The routes as a client meets them, without a socket.

use axum::body::{Body, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;

const STAGE: &str = r#"{"name":"Stage","endpoints":{"ws":"ws://10.0.0.1:7330"},"tags":["live"],"features":["param"]}"#;

/// An answer: its status, its body as JSON if it is, and the header that tells when to come back.
#[derive(Debug)]
struct Answered {
    status: StatusCode,
    body: Value,
    retry_after: Option<String>,
}

impl Answered {
    fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }
}

struct Client {
    routes: Router,
    peer: SocketAddr,
}

impl Client {
    fn new() -> Self {
        Self {
            routes: routes(Duration::from_secs(300), Clock::new())
                .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX)),
            peer: SocketAddr::from(([10, 0, 0, 1], 1)),
        }
    }

    /// The same server from another address.
    fn elsewhere(&self, last: u8) -> Self {
        Self {
            routes: self.routes.clone(),
            peer: SocketAddr::from(([10, 0, 0, last], 1)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        secret: &str,
        body: impl Into<Body>,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        if !secret.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {secret}"));
        }
        let request = request.extension(ConnectInfo(self.peer));
        self.answer(request.body(body.into()).unwrap()).await
    }

    async fn answer(&self, request: Request) -> Answered {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.map(|wait| wait.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Answered {
            status,
            body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
            retry_after,
        }
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(Method::GET, path, "", "").await
    }

    async fn register(&self, body: impl Into<Body>) -> Answered {
        self.send(Method::POST, "/api/v1/register", "", body).await
    }

    async fn status(&self, method: Method, path: &str, secret: &str) -> StatusCode {
        self.send(method, path, secret, "").await.status
    }
}

#[tokio::test]
async fn a_device_registers_and_is_found() {
    let client = Client::new();
    let registered = client.register(STAGE).await;
    assert_eq!(registered.status, StatusCode::CREATED);
    assert_eq!(registered.body["ttl"], 300);
    assert!(registered.body["timestamp"].as_u64() > Some(1_577_836_800_000_000));
    assert!(
        registered.body["secret"]
            .as_str()
            .is_some_and(|secret| secret.len() >= 32)
    );
    for path in [
        "",
        "?tag=live",
        "?feature=param",
        "?tag=live&feature=param&limit=1",
    ] {
        let found = client.get(&format!("/api/v1/discover{path}")).await.body;
        assert_eq!(found.as_array().map(Vec::len), Some(1), "{path}: {found}");
        let device = &found[0];
        assert_eq!(device["id"], registered.body["id"]);
        assert_eq!(device["url"], "ws://10.0.0.1:7330");
        assert_eq!(device["endpoints"]["ws"], "ws://10.0.0.1:7330");
        assert_eq!(device["registeredAt"], registered.body["timestamp"]);
        assert_eq!(device["lastSeen"], device["registeredAt"]);
        assert_eq!(device["metadata"], json!({}));
        assert!(device.get("publicKey").is_none() && device.get("secret").is_none());
    }
    for path in ["?tag=dead", "?feature=event", "?limit=0"] {
        let found = client.get(&format!("/api/v1/discover{path}")).await;
        assert_eq!(
            (found.status, found.body),
            (StatusCode::OK, json!([])),
            "{path}"
        );
    }
    let health = client.get("/api/v1/health").await;
    assert_eq!((health.status, health.body), (StatusCode::OK, json!("OK")));
}

#[tokio::test]
async fn the_brief_list_has_urls_with_the_one_to_use_in_front() {
    let client = Client::new();
    client
        .register(r#"{"name":"A","endpoints":{"a":"udp://h","ws":"ws://h"}}"#)
        .await;
    client
        .register(r#"{"name":"B","endpoints":{"a":"udp://h"}}"#)
        .await;
    let expected = json!({"devices": [
        {"name": "A", "url": "ws://h", "endpoints": ["ws://h", "udp://h"]},
        {"name": "B", "url": "udp://h", "endpoints": ["udp://h"]},
    ]});
    assert_eq!(client.get("/discover").await.body, expected);
    assert_eq!(
        client.get("/discover?limit=0").await.body,
        json!({"devices": []})
    );
}

#[tokio::test]
async fn only_the_owner_refreshes_and_unregisters() {
    let owner = Client::new();
    let stranger = owner.elsewhere(2);
    let registered = owner.register(STAGE).await.body;
    let (id, secret) = (
        registered["id"].as_str().unwrap(),
        registered["secret"].as_str().unwrap(),
    );
    let refresh = format!("/api/v1/refresh/{id}");
    let unregister = format!("/api/v1/unregister/{id}");
    for (client, secret, status) in [
        (&stranger, "", StatusCode::FORBIDDEN),
        (&stranger, "guess", StatusCode::FORBIDDEN),
        (&owner, "guess", StatusCode::FORBIDDEN),
        (&owner, "", StatusCode::OK),
        (&stranger, secret, StatusCode::OK),
        (&owner, "", StatusCode::FORBIDDEN),
    ] {
        assert_eq!(client.status(Method::POST, &refresh, secret).await, status);
    }
    assert_eq!(
        stranger.status(Method::DELETE, &unregister, "").await,
        StatusCode::FORBIDDEN
    );
    let again = owner
        .send(Method::POST, "/api/v1/register", secret, STAGE)
        .await
        .body;
    assert_eq!(
        (&again["id"], again.get("secret")),
        (&registered["id"], None)
    );
    assert_eq!(
        stranger.status(Method::DELETE, &unregister, secret).await,
        StatusCode::NO_CONTENT
    );
    for (method, path) in [
        (Method::DELETE, unregister.as_str()),
        (Method::POST, refresh.as_str()),
        (Method::POST, "/api/v1/refresh/no-id"),
    ] {
        assert_eq!(owner.status(method, path, "").await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn refusals_say_what_was_expected() {
    let client = Client::new();
    let register = "/api/v1/register";
    let check = async |method, path, body: &str, status, text| {
        let refused = client.send(method, path, "", body.to_owned()).await;
        assert_eq!(refused.status, status, "{path} {refused:?}");
        assert!(refused.error().contains(text), "{path}: {refused:?}");
    };
    let bad = StatusCode::BAD_REQUEST;
    check(Method::POST, register, "", bad, "expected {\"name\"").await;
    check(Method::POST, register, "{}", bad, "missing field `name`").await;
    check(
        Method::POST,
        register,
        r#"{"name":"a"}"#,
        bad,
        "missing field `endpoints`",
    )
    .await;
    check(
        Method::POST,
        register,
        r#"{"name":1,"endpoints":{}}"#,
        bad,
        "expected a string",
    )
    .await;
    check(
        Method::POST,
        register,
        r#"{"name":"a","endpoints":{}}"#,
        bad,
        "at least one",
    )
    .await;
    check(
        Method::GET,
        "/api/v1/discover?limit=many",
        "",
        bad,
        "a number for limit",
    )
    .await;
    check(
        Method::GET,
        "/api/v1",
        "",
        StatusCode::NOT_FOUND,
        "/api/v1/register",
    )
    .await;
    check(
        Method::GET,
        register,
        "",
        StatusCode::METHOD_NOT_ALLOWED,
        "POST register",
    )
    .await;
    let long = "x".repeat(HTTP_BODY_BYTES_MAX + 1);
    check(
        Method::POST,
        register,
        &long,
        StatusCode::PAYLOAD_TOO_LARGE,
        "65536 bytes",
    )
    .await;
}

#[tokio::test]
async fn other_credentials_than_a_secret_are_refused() {
    let client = Client::new();
    for header in ["Basic eDp5", "Bearer ", "secret"] {
        let request = Request::post("/api/v1/register")
            .header(AUTHORIZATION, header)
            .extension(ConnectInfo(client.peer))
            .body(Body::from(STAGE));
        let refused = client.answer(request.unwrap()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.error().contains("`Bearer <secret>`"), "{refused:?}");
    }
}

// T-SEC-09, T-SEC-11
#[tokio::test]
async fn no_body_breaks_it() {
    let client = Client::new();
    let peers: Vec<Client> = (1..=250).map(|last| client.elsewhere(last)).collect();
    let deep = |open: &str| {
        format!(
            r#"{{"name":"a","endpoints":{{"ws":"ws://a"}},"x":{}"#,
            open.repeat(10_000)
        )
    };
    for body in [deep("["), deep("{\"a\":"), "[".repeat(60_000)] {
        let refused = client.register(body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for (round, peer) in (0..5000).zip(peers.iter().cycle()) {
        let mut body = STAGE.as_bytes().to_vec();
        for _ in 0..=round % 4 {
            let at = random() % body.len();
            body[at] = random() as u8;
        }
        let status = peer.register(body).await.status;
        let fine = [
            StatusCode::CREATED,
            StatusCode::BAD_REQUEST,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        assert!(fine.contains(&status), "{status}");
    }
}

// protocol/limits.md 5.2, 5.3
#[tokio::test]
async fn a_source_has_ten_devices_and_a_pace() {
    let client = Client::new();
    for number in 0..10 {
        let body = format!(r#"{{"name":"{number}","endpoints":{{"ws":"ws://{number}"}}}}"#);
        assert_eq!(client.register(body).await.status, StatusCode::CREATED);
    }
    let full = client.register(STAGE).await;
    assert_eq!(full.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(full.retry_after.as_deref(), Some("300"));
    let mut refused = None;
    for _ in 0..2 * REQUESTS.burst {
        let answered = client.get("/api/v1/health").await;
        if answered.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answered);
        }
    }
    let refused = refused.expect("more than the burst is refused");
    assert_eq!(refused.retry_after.as_deref(), Some("1"));
    assert!(refused.error().contains("slow down"), "{refused:?}");
    assert_eq!(
        client.elsewhere(2).get("/api/v1/health").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn pages_of_all_origins_may_ask() {
    let client = Client::new();
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/api/v1/register")
        .header("origin", "https://app.example.org")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .extension(ConnectInfo(client.peer))
        .body(Body::empty());
    let request = Request::get("/api/v1/health")
        .header("origin", "https://app.example.org")
        .extension(ConnectInfo(client.peer))
        .body(Body::empty());
    for (request, headers) in [
        (
            preflight,
            &[("methods", "*"), ("headers", "authorization,content-type")][..],
        ),
        (request, &[]),
    ] {
        let response = client
            .routes
            .clone()
            .oneshot(request.unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let allowed = |what: &str| {
            let header = response
                .headers()
                .get(format!("access-control-allow-{what}"));
            header.map(|header| header.to_str().unwrap().to_owned())
        };
        assert_eq!(allowed("origin").as_deref(), Some("*"));
        for (what, value) in headers {
            assert_eq!(allowed(what).as_deref(), Some(*value));
        }
    }
}
