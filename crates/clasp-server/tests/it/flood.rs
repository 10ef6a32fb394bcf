//! Much of what a session may have a little of (T-SEC-04).

use clasp_proto::{Code, Message, Set, Subscribe, TypeMask, Unsubscribe, Value};
use clasp_server::Protocol;

use crate::harness::{Client, check_served, framed, resident_bytes, start, start_alone};

const ROUNDS: usize = 20_000;
const CHUNK: usize = 500;

fn subscribe(id: usize) -> Message {
    let pattern = format!("/never/{id}/**");
    Message::Subscribe(Subscribe {
        id: id as u32,
        pattern,
        types: TypeMask::ALL,
        ..Subscribe::default()
    })
}

/// Sends the messages in chunks; gives how many answers were of the code.
async fn send_all(
    client: &mut Client,
    messages: impl Iterator<Item = Message>,
    code: Code,
) -> usize {
    let frames: Vec<_> = messages.map(|message| framed(&message)).collect();
    let mut refused = 0;
    for chunk in frames.chunks(CHUNK) {
        client.send_frames(chunk).await;
        let is_refusal = |message: &Message| matches!(message, Message::Error(error) if error.code == code.number());
        refused += client
            .sync()
            .await
            .iter()
            .filter(|message| is_refusal(message))
            .count();
    }
    refused
}

// protocol/router.md 5.5
#[tokio::test]
async fn subscriptions_of_a_session_are_bounded() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    let refused = send_all(&mut client, (0..ROUNDS).map(subscribe), Code::RateLimited).await;
    assert!(
        refused >= ROUNDS - 1000,
        "{refused} of {ROUNDS} were refused"
    );
    assert!(refused < ROUNDS, "the first ones are taken");
    drop(client);
    check_served(&server).await;
}

#[tokio::test]
async fn taking_and_giving_back_for_ever_costs_nothing() {
    let server = start_alone(|config| config.params_max = 100).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    let lock = |round: usize, lock: bool| {
        let address = format!("/lock/{}", round % 50);
        Message::Set(Set {
            address,
            value: Value::Null,
            lock,
            unlock: !lock,
            ..Set::default()
        })
    };
    let cycle = |round: usize| {
        let unsubscribe = Message::Unsubscribe(Unsubscribe { id: round as u32 });
        [
            lock(round, true),
            lock(round, false),
            subscribe(round),
            unsubscribe,
        ]
    };
    assert_eq!(
        send_all(
            &mut client,
            (0..ROUNDS / 10).flat_map(cycle),
            Code::LockHeld
        )
        .await,
        0
    );
    let before = resident_bytes();
    assert_eq!(
        send_all(&mut client, (0..ROUNDS).flat_map(cycle), Code::LockHeld).await,
        0
    );
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 10 * 1024 * 1024, "{grown} bytes more");
}
