//! Where tokens are asked for, no port lets anybody in without one, but those that are named here.

use clasp_proto::Code;
use clasp_server::{Protocol, SidePort};

use crate::auth_port::{Asked, Port};
use crate::harness::{Client, address, ask, hello_with};

/// What an anonymous caller gets there.
enum Expected {
    /// ERROR 300 in place of WELCOME.
    NoSession,
    /// 401, but for signing in.
    NoAnswer,
    /// It is for everybody: how the server is, and where it is.
    Open,
}

/// The compiler asks for a word on every protocol that is added.
const fn expected(protocol: Protocol) -> Expected {
    match protocol {
        Protocol::WebSocket | Protocol::Quic | Protocol::Tcp => Expected::NoSession,
        Protocol::Auth => Expected::NoAnswer,
        Protocol::Health | Protocol::Metrics | Protocol::Rendezvous | Protocol::Broadcast => {
            Expected::Open
        }
    }
}

// T-AUTH-05: one listener once asked for a token and the other did not
#[tokio::test]
async fn no_listener_lets_anybody_in_without_a_token() {
    let port = Port::start_with(|config, _| {
        config.health_port = Some(0);
        config.metrics_port = Some(0);
        config.broadcast_port = SidePort::Asked(0);
        if cfg!(feature = "rendezvous") {
            config.rendezvous_port = SidePort::Asked(0);
        }
    })
    .await;
    let mut count = 0;
    for bound in port.server.local_addrs() {
        match expected(bound.protocol) {
            Expected::NoSession => {
                for token in [
                    None,
                    Some(""),
                    Some("cpsk_0"),
                    Some("cap_"),
                    Some("ent_"),
                    Some("x"),
                ] {
                    let mut client = Client::dial(&port.server, bound.protocol).await;
                    client.send(&hello_with(token)).await;
                    let code = client.error().await;
                    assert_eq!(code, Code::Unauthorized, "{} {token:?}", bound.protocol);
                }
                count += 1;
            }
            Expected::NoAnswer => check_auth_port(&port).await,
            Expected::Open => {}
        }
    }
    assert_eq!(count, 3);
    let (status, _) = ask(address(&port.server, Protocol::Health), "GET /healthz").await;
    assert_eq!(status, 200);
}

async fn check_auth_port(port: &Port) {
    let mut paths = vec![
        ("GET", "/auth/whoami"),
        ("POST", "/auth/refresh"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/revoke"),
        ("POST", "/api/tokens"),
        ("GET", "/api/sessions"),
        ("DELETE", "/api/sessions/x"),
        ("GET", "/api/journal/query"),
        ("GET", "/api/journal/since?seq=0"),
        ("GET", "/api/journal/latest"),
        ("GET", "/api/journal/snapshot"),
    ];
    if cfg!(feature = "registry") {
        paths.extend([
            ("GET", "/api/entities"),
            ("POST", "/api/entities"),
            ("GET", "/api/entities/x"),
            ("DELETE", "/api/entities/x"),
            ("PUT", "/api/entities/x/status"),
            ("POST", "/api/entities/x/token"),
        ]);
    }
    for (method, path) in paths {
        let asked = |bearer| Asked {
            method,
            path,
            bearer,
            body: "{}",
            headers: "Content-Type: application/json\r\n",
            ..Asked::default()
        };
        let answer = port.ask(asked(None)).await;
        let missing = (401, "missing Authorization header".to_owned());
        if !(path.contains("/entities") && answer.status == 404) {
            assert_eq!(answer.refusal(), missing, "{method} {path}");
        }
        let answer = port.ask(asked(Some("cpsk_0"))).await;
        if answer.status != 404 {
            let invalid = (401, "invalid token".to_owned());
            assert_eq!(answer.refusal(), invalid, "{method} {path}");
        }
    }
}
