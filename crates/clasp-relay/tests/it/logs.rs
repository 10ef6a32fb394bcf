//! What the log says of connections, and what it never says.

use clasp_client::{Client, Reconnect};

use crate::harness::{AUTH, QUIET, Relay, command};

async fn connect(relay: &Relay, token: &str) -> Client {
    let builder = Client::builder(&relay.url()).token(token);
    let builder = builder.reconnect(Reconnect::never());
    builder.connect().await.expect("the relay takes a client")
}

#[tokio::test]
async fn lines_of_a_connection_name_its_peer_and_session() {
    let mut command = command(QUIET);
    command.args(["--log-level", "info,clasp_server=debug"]);
    command.env("LOG_FORMAT", "json");
    let relay = Relay::start_command(command);
    let client = connect(&relay, "").await;
    let begins = relay.line_with("session begins");
    for field in [
        "\"name\":\"connection\"",
        "\"peer\":\"127.0.0.1:",
        "\"protocol\":\"WebSocket\"",
        "\"session\":\"",
    ] {
        assert!(begins.contains(field), "{field} is not in {begins}");
    }
    client.close().await;
    let ends = relay.line_with("session ends");
    assert!(ends.contains("\"session\":\""), "{ends}");
}

/// T-AUTH-12
#[tokio::test]
async fn a_full_log_holds_no_token() {
    let relay = Relay::start(&["--verbose"]);
    let client = connect(&relay, SECRET).await;
    client.set("/a", 1).await.expect("the param is set");
    client.close().await;
    let ends = relay.line_with("session ends");
    assert!(!ends.contains(SECRET));
    let seen = relay.seen();
    assert!(seen.len() > 3, "{seen:#?}");
    assert!(!seen.iter().any(|line| line.contains(SECRET)), "{seen:#?}");
}

/// Asks the auth port for something, and gives the token in the answer.
async fn token_from(relay: &Relay, path: &str, body: &str) -> String {
    let (_, answer) = relay.ask(AUTH, path, Some(body)).await;
    let json: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    json["token"].as_str().expect("a token").to_owned()
}

/// T-AUTH-12
#[tokio::test]
async fn a_full_log_holds_nothing_that_signs_anybody_in() {
    let folder = tempfile::tempdir().expect("there is room");
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (admin, database) = (place("admin"), place("auth.db"));
    let relay = Relay::start(&[
        "--verbose",
        "--auth-port=0",
        &format!("--admin-token={admin}"),
        &format!("--auth-db={database}"),
    ]);
    let admin = std::fs::read_to_string(admin).expect("it was made");
    let account = r#"{"username":"alice","password":"secret-of-alice"}"#;
    let first = token_from(&relay, "/auth/register", account).await;
    let second = token_from(&relay, "/auth/login", account).await;
    let guest = token_from(&relay, "/auth/guest", "{}").await;
    for token in [&admin, &first, &second, &guest] {
        let client = connect(&relay, token).await;
        client.set("/a", 1).await.expect("the param is set");
        client.close().await;
        relay.line_with("session ends");
    }
    let seen = relay.seen();
    assert!(seen.len() > 8, "{seen:#?}");
    for secret in [&admin, &first, &second, &guest, "secret-of-alice"] {
        // Not even a part of it, but for what all tokens begin with.
        let part = &secret[secret.len() / 2..];
        let found = seen.iter().find(|line| line.contains(part));
        assert_eq!(found, None, "{secret}");
    }
}

const SECRET: &str = "cpsk_5ecre7_of_a_client";
