//! What was acknowledged is there after a restart, however the relay ended (docs/journal.md).

#![expect(clippy::print_stdout, reason = "a failure is repeated by its seed")]

use std::future::IntoFuture as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clasp_client::{Client, ClientError, Reconnect, Ttl, Value};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::harness::{PATIENCE, QUIET, Relay, command, run};

pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("journal.db");
    (folder, file)
}

pub(crate) fn start(file: &Path, more: &[&str]) -> Relay {
    let file = file.to_str().expect("the path is UTF-8");
    Relay::start(&[&["--journal", file], more].concat())
}

pub(crate) fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

pub(crate) async fn connect(url: &str) -> Client {
    // What waits for the disk is answered after five seconds, which is what a client waits for by default.
    let client = Client::builder(url).call_timeout(PATIENCE);
    let client = client.reconnect(Reconnect::never());
    client.connect().await.expect("a session")
}

/// What is at an address: value and revision.
pub(crate) async fn at(client: &Client, address: &str) -> Option<(Value, u64)> {
    let param = client.get(address).await.expect("an answer");
    param.map(|param| (param.value, param.revision))
}

#[test]
fn state_comes_back_after_a_signal_and_after_a_kill() {
    for signal in ["TERM", "KILL"] {
        let (_folder, file) = place();
        let runtime = runtime();
        let relay = start(&file, &[]);
        let fresh = format!("No existing journal at {}, starting fresh", file.display());
        assert!(relay.says(&fresh), "{:#?}", relay.lines);
        runtime.block_on(async {
            let client = connect(&relay.url()).await;
            for value in [1, 2] {
                client.set("/a", Value::Bytes(vec![value])).await.unwrap();
            }
            let bundle = client.bundle().set("/b", 0.5).set("/c", "text");
            assert_eq!(bundle.emit("/e", true).send().await.unwrap(), Some(1));
            client.set("/gone", 1).ttl(Ttl::Absolute(1)).await.unwrap();
            client.set("/lock", 1).lock().await.unwrap();
        });
        relay.end(signal);
        std::thread::sleep(Duration::from_millis(1100));
        let relay = start(&file, &[]);
        let recovered = format!("Recovered 4 params from {}", file.display());
        assert!(relay.says(&recovered), "{signal}: {:#?}", relay.lines);
        runtime.block_on(async {
            let client = connect(&relay.url()).await;
            let expected = Some((Value::Bytes(vec![2]), 2));
            assert_eq!(at(&client, "/a").await, expected, "{signal}");
            assert_eq!(at(&client, "/c").await, Some((Value::from("text"), 1)));
            assert_eq!(at(&client, "/gone").await, None, "its time is over");
            assert!(client.set("/gone", 2).await.unwrap() > 1, "above what was");
            client
                .set("/lock", 2)
                .await
                .expect("locks end with their sessions");
        });
        assert_eq!(relay.end("TERM"), Some(0));
    }
}

#[test]
fn two_relays_do_not_share_a_journal_and_a_damaged_one_is_not_used() {
    let (_folder, file) = place();
    let relay = start(&file, &[]);
    let path = file.to_str().unwrap();
    let arguments = [QUIET, &["--journal", path]].concat();
    let (code, _, stderr) = run(command(&arguments));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("is in use by"), "{stderr}");
    runtime().block_on(async {
        let client = connect(&relay.url()).await;
        for number in 0..100 {
            client.set("/a", number).await.unwrap();
        }
    });
    assert_eq!(relay.end("TERM"), Some(0));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::write(&file, bytes).unwrap();
    let (code, _, stderr) = run(command(&arguments));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("damaged"), "{stderr}");
}

#[test]
fn an_empty_journal_begins_with_the_snapshot_file_and_then_wins() {
    let (folder, file) = place();
    let state = folder.path().join("state.json");
    let persist = ["--persist", state.to_str().unwrap()];
    let runtime = runtime();
    let relay = Relay::start(&persist);
    runtime.block_on(async {
        let client = connect(&relay.url()).await;
        client.set("/a", 1).await.unwrap();
    });
    assert_eq!(relay.end("TERM"), Some(0));
    for expected in 1..4 {
        let relay = start(&file, &persist);
        let says = relay.says("the state comes from the journal");
        assert_eq!(says, expected > 1, "{:#?}", relay.lines);
        runtime.block_on(async {
            let client = connect(&relay.url()).await;
            let found = (Value::from(expected as i64), expected);
            assert_eq!(at(&client, "/a").await, Some(found));
            client.set("/a", expected as i64 + 1).await.unwrap();
        });
        assert_eq!(relay.end("KILL"), None);
    }
}

