//! Reading what was written while it is written and compacted: in order, nothing twice, and nothing left out but what was
//! removed, which is always the beginning (T-DUR-09, docs/journal.md).

#![expect(
    clippy::print_stdout,
    reason = "how long writers waited is what it shows"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clasp_client::Client;
use clasp_proto::{Bundle, Message, binary};
use clasp_store::journal::{self, Reader};
use clasp_transport::DialOptions;
use clasp_transport::http::{self, Method};
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::Relay;
use crate::journal::{at, connect, place, runtime, start};
use crate::long_journal::{address, fill};
use crate::wire::{Wire, framed, number, replay, set};

/// T-DUR-09: the old ones are removed at the start, and then some that were written since.
#[test]
fn t_dur_09_what_is_read_while_compactions_run_is_in_order_and_whole() {
    read_under_compactions(20_000, 1);
}

/// The same with a million.
#[test]
#[ignore = "takes minutes"]
fn t_dur_09_a_million_entries_are_in_order_and_whole_while_compactions_run() {
    read_under_compactions(1_000_000, 1_000_000);
}

/// What everybody in this looks at.
#[derive(Clone)]
struct Scene {
    url: String,
    http: String,
    token: String,
    file: PathBuf,
    /// That were there before the relay.
    old: u64,
    /// Bundles that each writer has had acknowledged.
    bundles: Arc<[AtomicU64; WRITERS]>,
    is_over: Arc<AtomicBool>,
}

/// Until so many of those are removed that were written meanwhile.
fn read_under_compactions(old: u64, removed: u64) {
    let (folder, file) = place();
    fill(&file, old, ADDRESSES);
    let admin = folder.path().join("admin.token");
    let relay = start(
        &file,
        &[
            "--no-ttl",
            "--journal-compact-age=3s",
            "--auth-port=0",
            &format!("--admin-token={}", admin.display()),
            &format!("--auth-db={}", folder.path().join("auth.db").display()),
        ],
    );
    let scene = Scene::of(&relay, &admin, file, old);
    let runtime = runtime();
    let writers = runtime.block_on(scene.play(removed));
    assert_eq!(relay.end("KILL"), None);
    assert_eq!(
        journal::verify(&scene.file).expect("it can be read").faults,
        []
    );
    let relay = start(&scene.file, &["--no-ttl"]);
    runtime.block_on(async {
        let client = connect(&relay.url()).await;
        check_newest(&client, old, &writers).await;
    });
    relay.end("TERM");
}

impl Scene {
    fn of(relay: &Relay, admin: &Path, file: PathBuf, old: u64) -> Self {
        let port = relay.port_of("Auth server listening on ");
        Self {
            url: relay.url(),
            http: format!("http://127.0.0.1:{port}/api/journal"),
            token: std::fs::read_to_string(admin).expect("it was made"),
            file,
            old,
            bundles: Arc::default(),
            is_over: Arc::default(),
        }
    }

    /// Gives what each writer has had acknowledged.
    async fn play(&self, removed: u64) -> Vec<Written> {
        let begun = Instant::now();
        let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
        for number in 0..WRITERS {
            writers.spawn(self.clone().write(number));
        }
        for pages in [usize::MAX, 20] {
            readers.spawn(self.clone().page(pages));
        }
        for pattern in ["/old", "/w/0"] {
            readers.spawn(self.clone().replay(pattern));
        }
        let old = self.old;
        self.until("the old are removed", |floor| floor >= old / 10 * 8)
            .await;
        let cleared = begun.elapsed();
        self.until("new ones are removed", |floor| floor >= old + removed)
            .await;
        self.is_over.store(true, Ordering::SeqCst);
        let mut written = writers.join_all().await;
        for told in readers.join_all().await {
            println!("{told}");
        }
        written.sort_by_key(|it| it.number);
        tell(&written, begun + cleared);
        written
    }

