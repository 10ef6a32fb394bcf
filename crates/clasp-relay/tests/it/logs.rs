//! What the log says of connections, and what it never says.

use clasp_client::{Client, Reconnect};

use crate::harness::{QUIET, Relay, command};

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

const SECRET: &str = "cpsk_5ecre7_of_a_client";
