//! A disk that stands still while clients write as fast as they can (T-DUR-04, docs/journal.md).

#![expect(clippy::print_stdout, reason = "what was measured is of interest")]

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clasp_proto::{Code, Get, Message, Qos, Set, Subscribe, TypeMask, Unsubscribe, Value};
use clasp_server::Protocol;
use clasp_store::journal::Point;
use clasp_store::journal::failpoints::{self, Action};
use clasp_store::limits::{QUEUE_BYTES_MAX, QUEUE_RECORDS_MAX};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::{
    Client, Running, address, ask, framed_as, resident_bytes, soon, start, start_alone, until,
};
use crate::journal::place;
use crate::metrics::Samples;

/// What one client does.
#[derive(Debug, Clone)]
struct Flood {
    address: String,
    qos: Qos,
    writes: i64,
    value_bytes: usize,
}

/// What came back: one answer for each write that asks for one.
#[derive(Debug, Default)]
struct Answers {
    revisions: Vec<u64>,
    /// Refusals with 501. None came before an ACK.
    refused: usize,
}

impl Flood {
    /// Writes the numbers from 1 on, as fast as the socket takes them.
    async fn run(self, mut client: Client) -> (Self, Client, Answers) {
        let mut answers = Answers::default();
        let mut sent = 0;
        let expected = match self.qos {
            Qos::Fire => 0,
            _ => self.writes as usize,
        };
        while sent < self.writes || answers.count() < expected {
            let room = match client.link.unsent_bytes() {
                0 => FRAMES_AT_ONCE,
                _ => 0,
            };
            let more = (sent + 1..=self.writes).take(room);
            let frames: Vec<Bytes> = more.map(|number| self.frame(number)).collect();
            sent += frames.len() as i64;
            if let Ok(taken) = timeout(MOMENT, client.link.send_many(&frames)).await {
                taken.expect("the link takes frames");
            }
            while let Ok(message) = timeout(MOMENT, client.next()).await {
                answers.note(&message, &self.address);
            }
        }
        for message in client.sync().await {
            answers.note(&message, &self.address);
        }
        (self, client, answers)
    }

    fn frame(&self, number: i64) -> Bytes {
        framed_as(self.qos, &self.set(number))
    }

    fn set(&self, number: i64) -> Message {
        let filler = Value::Bytes(vec![7; self.value_bytes]);
        Message::Set(Set {
            address: self.address.clone(),
            value: Value::Array(vec![Value::Int(number), filler]),
            ..Set::default()
        })
    }
}

impl Answers {
    fn count(&self) -> usize {
        self.revisions.len() + self.refused
    }

    fn note(&mut self, message: &Message, address: &str) {
        match message {
            Message::Ack(ack) => {
                assert_eq!(ack.address.as_deref(), Some(address));
                assert_eq!(self.refused, 0, "an ACK behind a refusal");
                self.revisions.push(ack.revision.expect("of a SET"));
            }
            Message::Error(error) => {
                assert_eq!(error.code, Code::Unavailable.number(), "{error:?}");
                assert_eq!(error.address.as_deref(), Some(address));
                self.refused += 1;
            }
            other => unreachable!("{other:?} is no answer"),
        }
    }
}

/// A server whose disk stands still from the next commit on, and those who write to it.
struct Stalled {
    server: Running,
    reader: Client,
    floods: JoinSet<(Flood, Client, Answers)>,
    begun: Instant,
    resident: usize,
}

impl Stalled {
    async fn begin(path: &Path, floods: &[Flood]) -> Self {
        let server = start_alone(|config| {
            config.journal = Some(path.to_owned());
            config.metrics_port = Some(0);
            config.health_port = Some(0);
        })
        .await;
        let mut reader = Client::welcomed(&server, Protocol::WebSocket).await;
        reader.send(&quiet().set(1)).await;
        assert!(matches!(reader.next().await, Message::Ack(_)));
        let mut running = JoinSet::new();
        let mut clients = Vec::new();
        for flood in floods {
            clients.push((
                flood.clone(),
                Client::welcomed(&server, Protocol::Tcp).await,
            ));
        }
        let resident = resident_bytes();
        failpoints::set(Point::BeforeFsync, 0, Action::Stall);
        for (flood, client) in clients {
            running.spawn(flood.run(client));
        }
        Self {
            server,
            reader,
            floods: running,
            begun: Instant::now(),
            resident,
        }
    }

