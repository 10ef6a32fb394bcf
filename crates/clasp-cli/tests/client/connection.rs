//! Connecting, losing the connection, and making it again.

use std::time::Duration;

use clasp_client::{Client, ClientError, Disconnect, Reconnect, Status};
use clasp_proto::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Router, at_once, next, soon};

#[tokio::test]
async fn connecting_tells_who_is_there() {
    let router = Router::with(|config| config.name = "Stage".to_owned()).await;
    let client = router.client().await;
    assert_eq!(client.router_name(), "Stage");
    assert!(!client.session().is_empty());
    assert!(client.status().is_connected());
}

#[tokio::test]
async fn a_token_is_presented() {
    let router = Router::with(|config| config.token = Some("secret".to_owned())).await;
    let refused = Client::connect(&router.url()).await;
    assert!(
        matches!(refused, Err(ClientError::Rejected { .. })),
        "{refused:?}"
    );
    let wrong = Client::builder(&router.url())
        .token("guess")
        .connect()
        .await;
    assert!(
        matches!(wrong, Err(ClientError::Rejected { .. })),
        "{wrong:?}"
    );
    let client = Client::builder(&router.url())
        .token("secret")
        .connect()
        .await
        .unwrap();
    assert_eq!(client.set("/a", 1).await.unwrap(), 1);
}

#[tokio::test]
async fn who_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let within = Duration::from_millis(100);
    let silent = Client::builder(&url)
        .connect_timeout(within)
        .connect()
        .await;
    assert!(
        matches!(silent, Err(ClientError::Silent { .. })),
        "{silent:?}"
    );
    drop(listener);
    let gone = Client::connect(&url).await;
    assert!(matches!(gone, Err(ClientError::Connect { .. })), "{gone:?}");
}

/// A router that says these frames after reading HELLO, and then nothing; the socket keeps it there.
async fn puppet(listener: TcpListener, frames: &[&[u8]]) -> TcpStream {
    let (mut socket, _) = listener.accept().await.expect("a client connects");
    let hello_bytes = socket.read_u32().await.expect("a length");
    let mut hello = vec![0; hello_bytes as usize];
    socket.read_exact(&mut hello).await.expect("a HELLO");
    for frame in frames {
        socket
            .write_u32(frame.len() as u32)
            .await
            .expect("the client reads");
        socket.write_all(frame).await.expect("the client reads");
    }
    socket
}

/// WELCOME to the session "s" of the router "r".
const WELCOME: &[u8] = b"S\x01\0\x13\x02\x01\xF8\0\0\0\0\0\0\0\x01\0\x01s\0\x01r\0\0";

