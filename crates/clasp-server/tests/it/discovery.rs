//! Being found: rendezvous over HTTP, broadcasts over UDP, mDNS; all on loopback.

use std::net::SocketAddr;

use clasp_proto::{Message, binary, frame};
use clasp_server::{Protocol, SidePort};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::harness::{Running, address, check_served, framed, hello, soon, start};

async fn start_findable() -> Running {
    start(|config| {
        config.name = "Stage".to_owned();
        config.rendezvous_port = SidePort::Asked(0);
        config.broadcast_port = SidePort::Asked(0);
    })
    .await
}

/// One request, and everything that is answered.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut socket = soon("a connection", TcpStream::connect(address))
        .await
        .expect("the port is open");
    socket
        .write_all(request.as_bytes())
        .await
        .expect("the request is taken");
    let mut answer = String::new();
    soon("the answer", socket.read_to_string(&mut answer))
        .await
        .expect("the answer is text");
    answer
}

#[tokio::test]
async fn devices_register_and_are_found_over_http() {
    let server = start_findable().await;
    let rendezvous = address(&server, Protocol::Rendezvous);
    let body = r#"{"name":"Lamp","endpoints":{"ws":"ws://127.0.0.1:1"}}"#;
    let registered = ask(
        rendezvous,
        &format!(
            "POST /api/v1/register HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
    .await;
    assert!(registered.starts_with("HTTP/1.1 201 "), "{registered}");
    let get = "GET /discover HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let found = ask(rendezvous, get).await;
    assert!(found.contains(r#""url":"ws://127.0.0.1:1""#), "{found}");
    check_served(&server).await;
}

#[tokio::test]
async fn a_broadcast_is_answered_and_noise_is_not() {
    let server = start_findable().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    socket
        .connect(address(&server, Protocol::Broadcast))
        .await
        .expect("an address");
    for noise in [&b""[..], b"S", b"\x53\x01\x00\x01\x41", &[0; 4096]] {
        socket.send(noise).await.expect("datagrams are sent");
    }
    socket
        .send(&framed(&hello()))
        .await
        .expect("datagrams are sent");
    let mut answer = [0; 256];
    let bytes = soon("an answer", socket.recv(&mut answer))
        .await
        .expect("the port is open");
    let (_, payload) = frame::split(&answer[..bytes]).expect("a whole frame");
    let Ok(Message::Welcome(welcome)) = binary::decode(payload) else {
        panic!("expected a WELCOME")
    };
    assert_eq!(welcome.name, "Stage");
    assert_eq!(server.sessions(), 0, "it is no session");
    assert!(
        socket.try_recv(&mut answer).is_err(),
        "one answer to one HELLO"
    );
}

#[tokio::test]
async fn what_is_on_by_default_gives_way_to_who_has_the_port() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let rendezvous = tcp.local_addr().expect("it is bound").port();
    let broadcast = udp.local_addr().expect("it is bound").port();
    let server = start(|config| {
        config.rendezvous_port = SidePort::IfFree(rendezvous);
        config.broadcast_port = SidePort::IfFree(broadcast);
    })
    .await;
    let bound = server.local_addrs();
    assert!(
        bound.iter().all(|bound| bound.protocol.is_clasp()),
        "{bound:?}"
    );
    check_served(&server).await;
}