    /// Reads until then, and looks at what waits.
    async fn watch(&mut self, is_over: impl Fn(&Self) -> bool) {
        let (mut took, mut waiting, mut grown) = (Vec::new(), 0, 0);
        while !is_over(self) {
            took.push(self.look().await);
            let counted = Samples::of(&self.server).await;
            waiting = waiting.max(counted.get("clasp_journal_waiting_writes") as usize);
            grown = grown.max(resident_bytes().saturating_sub(self.resident));
        }
        took.sort_unstable();
        let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
        println!(
            "{} looks: {median:?} in the middle, {slowest:?} at most; at most {waiting} writes wait, {grown} bytes more",
            took.len()
        );
        assert!(median < Duration::from_millis(100), "{median:?}");
        assert!(waiting > 0, "nothing waits: the disk does not stand still");
        assert!(waiting <= QUEUE_RECORDS_MAX, "{waiting}");
        assert!(grown < GROWTH_BYTES_MAX, "{grown}");
    }

    /// How long a GET and a SUBSCRIBE take together.
    async fn look(&mut self) -> Duration {
        let begun = Instant::now();
        let subscribe = Message::Subscribe(Subscribe {
            id: 1,
            pattern: "/quiet".to_owned(),
            types: TypeMask::ALL,
            ..Subscribe::default()
        });
        self.reader.send(&get("/quiet")).await;
        assert!(matches!(self.reader.next().await, Message::Snapshot(_)));
        self.reader.send(&subscribe).await;
        assert!(matches!(self.reader.next().await, Message::Snapshot(_)));
        let took = begun.elapsed();
        self.reader
            .send(&Message::Unsubscribe(Unsubscribe { id: 1 }))
            .await;
        assert_eq!(self.reader.sync().await, []);
        took
    }

    /// Until all have their answers.
    async fn answered(&mut self) -> Vec<(Flood, Client, Answers)> {
        let mut all = Vec::new();
        while let Some(ended) = soon("answers", self.floods.join_next()).await {
            all.push(ended.expect("no client panics"));
        }
        all
    }
}

