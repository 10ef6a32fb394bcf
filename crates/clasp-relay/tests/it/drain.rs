//! The end of a relay: whom it tells, how long it takes, and that nothing acknowledged is lost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clasp_client::{Client, Reconnect, Status};
use tokio::task::JoinSet;

use crate::harness::Relay;

/// A file of one test that is not there yet.
fn state(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_file(&path).ok();
    path
}

async fn connect(url: &str) -> Client {
    let client = Client::builder(url).reconnect(Reconnect::never());
    client.connect().await.expect("a session")
}

#[tokio::test]
async fn an_idle_relay_exits_in_less_than_a_second() {
    for sessions in [0, 5] {
        let relay = Relay::start(&["--tcp-port=0", "--health-port=0", "--metrics-port=0"]);
        let mut clients = Vec::new();
        for _ in 0..sessions {
            clients.push(connect(&relay.url()).await);
        }
        let begun = Instant::now();
        assert_eq!(relay.end("TERM"), Some(0));
        let took = begun.elapsed();
        println!("{sessions} sessions: {took:?}");
        assert!(
            took < Duration::from_secs(1),
            "{sessions} sessions: {took:?}"
        );
    }
}

#[tokio::test]
async fn clients_come_back_to_the_next_relay() {
    let relay = Relay::start(&[]);
    let (url, port) = (relay.url(), format!("--ws-port={}", relay.port()));
    let client = Client::builder(&url).connect().await.expect("a session");
    let mut changes = client.status_changes();
    assert_eq!(relay.end("TERM"), Some(0));
    let mut next = async || changes.next().await.expect("the client goes on");
    while next().await.is_connected() {}
    let _again = Relay::start(&[&port]);
    while !matches!(next().await, Status::Connected) {}
    client.set("/back", true).await.expect("the session works");
}

/// T-NET-08: ten thousand SETs a second and a SIGTERM in the middle of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing_that_was_acknowledged() {
    let path = state("drained.json");
    let persist = format!("--persist={}", path.display());
    let arguments = [
        persist.as_str(),
        "--persist-interval=3600",
        "--drain-timeout=20",
    ];
    let relay = Relay::start(&arguments);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(relay.url(), writer));
    }
    let watcher = connect(&relay.url()).await;
    let begun = Instant::now();
    let enough = |count: i64| count >= WRITES_BEFORE_THE_END;
    while !watched(&watcher).await.into_iter().all(enough) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the writers are too slow"
        );
    }
    let rate = WRITERS as f64 * WRITES_BEFORE_THE_END as f64 / begun.elapsed().as_secs_f64();
    let signalled = Instant::now();
    assert_eq!(relay.end("TERM"), Some(0));
    let took = signalled.elapsed();
    let mut acknowledged = vec![(0, 0); WRITERS];
    while let Some(outcome) = writers.join_next().await {
        let (writer, last) = outcome.expect("a writer does not panic");
        acknowledged[writer] = last;
    }
    println!("{rate:.0} SETs a second; the end took {took:?}; acknowledged {acknowledged:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let relay = Relay::start(&arguments);
    let reader = connect(&relay.url()).await;
    for (writer, (revision, value)) in acknowledged.into_iter().enumerate() {
        let param = reader.get(&address(writer)).await.expect("an answer");
        let param = param.expect("the param is there");
        assert!(
            param.revision >= revision,
            "{writer}: {param:?} is older than {revision}"
        );
        if param.revision == revision {
            assert_eq!(param.value.as_i64(), Some(value), "{writer}: {param:?}");
        }
    }
}

/// Writes ever higher numbers, a window of them at a time, until the relay ends; gives the highest revision that was
/// acknowledged, with its number.
async fn write(url: String, writer: usize) -> (usize, (u64, i64)) {
    let client = connect(&url).await;
    let address = address(writer);
    let mut last = (0, 0);
    for first in (1..).step_by(WINDOW) {
        let mut window = JoinSet::new();
        for value in (first..).take(WINDOW) {
            let set = client.set(&address, value);
            window.spawn(async move { set.await.map(|revision| (revision, value)) });
        }
        let answers = window.join_all().await;
        let acknowledged = answers.iter().flatten().copied();
        last = acknowledged.max().unwrap_or(last);
        if answers.iter().any(Result::is_err) {
            break;
        }
    }
    (writer, last)
}

async fn watched(client: &Client) -> Vec<i64> {
    let mut counts = Vec::new();
    for writer in 0..WRITERS {
        let param = client.get(&address(writer)).await.expect("an answer");
        counts.push(param.and_then(|param| param.value.as_i64()).unwrap_or(0));
    }
    counts
}

fn address(writer: usize) -> String {
    format!("/load/{writer}")
}

const WRITERS: usize = 4;
const WINDOW: usize = 64;
const WRITES_BEFORE_THE_END: i64 = 5000;