    async fn until(&self, what: &str, is_it: impl Fn(u64) -> bool) {
        let wait = async {
            while !is_it(self.floor()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{what}: not at {}", self.floor());
    }

    /// Until each writer has had so many bundles acknowledged, or all is over.
    async fn until_written(&self, bundles: u64) {
        let has_written = |_| self.is_over() || self.written() >= bundles;
        self.until("each writes", has_written).await;
    }

    fn written(&self) -> u64 {
        let bundles = self.bundles.iter().map(|it| it.load(Ordering::SeqCst));
        bundles.min().unwrap_or(0)
    }

    /// The last that is not in the file any more.
    fn floor(&self) -> u64 {
        let reader = Reader::open(&self.file).expect("it can be read");
        reader.floor().expect("it is whole").unwrap_or(0)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

/// What a writer has done: so many bundles, each with the next number for each of its addresses.
struct Written {
    number: usize,
    bundles: u64,
    /// When each was sent, and how long its ACK took.
    waits: Vec<(Instant, Duration)>,
}

impl Scene {
    async fn write(self, number: usize) -> Written {
        let mut wire = Wire::open(&self.url, Some(&self.token)).await;
        let (mut bundles, mut waits) = (0, Vec::new());
        while !self.is_over() {
            let members = (0..ADDRESSES).map(|it| {
                let address = format!("/w/{number}/{it}");
                set(&address, bundles * ADDRESSES + it + 1)
            });
            let bundle = framed(&Message::Bundle(Bundle {
                timestamp: None,
                messages: members.collect(),
            }));
            let sent = Instant::now();
            wire.send(&[bundle]).await;
            let told = wire.next().await;
            assert!(matches!(told, Message::Ack(_)), "{told:?}");
            waits.push((sent, sent.elapsed()));
            bundles += 1;
            self.bundles[number].store(bundles, Ordering::SeqCst);
        }
        Written {
            number,
            bundles,
            waits,
        }
    }

    /// Reads page by page over HTTP, from the beginning again after so many; to the end when all is over.
    async fn page(self, pages: usize) -> String {
        let (mut after, mut count, mut entries, mut gaps) = (0, 0, 0, 0);
        loop {
            let is_last = self.is_over();
            let page = self.since(after).await;
            let Some(first) = page.first() else {
                if is_last {
                    return format!("{entries} entries in {count} pages of HTTP, {gaps} gaps");
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            };
            if first.0 != after + 1 {
                assert!(first.0 > after, "{} after {after}", first.0);
                self.until("what was left out is removed", |floor| floor >= first.0 - 1)
                    .await;
                gaps += 1;
            }
            for (expected, (sequence, value)) in (first.0..).zip(&page) {
                assert_eq!(*sequence, expected, "in the page after {after}");
                assert!(
                    *sequence > self.old || value == sequence,
                    "{value} at {sequence}"
                );
            }
            entries += page.len();
            count += 1;
            after = page.last().map_or(after, |last| last.0);
            if !is_last && count % pages == 0 {
                // Not so often that nobody else gets anything done.
                self.until_written(self.written() + 1).await;
                after = 0;
            }
        }
    }

    /// Numbers and values.
    async fn since(&self, after: u64) -> Vec<(u64, u64)> {
        let asked = http::Request {
            method: Method::GET,
            url: &format!("{}/since?seq={after}&limit={PAGE}", self.http),
            bearer: Some(&self.token),
            json: None,
        };
        let answer = http::request(asked, &DialOptions::default()).await;
        let answer = answer.expect("the auth port answers");
        assert_eq!(answer.status, 200);
        let entries: Vec<Json> = serde_json::from_slice(&answer.body).expect("a list");
        let number = |entry: &Json, name: &str| entry[name].as_u64().expect("a number");
        let entries = entries.iter();
        entries
            .map(|entry| (number(entry, "seq"), number(entry, "value")))
            .collect()
    }

    /// Asks for the same again and again.
    async fn replay(self, below: &'static str) -> String {
        let mut wire = Wire::open(&self.url, Some(&self.token)).await;
        // Nothing marks the end of an answer but the next one: of a writer that has always just written.
        self.until_written(1).await;
        let (mut answers, mut entries, mut gaps) = (0, 0, 0);
        while !self.is_over() {
            let all = framed(&replay(&format!("{below}/**"), 10_000));
            wire.send(&[all, framed(&replay("/w/1/**", 1))]).await;
            let (mut next, mut first_kept) = (1, None);
            loop {
                let message = wire.next().await;
                let (address, value) = number(&message);
                if address.starts_with("/w/1/") {
                    break;
                }
                if value != next {
                    assert!(value > next, "{address}: {value} where {next} was next");
                    first_kept = Some(value);
                    gaps += 1;
                }
                next = value + 1;
                entries += 1;
            }
            if let Some(value) = first_kept {
                self.until_removed(below, value).await;
            }
            answers += 1;
            self.until_written(self.written() + 1).await;
        }
        format!("{entries} entries in {answers} REPLAYs of {below}, {gaps} gaps")
    }

    /// Until nothing before this value is in the file: who reads is not shown any more what is about to be removed.
    async fn until_removed(&self, below: &str, value: u64) {
        let what = format!("{below} before {value} is removed");
        self.until(&what, |floor| match below {
            "/old" => floor >= value - 1,
            _ => floor >= self.old && self.first_kept(below) >= value,
        })
        .await;
    }

    /// The first value below this that is in the file.
    fn first_kept(&self, below: &str) -> u64 {
        let reader = Reader::open(&self.file).expect("it can be read");
        let mut values = reader.scan(0).filter_map(|record| {
            let record = record.expect("it is whole");
            let first = binary::decode(&record.writes[0].payload).expect("a message");
            let (address, value) = number(&first);
            address.starts_with(below).then_some(value)
        });
        values.next().expect("a writer has always just written")
    }
}

/// The newest value of each address is there, with its revision.
async fn check_newest(client: &Client, old: u64, writers: &[Written]) {
    for sequence in old - ADDRESSES + 1..=old {
        let expected = (sequence, sequence.div_ceil(ADDRESSES));
        check(client, &address(sequence, ADDRESSES), expected).await;
    }
    for Written {
        number, bundles, ..
    } in writers
    {
        for it in 0..ADDRESSES {
            let expected = ((bundles - 1) * ADDRESSES + it + 1, *bundles);
            check(client, &format!("/w/{number}/{it}"), expected).await;
        }
    }
}

async fn check(client: &Client, address: &str, expected: (u64, u64)) {
    let (value, revision) = at(client, address).await.expect("it was acknowledged");
    let found = (value.as_i64().expect("a number").unsigned_abs(), revision);
    assert_eq!(found, expected, "{address}");
}

/// How long ACKs took: while the old records were removed, and then.
fn tell(writers: &[Written], cleared: Instant) {
    let waits = || writers.iter().flat_map(|writer| &writer.waits);
    let (mut during, mut later) = (Vec::new(), Vec::new());
    for (sent, wait) in waits() {
        let of = if *sent < cleared {
            &mut during
        } else {
            &mut later
        };
        of.push(*wait);
    }
    for (what, mut waits) in [("while the old are removed", during), ("then", later)] {
        waits.sort_unstable();
        let at = |share: usize| waits.get(waits.len() * share / 100);
        println!(
            "{} ACKs of {ADDRESSES} writes {what}: p50 {:?}, p99 {:?}, longest {:?}",
            waits.len(),
            at(50),
            at(99),
            waits.last()
        );
    }
}

const ADDRESSES: u64 = 500;
const WRITERS: usize = 3;
/// Entries of a page of HTTP: no more than the relay reads at once.
const PAGE: usize = 1000;
/// A relay removes records after 200,000 writes, and others may keep the machine busy.
const PATIENCE: Duration = Duration::from_secs(300);