// protocol/router.md 18.7
async fn check_short_stall(value_bytes: usize, writes: i64) {
    let (_folder, path) = place();
    let floods = floods(value_bytes, writes);
    let mut stalled = Stalled::begin(&path, &floods).await;
    stalled
        .watch(|stalled| stalled.begun.elapsed() >= SHORT)
        .await;
    assert!(stalled.server.is_ready(), "a disk may take its time");
    failpoints::clear();
    let answered = stalled.answered().await;
    for (flood, mut client, answers) in answered {
        assert_eq!(answers.refused, 0, "{}", flood.address);
        if flood.qos == Qos::Confirm {
            let all: Vec<u64> = (1..=flood.writes as u64).collect();
            assert_eq!(answers.revisions, all, "{}", flood.address);
        }
        let expected = (flood.writes, flood.writes as u64);
        assert_eq!(at(&mut client, &flood.address).await, Some(expected));
    }
    stalled.server.shutdown().await;
    let server = start(|config| config.journal = Some(path)).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    client.sync().await;
    for flood in floods {
        let expected = (flood.writes, flood.writes as u64);
        assert_eq!(at(&mut client, &flood.address).await, Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_dur_04_a_flood_of_small_writes_waits_for_a_slow_disk() {
    check_short_stall(4, 40_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_dur_04_a_flood_of_large_writes_waits_for_a_slow_disk() {
    check_short_stall(8_000, 4_000).await;
}

// protocol/router.md 18.6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_dur_04_a_flood_is_refused_when_the_disk_stands_still() {
    let (_folder, path) = place();
    // All of them would fit into the queue, if new ones were taken.
    let mut stalled = Stalled::begin(&path, &floods(4, 20_000)).await;
    stalled.watch(|stalled| !stalled.server.is_ready()).await;
    let health = address(&stalled.server, Protocol::Health);
    assert_eq!(ask(health, "GET /readyz").await.0, 503);
    let counted = Samples::of(&stalled.server).await;
    counted.check(&[("clasp_journal_stopped", 1.0)]);
    let mut expected = Vec::new();
    // Those that waited and those that came later, while it still stands still.
    for (flood, mut client, answers) in stalled.answered().await {
        assert!(
            answers.revisions.is_empty(),
            "{}: nothing is kept",
            flood.address
        );
        let (value, revision) = at(&mut client, &flood.address)
            .await
            .expect("some were done");
        // What was done was done in order, and the rest not at all.
        assert_eq!(value as u64, revision, "{}", flood.address);
        assert!(value < flood.writes, "{}: none was refused", flood.address);
        expected.push((flood, client, revision));
    }
    let new = Flood {
        address: "/new".to_owned(),
        ..quiet()
    };
    stalled.reader.send(&new.set(1)).await;
    assert_eq!(stalled.reader.error().await, Code::Unavailable);
    assert_eq!(at(&mut stalled.reader, "/new").await, None);
    failpoints::clear();
    let begun = Instant::now();
    until("progress", || stalled.server.is_ready()).await;
    println!("ready again after {:?}", begun.elapsed());
    assert_eq!(ask(health, "GET /readyz").await.0, 200);
    for (flood, client, revision) in &mut expected {
        *revision += 1;
        client.send(&flood.set(*revision as i64)).await;
        let answer = client.next().await;
        assert!(
            matches!(&answer, Message::Ack(ack) if ack.revision == Some(*revision)),
            "{answer:?}"
        );
    }
    stalled.server.shutdown().await;
    let server = start(|config| config.journal = Some(path)).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    client.sync().await;
    for (flood, _, revision) in expected {
        let found = at(&mut client, &flood.address).await;
        assert_eq!(
            found,
            Some((revision as i64, revision)),
            "{}",
            flood.address
        );
    }
    assert_eq!(at(&mut client, "/new").await, None);
}

/// Clients that wait for ACKs, and such as do not.
fn floods(value_bytes: usize, writes: i64) -> Vec<Flood> {
    let flood = |number: usize| Flood {
        address: format!("/flood/{number}"),
        qos: match number % 2 {
            0 => Qos::Fire,
            _ => Qos::Confirm,
        },
        writes,
        value_bytes,
    };
    (0..6).map(flood).collect()
}

/// Of the one who reads.
fn quiet() -> Flood {
    Flood {
        address: "/quiet".to_owned(),
        qos: Qos::Confirm,
        writes: 1,
        value_bytes: 0,
    }
}

fn get(address: &str) -> Message {
    Message::Get(Get {
        address: address.to_owned(),
    })
}

/// The number and the revision there.
async fn at(client: &mut Client, address: &str) -> Option<(i64, u64)> {
    client.send(&get(address)).await;
    let Message::Snapshot(snapshot) = client.next().await else {
        return None;
    };
    let param = snapshot.params.first().expect("it was asked for");
    let Value::Array(value) = &param.value else {
        unreachable!("{param:?} is not what was written")
    };
    let number = value.first().and_then(Value::as_i64);
    Some((number.expect("a number comes first"), param.revision))
}

/// A stall after which nobody is refused.
const SHORT: Duration = Duration::from_secs(2);
const FRAMES_AT_ONCE: usize = 64;
/// For what a socket takes or gives at once.
const MOMENT: Duration = Duration::from_millis(1);
/// What waits for the disk, as often as the allocator needs to let it grow; and the sockets of both sides.
const GROWTH_BYTES_MAX: usize = 3 * QUEUE_BYTES_MAX;