#[tokio::test]
async fn a_router_that_falls_silent_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let builder = Client::builder(&url).reconnect(Reconnect::never());
    let connecting = builder.keep_alive(Duration::from_millis(50)).connect();
    let (_socket, client) = tokio::join!(puppet(listener, &[WELCOME]), connecting);
    let client = client.unwrap();
    let mut changes = client.status_changes();
    let waiting = client.set("/a", 1);
    let (status, outcome) = tokio::join!(soon(changes.next()), waiting);
    assert!(
        status
            .as_ref()
            .is_some_and(|status| matches!(status.reason(), Some(Disconnect::Quiet))),
        "{status:?}"
    );
    assert!(
        matches!(outcome, Err(ClientError::Disconnected(Disconnect::Quiet))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn nonsense_is_ignored_before_and_after_the_welcome() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    // An unknown message, a SET that is cut short, and a SET of /a to 5 at revision 1.
    let unknown = b"S\x01\0\x01\xEE";
    let short = b"S\x01\0\x03\x21\x05\0";
    let set = b"S\x41\0\x16\x21\x85\0\x02/a\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x01";
    let frames: [&[u8]; 6] = [unknown, set, WELCOME, unknown, short, set];
    let (_socket, client) = tokio::join!(puppet(listener, &frames), Client::connect(&url));
    let client = client.unwrap();
    soon(async {
        while client.cached("/a").is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        client.cached("/a").expect("it was told").value,
        Value::Int(5)
    );
    assert_eq!(
        (client.session(), client.router_name()),
        ("s".to_owned(), "r".to_owned())
    );
}

#[tokio::test]
async fn after_a_restart_of_the_router_everything_goes_on() {
    let router = Router::start().await;
    let client = Client::builder(&router.url())
        .reconnect(at_once())
        .connect()
        .await
        .unwrap();
    let mut subscription = client.subscribe("/a/**").await.unwrap();
    client.set("/a/1", 1).await.unwrap();
    assert_eq!(
        next(&mut subscription).await,
        ("/a/1".to_owned(), Value::Int(1))
    );
    let session = client.session();

    let router = router.restart().await;
    // A call that falls into the gap fails, since nobody knows whether it was done; later ones wait for the connection.
    soon(async { while client.set("/a/2", 2).await.is_err() {} }).await;
    assert_eq!(
        next(&mut subscription).await,
        ("/a/2".to_owned(), Value::Int(2))
    );
    assert_ne!(client.session(), session);
    let other = router.client().await;
    other.emit("/a/3", 3).await.unwrap();
    assert_eq!(
        next(&mut subscription).await,
        ("/a/3".to_owned(), Value::Int(3))
    );
}

#[tokio::test]
async fn a_router_that_limits_the_rate_gets_every_subscription_again() {
    let router = Router::start().await;
    let client = Client::builder(&router.url())
        .reconnect(at_once())
        .connect()
        .await
        .unwrap();
    let mut unheard = Vec::new();
    for index in 0..40 {
        let address = format!("/a/{index}");
        let subscription = client.subscribe(&address).await.unwrap();
        unheard.push((address, subscription));
    }
    let router = router
        .restart_with(|config| config.messages_per_second = 25)
        .await;
    let other = router.client().await;
    soon(async {
        while !unheard.is_empty() {
            for (address, _) in &unheard {
                // The limit is for this client too.
                other.emit(address, 1).await.ok();
            }
            unheard.retain_mut(|(_, subscription)| subscription.try_next().is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_router_says_before_it_closes_is_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let builder = Client::builder(&url).reconnect(Reconnect::never());
    // ERROR 501 "bye", which a TCP link has no other place for.
    let farewell = b"S\x01\0\x09\x51\x01\xF5\0\x03bye\0";
    let frames: [&[u8]; 2] = [WELCOME, farewell];
    let (socket, client) = tokio::join!(puppet(listener, &frames), builder.connect());
    let client = client.unwrap();
    let mut changes = client.status_changes();
    drop(socket);
    let status = soon(changes.next()).await.expect("it ends");
    assert!(
        matches!(status.reason(), Some(Disconnect::ByRouter { code: None, reason }) if reason == "bye"),
        "{status:?}"
    );
}

#[tokio::test]
async fn without_reconnecting_the_end_is_told_to_everybody() {
    let router = Router::start().await;
    let builder = Client::builder(&router.url()).reconnect(Reconnect::never());
    let client = builder.connect().await.unwrap();
    let mut subscription = client.subscribe("/**").await.unwrap();
    let mut changes = client.status_changes();
    router.stop().await;
    let mut status = client.status();
    while let Some(changed) = soon(changes.next()).await {
        status = changed;
    }
    let told = match status.reason() {
        Some(Disconnect::ByRouter { code, reason }) => (*code, !reason.is_empty()),
        other => panic!("{other:?}"),
    };
    assert_eq!(told, (Some(1001), true));
    assert_eq!(soon(subscription.next()).await, None);
    let late = client.set("/a", 1).await;
    assert!(
        matches!(late, Err(ClientError::Disconnected(_))),
        "{late:?}"
    );
    let late = client.stream("/a", 1).await;
    assert!(
        matches!(late, Err(ClientError::Disconnected(_))),
        "{late:?}"
    );
}

#[tokio::test]
async fn closing_sends_what_was_asked_for_before() {
    let router = Router::start().await;
    let reader = router.client().await;
    let mut subscription = reader.subscribe("/a").await.unwrap();
    let writer = router.client().await;
    for value in 0..100 {
        writer.stream("/a", value).await.unwrap();
    }
    let clone = writer.clone();
    soon(writer.close()).await;
    for value in 0..100 {
        assert_eq!(next(&mut subscription).await.1, Value::Int(value));
    }
    assert!(matches!(
        clone.status(),
        Status::Closed {
            reason: Disconnect::Closed
        }
    ));
    let late = clone.set("/a", 1).await;
    assert!(
        matches!(late, Err(ClientError::Disconnected(Disconnect::Closed))),
        "{late:?}"
    );
}
