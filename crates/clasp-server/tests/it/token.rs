//! A server with a token: who has it comes in, all others learn at once that they do not.

use clasp_proto::{Close, Code, Message};
use clasp_server::Protocol;

use crate::harness::{Client, hello_with, start};

// protocol/router.md 2.3, 2.10: clients once waited 10 s, or for ever, for a WELCOME
#[tokio::test]
async fn without_the_token_there_is_an_error_and_the_end() {
    let server = start(|config| config.token = Some("secret".to_owned())).await;
    for protocol in [Protocol::WebSocket, Protocol::Tcp] {
        for token in [None, Some("secre"), Some("secret2"), Some("SECRET")] {
            let mut client = Client::dial(&server, protocol).await;
            client.send(&hello_with(token)).await;
            assert_eq!(client.error().await, Code::Unauthorized, "{token:?}");
            let refused = (protocol == Protocol::WebSocket).then(|| Close::Handshake.number());
            assert_eq!(client.end().await, refused);
        }
        let mut client = Client::dial(&server, protocol).await;
        client.send(&hello_with(Some("secret"))).await;
        assert!(matches!(client.next().await, Message::Welcome(_)));
    }
}
