//! Operators see who is connected, and can end a session.

use clasp_proto::{Close, Code, Message, Subscribe, TypeMask};
use clasp_server::Protocol;
use serde_json::json;

use crate::auth_port::{Asked, Port};
use crate::harness::{Client, PROTOCOLS};

#[tokio::test]
async fn an_operator_sees_every_session_and_ends_one() {
    let port = Port::start().await;
    let token = port.registered("alice").await;
    let mut clients = Vec::new();
    for protocol in PROTOCOLS {
        let (mut client, _) = Client::with_token(&port.server, protocol, &token).await;
        let subscribe = Subscribe {
            id: 1,
            pattern: format!("/of/{protocol}/**"),
            types: TypeMask::ALL,
            ..Subscribe::default()
        };
        client.send(&Message::Subscribe(subscribe)).await;
        client.sync().await;
        clients.push(client);
    }
    let told = port.get_as(&port.admin, "/api/sessions").await.json();
    let sessions = told.as_array().expect("a list");
    assert_eq!(sessions.len(), 3);
    for (session, protocol) in sessions.iter().zip(PROTOCOLS) {
        assert_eq!(session["transport"], protocol.to_string());
        assert_eq!(session["name"], "test");
        assert_eq!(session["scopes"], json!(["read:/**", "write:/**"]));
        let patterns = json!([format!("/of/{protocol}/**")]);
        assert_eq!(session["subscriptions"], patterns);
        assert_eq!(session["subscription_count"], 1);
        assert_eq!(
            (&session["queued_bytes"], &session["dropped"]),
            (&json!(0), &json!(0))
        );
        let peer = session["peer"].as_str().expect("an address");
        assert!(peer.starts_with("127.0.0.1:"), "{peer}");
        let subject = session["subject"].as_str().expect("a user id");
        assert!(subject.starts_with("u-"), "{subject}");
        assert!(session["connected_at"].as_u64() <= session["expires_at"].as_u64());
    }
    let page = port
        .get_as(&port.admin, "/api/sessions?offset=1&limit=1")
        .await;
    assert_eq!(page.json(), json!([sessions[1]]));
    let nobody = port
        .get_as(&port.admin, "/api/sessions?subject=nobody")
        .await;
    assert_eq!(nobody.json(), json!([]));
    let id = sessions[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(end(&port, &port.admin, &id).await.status, 204);
    let mut ended = clients.remove(0);
    assert_eq!(ended.error().await, Code::Unauthorized);
    assert_eq!(ended.end().await, Some(Close::TokenEnded.number()));
    let gone = end(&port, &port.admin, &id).await.refusal();
    assert_eq!(gone, (404, "session not found".to_owned()));
    for client in &mut clients {
        assert_eq!(client.sync().await, []);
    }
    // The token is still good: an operator ended a session, not a right.
    Client::with_token(&port.server, Protocol::Tcp, &token).await;
}

#[tokio::test]
async fn nobody_else_sees_them() {
    let port = Port::start().await;
    let token = port.registered("alice").await;
    let refused = (403, "admin scope required".to_owned());
    let list = port.get_as(&token, "/api/sessions").await;
    assert_eq!(list.refusal(), refused);
    assert_eq!(end(&port, &token, "x").await.refusal(), refused);
}

async fn end(port: &Port, bearer: &str, id: &str) -> crate::auth_port::Answer {
    port.ask(Asked {
        method: "DELETE",
        path: &format!("/api/sessions/{id}"),
        bearer: Some(bearer),
        ..Asked::default()
    })
    .await
}