#[test]
fn a_journal_in_memory_keeps_nothing_and_writers_do_not_wait() {
    for level in [
        &["--journal-memory"][..],
        &["--journal-durability", "memory"],
    ] {
        let (_folder, file) = place();
        let relay = match level {
            ["--journal-memory"] => Relay::start(level),
            _ => start(&file, level),
        };
        runtime().block_on(async {
            let client = connect(&relay.url()).await;
            assert_eq!(client.set("/a", 1).await.unwrap(), 1);
        });
        assert_eq!(relay.end("TERM"), Some(0));
    }
}

/// T-DUR-01, 08: kill -9 at random points under eight writers.
#[test]
fn t_dur_01_08_a_kill_loses_nothing_that_was_acknowledged() {
    kill(KILLS_IN_CI);
}

/// The same, as often as before a release.
#[test]
#[ignore = "takes half an hour"]
fn t_dur_01_08_a_thousand_kills_lose_nothing_that_was_acknowledged() {
    kill(1000);
}

fn kill(rounds: usize) {
    let mut random = Random::seeded();
    let (_folder, file) = place();
    let runtime = runtime();
    let mut known = Acknowledged::default();
    for round in 0..rounds {
        let relay = start(&file, &[]);
        let lasts = Duration::from_micros(random.next() % LIFE_MICROS_MAX);
        known = runtime.block_on(live(relay, known, round, lasts));
    }
    let (total, bundles) = (known.writes(), known.bundles);
    println!("{rounds} kills, {total} acknowledged writes, {bundles} bundles");
    assert!(total > rounds as u64, "the rounds have shown nothing");
}

/// Looks for all that was acknowledged before, then writes until the relay is killed; gives what was acknowledged then.
pub(crate) async fn live(
    relay: Relay,
    known: Acknowledged,
    round: usize,
    lasts: Duration,
) -> Acknowledged {
    live_until(relay, known, round, tokio::time::sleep(lasts)).await
}

/// The same with a moment that the kill comes at.
pub(crate) async fn live_until(
    relay: Relay,
    known: Acknowledged,
    round: usize,
    moment: impl Future<Output = ()>,
) -> Acknowledged {
    let url = relay.url();
    let bundles = known.check(&url, round).await;
    let writers = write_all(&url, known.writers).await;
    let bundler = tokio::spawn(write_bundles(connect(&url).await, bundles));
    moment.await;
    assert_eq!(relay.end("KILL"), None);
    Acknowledged {
        writers: ended(writers).await.0,
        bundles: bundler.await.expect("no writer panics"),
    }
}

/// What was acknowledged so far.
#[derive(Clone)]
pub(crate) struct Acknowledged {
    writers: Vec<Known>,
    pub(crate) bundles: u64,
}

impl Default for Acknowledged {
    fn default() -> Self {
        Self {
            writers: vec![Known::default(); WRITERS],
            bundles: 0,
        }
    }
}

impl Acknowledged {
    /// It is all there; gives how many bundles are, since one may have been on its way.
    pub(crate) async fn check(&self, url: &str, round: usize) -> u64 {
        let checker = connect(url).await;
        check(&checker, &self.writers, round).await;
        check_bundle(&checker, self.bundles, round).await
    }

    /// What was acknowledged is there, and of what came after that a part: nothing that was never written.
    pub(crate) async fn check_up_to(&self, newest: &Self, url: &str) {
        let checker = connect(url).await;
        let may_be = |found: Option<(Value, u64)>, from: u64, to: u64| {
            let (value, revision) = found.unwrap_or((Value::Int(0), 0));
            // One more was on its way.
            assert!(
                (from..=to + 1).contains(&revision),
                "{from} to {to}: {revision}"
            );
            assert_eq!(value, Value::from(revision as i64));
            revision
        };
        for writer in 0..WRITERS {
            for number in 0..ADDRESSES {
                let found = at(&checker, &address(writer, number)).await;
                let of = |known: &Self| known.writers[writer][number];
                may_be(found, of(self), of(newest));
            }
        }
        let mut bundles = Vec::new();
        for member in 0..BUNDLE_MEMBERS {
            let found = at(&checker, &format!("/bundle/{member}")).await;
            bundles.push(may_be(found, self.bundles, newest.bundles));
        }
        assert_eq!(bundles, [bundles[0]; BUNDLE_MEMBERS], "half a bundle");
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writers.iter().flatten().sum()
    }
}

/// Each sets its addresses in turn to their next number, which is the revision, until that is refused.
pub(crate) async fn write_all(url: &str, acknowledged: Vec<Known>) -> JoinSet<Wrote> {
    let mut writers = JoinSet::new();
    for (number, known) in acknowledged.into_iter().enumerate() {
        writers.spawn(write(connect(url).await, number, known));
    }
    writers
}

