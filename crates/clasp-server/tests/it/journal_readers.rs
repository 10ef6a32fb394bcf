//! Who asks for much of a journal and does not read it holds up no other reader (docs/journal.md).

use clasp_proto::{Message, Replay, Set, TypeMask, Value};
use clasp_server::Protocol;
use tokio::io::AsyncWriteExt as _;

use crate::auth_port::Port;
use crate::harness::{Client, address, framed, narrow, narrow_socket, soon};

fn replay() -> Message {
    Message::Replay(Replay {
        pattern: "/large/**".to_owned(),
        from: None,
        to: None,
        limit: Some(WRITES as u32),
        types: TypeMask::ALL,
    })
}

async fn write(client: &mut Client) {
    let set = |number: usize| {
        framed(&Message::Set(Set {
            address: format!("/large/{number}"),
            value: Value::String("x".repeat(VALUE_BYTES)),
            ..Set::default()
        }))
    };
    for number in 0..WRITES {
        client.send_frames(&[set(number)]).await;
        assert!(matches!(client.next().await, Message::Ack(_)));
    }
}

#[tokio::test]
async fn those_that_do_not_read_their_answers_keep_no_places_of_readers() {
    let port = Port::start_with(|config, folder| {
        config.journal = Some(folder.join("journal.db"));
    })
    .await;
    let mut honest = port.session(&port.admin).await.expect("a session");
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let mut client = narrow(&port.server).await;
        client.greet_with(&port.admin).await;
        stuck.push(client);
    }
    write(&mut honest).await;
    for client in &mut stuck {
        client.send(&replay()).await;
    }
    let mut downloads = Vec::new();
    let request = format!(
        "GET /api/journal/query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        port.admin
    );
    for _ in 0..STUCK {
        let mut socket = narrow_socket(address(&port.server, Protocol::Auth)).await;
        let asked = socket.write_all(request.as_bytes()).await;
        asked.expect("the request is taken");
        downloads.push(socket);
    }
    // Each of them has begun to be answered, so that what it could hold it holds.
    for client in &mut stuck {
        assert!(matches!(client.next().await, Message::Set(_)));
    }
    for socket in &downloads {
        let begun = soon("an answer", socket.readable()).await;
        begun.expect("the connection goes on");
    }
    honest.send(&replay()).await;
    for _ in 0..WRITES {
        assert!(matches!(honest.next().await, Message::Set(_)));
    }
    let answer = port.get_as(&port.admin, "/api/journal/since?seq=0&limit=1");
    let entries = answer.await.json();
    assert_eq!(entries[0]["seq"], 1);
    drop((stuck, downloads));
    port.server.shutdown().await;
}

/// Twice as many as may read at a time.
const STUCK: usize = 8;
/// More than the system and an outbox keep for somebody.
const WRITES: usize = 300;
const VALUE_BYTES: usize = 30_000;
