//! A session whose outbox closed is over, also if its socket takes nothing more.

use clasp_proto::{Message, Publish, Signal, Subscribe, TypeMask, Value};
use clasp_server::{Protocol, Server};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Client, framed, hello, socket, start, until};

fn with_length(message: &Message) -> Vec<u8> {
    let frame = framed(message);
    [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
}

fn event(bytes: usize) -> Message {
    Message::Publish(Publish {
        address: "/event".to_owned(),
        signal: Some(Signal::Event),
        value: Some(Value::Bytes(vec![0; bytes])),
        ..Publish::default()
    })
}

async fn raw_subscriber(server: &Server) -> TcpStream {
    let mut socket = socket(server, Protocol::Tcp).await;
    let subscribe = Message::Subscribe(Subscribe {
        id: 1,
        pattern: "/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    });
    let sent = [with_length(&hello()), with_length(&subscribe)].concat();
    let written = socket.write_all(&sent).await;
    written.expect("the socket is open");
    socket
}

// protocol/router.md 16.3: a subscriber that never reads is closed when its outbox is full, or
// after the write deadline at the latest.
#[tokio::test]
async fn a_subscriber_that_never_reads_is_gone_after_the_write_deadline() {
    let server = start(|_| {}).await;
    let stuck = raw_subscriber(&server).await;
    until("the subscriber", || server.sessions() == 1).await;
    let mut publisher = Client::welcomed(&server, Protocol::Tcp).await;
    for _ in 0..600 {
        publisher.send(&event(50_000)).await;
    }
    publisher.sync().await;
    // 20 s: twice the write deadline.
    until("the end of the session", || server.sessions() == 1).await;
    drop(stuck);
}