/// What was acknowledged to all of them, and why they ended.
pub(crate) async fn ended(writers: JoinSet<Wrote>) -> (Vec<Known>, Vec<ClientError>) {
    let mut done = writers.join_all().await;
    done.sort_unstable_by_key(|(number, _, _)| *number);
    done.into_iter().map(|(_, known, why)| (known, why)).unzip()
}

/// The number of a writer, what was acknowledged to it, and why it ended.
pub(crate) type Wrote = (usize, Known, ClientError);

/// Revisions of the addresses of a writer.
pub(crate) type Known = [u64; ADDRESSES];

async fn write(client: Client, writer: usize, mut known: Known) -> Wrote {
    // What was not acknowledged the last time may be there.
    for (number, known) in known.iter_mut().enumerate() {
        if let Ok(param) = client.get(&address(writer, number)).await {
            *known = param.map_or(0, |param| param.revision);
        }
    }
    for number in (0..ADDRESSES).cycle() {
        let next = known[number] + 1;
        match client.set(&address(writer, number), next as i64).await {
            Ok(revision) => assert_eq!(revision, next),
            Err(error) => return (writer, known, error),
        }
        known[number] = next;
    }
    unreachable!("it goes round and round")
}

/// What was acknowledged is there, and no more than the one write that was on its way.
pub(crate) async fn check(client: &Client, acknowledged: &[Known], round: usize) {
    for (writer, addresses) in acknowledged.iter().enumerate() {
        for (number, known) in addresses.iter().enumerate() {
            let address = address(writer, number);
            let found = at(client, &address).await;
            let revision = found.as_ref().map_or(0, |(_, revision)| *revision);
            let what = format!("round {round}: {address} at {found:?}, acknowledged {known}");
            // One more was on its way.
            assert!(revision == *known || revision == known + 1, "{what}");
            if let Some((value, revision)) = found {
                assert_eq!(value, Value::from(revision as i64), "{what}");
            }
        }
    }
}

/// Writes the same number to all members, until the relay is gone.
async fn write_bundles(client: Client, from: u64) -> u64 {
    let mut known = from;
    loop {
        let members = 0..BUNDLE_MEMBERS;
        let bundle = members.fold(client.bundle(), |bundle, member| {
            bundle.set(&format!("/bundle/{member}"), known as i64 + 1)
        });
        if bundle.send().await.is_err() {
            return known;
        }
        known += 1;
    }
}

/// All members are at the same number: the last that was acknowledged, or the one on its way.
async fn check_bundle(client: &Client, known: u64, round: usize) -> u64 {
    let mut found = Vec::new();
    for member in 0..BUNDLE_MEMBERS {
        let param = at(client, &format!("/bundle/{member}")).await;
        found.push(param.map_or(0, |(_, revision)| revision));
    }
    assert!(
        found.iter().all(|it| *it == found[0]),
        "round {round}: {found:?}"
    );
    assert!(
        found[0] == known || found[0] == known + 1,
        "round {round}: {found:?}, acknowledged {known}"
    );
    found[0]
}

fn address(writer: usize, number: usize) -> String {
    format!("/w/{writer}/{number}")
}

/// The steps of a linear congruential generator; its high bits are random enough.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// With the seed of the environment, so that a failure can be repeated.
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().expect("a number"));
        println!("seed {seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

const KILLS_IN_CI: usize = 50;
pub(crate) const WRITERS: usize = 8;
const ADDRESSES: usize = 4;
const BUNDLE_MEMBERS: usize = 5;
/// A kill may come before anything was written, or after some hundred commits.
const LIFE_MICROS_MAX: u64 = 150_000;

/// T-NET-08: a SIGTERM in the middle of writes; what was acknowledged is there, and what was not may be.
#[test]
fn an_orderly_end_sends_the_acks_that_wait() {
    let (_folder, file) = place();
    let runtime = runtime();
    let mut known = 0;
    for _ in 0..5 {
        let relay = start(&file, &["--drain-timeout=5"]);
        known = runtime.block_on(async {
            let client = connect(&relay.url()).await;
            let found = at(&client, "/a").await.map_or(0, |(_, revision)| revision);
            assert!(found >= known, "{found} after {known} was acknowledged");
            let mut calls = JoinSet::new();
            for number in 0..2000 {
                calls.spawn(client.set("/a", number).into_future());
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert_eq!(relay.end("TERM"), Some(0));
            let revisions = calls.join_all().await.into_iter().flatten();
            revisions.max().unwrap_or(found)
        });
    }
    assert!(known > 0, "nothing was written");
}
