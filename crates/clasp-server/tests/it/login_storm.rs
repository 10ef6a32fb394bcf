//! Two hundred logins at once: who has a session notices little, and every login gets an answer.

use std::time::{Duration, Instant};

use clasp_proto::{Message, Set, Value};
use clasp_server::Protocol;
use tokio::task::JoinSet;

use crate::auth_port::{Asked, Port, ask};
use crate::harness::{Client, address};

const LOGINS: usize = 200;
const BODY: &str = r#"{"username":"alice","password":"secret1"}"#;

/// Sends messages one after the other until `is_over`; gives what the slowest but one in a hundred took.
async fn p99(client: &mut Client, mut is_over: impl FnMut(usize) -> bool) -> Duration {
    let mut times = Vec::new();
    while !is_over(times.len()) {
        let begun = Instant::now();
        let set = Set {
            address: "/x".to_owned(),
            value: Value::Int(1),
            ..Set::default()
        };
        client.send(&Message::Set(set)).await;
        assert!(matches!(client.next().await, Message::Ack(_)));
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// What becomes of them: so many are let in, and so many told when to come again.
async fn log_in(port: &Port) -> JoinSet<bool> {
    let address = address(&port.server, Protocol::Auth);
    let mut logins = JoinSet::new();
    for _ in 0..LOGINS {
        logins.spawn(async move {
            let asked = Asked {
                method: "POST",
                path: "/auth/login",
                body: BODY,
                ..Asked::default()
            };
            let answer = ask(address, asked).await;
            match answer.status {
                200 => true,
                503 => {
                    let seconds = answer.header("retry-after");
                    assert!(seconds.is_some_and(|it| it.parse::<u32>().is_ok()));
                    false
                }
                _ => panic!("{answer:?}"),
            }
        });
    }
    logins
}

// The figure is the ratio; the floor is what a machine with other work to do takes for a message now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_logins_delays_nobody_else_much() {
    let port = Port::start().await;
    port.registered("alice").await;
    let token = port.registered("bob").await;
    let (mut client, _) = Client::with_token(&port.server, Protocol::Tcp, &token).await;
    let before = p99(&mut client, |count| count == 2000).await;
    let mut logins = log_in(&port).await;
    let (mut granted, mut later) = (0, 0);
    let during = p99(&mut client, |_| {
        while let Some(outcome) = logins.try_join_next() {
            match outcome.expect("a login does not panic") {
                true => granted += 1,
                false => later += 1,
            }
        }
        logins.is_empty()
    })
    .await;
    println!(
        "p99 {before:?} before, {during:?} during; {granted} let in, {later} told to come later"
    );
    assert_eq!(granted + later, LOGINS);
    assert!(granted >= 50, "{granted} were let in");
    let bound = (2 * before).max(FLOOR);
    assert!(
        during <= bound,
        "{during:?} during the storm, {before:?} before"
    );
}

const FLOOR: Duration = Duration::from_millis(5);
