//! A server that ends at a named point has lost nothing that it acknowledged (docs/journal.md).

use std::collections::HashMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use clasp_proto::{Bundle, Message, Param, Set, Value};
use clasp_server::{Protocol, Server};
use clasp_store::journal::Point;
use clasp_store::journal::failpoints::{self, Action};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::harness::{Client, config, hello, server, soon, start, url};

/// A point, and after how many passes the process ends there.
struct Round {
    point: Point,
    passes: u32,
    /// Whether the server is told to stop after a while, which takes it past points at its end.
    stops: bool,
}

/// Some are passed at each write or commit; those of compactions and snapshots at the start and at an orderly end.
fn rounds() -> impl Iterator<Item = Round> {
    let at_writes = [Point::BeforeAppend, Point::AfterAppend].map(|point| (point, 23, false));
    let at_commits = [Point::BeforeFsync, Point::AfterFsync, Point::BeforeAck];
    let at_commits = at_commits.map(|point| (point, 7, false));
    let beside = [Point::Compaction, Point::Snapshot].map(|point| (point, 1, true));
    let all = at_writes.into_iter().chain(at_commits).chain(beside);
    all.flat_map(|(point, every, stops)| {
        (0..ROUNDS).map(move |round| Round {
            point,
            passes: match point {
                // Once at the start, and once at the end.
                Point::Snapshot => round % 2,
                _ => round * every,
            },
            stops,
        })
    })
}

// T-DUR-02, T-DUR-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_dur_02_nothing_acknowledged_is_lost_at_any_named_point() {
    // Others that measure are not beside it.
    let _turn = start(|_| {}).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("journal.db");
    let mut known = Known::default();
    let mut ended_at = HashMap::new();
    for round in rounds() {
        let what = format!("{:?} after {} passes", round.point, round.passes);
        let before = known.total();
        let status = known.write(&path, &round).await;
        let is_at_point = !status.success();
        assert!(is_at_point || round.point == Point::Compaction, "{what}");
        *ended_at.entry(format!("{:?}", round.point)).or_insert(0) += u32::from(is_at_point);
        let is_late = !round.stops && round.passes >= 100;
        assert!(!is_late || known.total() > before, "{what}: no write");
        known.check(&path, &what).await;
    }
    println!("{} acknowledged writes, ends: {ended_at:?}", known.total());
    assert!(
        ended_at.values().all(|ends| *ends >= ROUNDS / 4),
        "{ended_at:?}"
    );
}

// T-DUR-02
#[tokio::test]
async fn t_dur_02_a_journal_that_is_being_made_is_made_by_the_next_start() {
    let _turn = start(|_| {}).await;
    for round in 0..ROUNDS {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("journal.db");
        let mut known = Known::default();
        let round = Round {
            point: Point::Migration,
            // Before its tables are there for good, and before it has its name.
            passes: round % 2,
            stops: false,
        };
        assert!(!known.write(&path, &round).await.success());
        assert!(!path.exists(), "it has its name when it is whole");
        known.check(&path, "a journal that was being made").await;
        assert_eq!(known.total(), 0);
    }
}

/// What was acknowledged: revisions, which are the values as well.
#[derive(Default)]
struct Known {
    sets: [[u64; ADDRESSES]; WRITERS],
    bundles: u64,
}

impl Known {
    fn total(&self) -> u64 {
        self.sets.iter().flatten().sum::<u64>() + self.bundles
    }

    /// Lets a server run until its point, or until it is told to stop, while all write.
    async fn write(&mut self, path: &Path, round: &Round) -> ExitStatus {
        let (mut child, url) = spawn(path, round).await;
        let stdin = child.stdin.take();
        let mut writers = JoinSet::new();
        let mut bundler = JoinSet::new();
        if let Some(url) = url {
            for (writer, known) in self.sets.into_iter().enumerate() {
                writers.spawn(write(url.clone(), writer, known));
            }
            bundler.spawn(write_bundles(url, self.bundles));
        }
        if round.stops {
            tokio::time::sleep(Duration::from_millis(u64::from(round.passes) * 5)).await;
            drop(stdin);
        }
        let status = soon("the end of the server", child.wait()).await;
        for (writer, known) in writers.join_all().await {
            self.sets[writer] = known;
        }
        self.bundles = bundler.join_all().await.pop().unwrap_or(self.bundles);
        status.expect("the child was started")
    }

    /// All of it is there, and at most the one write that was on its way.
    async fn check(&mut self, path: &Path, what: &str) {
        let server = server(|config| config.journal = Some(path.to_owned())).await;
        let found = params(&server).await;
        let at = |address: &str| {
            let Some(param) = found.get(address) else {
                return 0;
            };
            let value = Value::Int(param.revision.try_into().expect("small"));
            assert_eq!(param.value, value, "{what}: {address}");
            param.revision
        };
        for (writer, addresses) in self.sets.iter_mut().enumerate() {
            for (number, known) in addresses.iter_mut().enumerate() {
                let address = address(writer, number);
                let revision = at(&address);
                let is_right = revision == *known || revision == *known + 1;
                assert!(
                    is_right,
                    "{what}: {address} at {revision}, acknowledged {known}"
                );
                *known = revision;
            }
        }
        let members = (0..MEMBERS).map(|member| at(&format!("/bundle/{member}")));
        let members: Vec<_> = members.collect();
        let is_whole = members.iter().all(|it| *it == members[0]);
        let is_right = members[0] == self.bundles || members[0] == self.bundles + 1;
        assert!(
            is_whole && is_right,
            "{what}: {members:?}, acknowledged {}",
            self.bundles
        );
        self.bundles = members[0];
        server.shutdown().await;
    }
}

async fn params(server: &Server) -> HashMap<String, Param> {
    let mut client = Client::dial(server, Protocol::Tcp).await;
    client.send(&hello()).await;
    assert!(matches!(client.next().await, Message::Welcome(_)));
    let Message::Snapshot(snapshot) = client.next().await else {
        panic!("a SNAPSHOT follows a WELCOME");
    };
    let params = snapshot.params.into_iter();
    params.map(|param| (param.address.clone(), param)).collect()
}

/// Sets its addresses in turn to their next revision, until the server is gone.
async fn write(
    url: String,
    writer: usize,
    mut known: [u64; ADDRESSES],
) -> (usize, [u64; ADDRESSES]) {
    let Some(mut client) = Client::try_welcomed_at(&url).await else {
        return (writer, known);
    };
    for number in (0..ADDRESSES).cycle() {
        let next = known[number] + 1;
        match acknowledged(&mut client, &set(address(writer, number), next)).await {
            Some(revision) => assert_eq!(revision, next),
            None => break,
        }
        known[number] = next;
    }
    (writer, known)
}

/// Sets all members to the same number, until the server is gone.
async fn write_bundles(url: String, mut known: u64) -> u64 {
    let Some(mut client) = Client::try_welcomed_at(&url).await else {
        return known;
    };
    loop {
        let members = (0..MEMBERS).map(|member| set(format!("/bundle/{member}"), known + 1));
        let bundle = Message::Bundle(Bundle {
            timestamp: None,
            messages: members.collect(),
        });
        if acknowledged(&mut client, &bundle).await.is_none() {
            return known;
        }
        known += 1;
    }
}

/// The revision of the ACK; nothing if the link ends before, or the server says that it will.
async fn acknowledged(client: &mut Client, message: &Message) -> Option<u64> {
    let mut answer = client.ask(message).await?;
    // That of the greeting.
    while matches!(answer, Message::Snapshot(_)) {
        answer = client.try_next().await?;
    }
    match answer {
        Message::Ack(ack) => ack.revision,
        _ => None,
    }
}

fn set(address: String, revision: u64) -> Message {
    Message::Set(Set {
        address,
        value: Value::Int(revision.try_into().expect("small")),
        ..Set::default()
    })
}

fn address(writer: usize, number: usize) -> String {
    format!("/w/{writer}/{number}")
}

/// A server in a process of its own; nothing if it ends before it listens.
async fn spawn(path: &Path, round: &Round) -> (Child, Option<String>) {
    let program = std::env::current_exe().expect("this is a program");
    let arguments = ["--exact", "journal_kill::child", "--ignored", "--nocapture"];
    let mut child = Command::new(program)
        .args(arguments)
        .env(PATH, path)
        .env(POINT, format!("{} {:?}", round.passes, round.point))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("this program can be started");
    let output = child.stdout.take().expect("it is a pipe");
    let mut lines = BufReader::new(output).lines();
    let mut url = None;
    while let Ok(Some(line)) = soon("the server's address", lines.next_line()).await {
        if let Some((_, found)) = line.split_once(LISTENS) {
            url = Some(found.to_owned());
            break;
        }
    }
    (child, url)
}

/// A server that ends at its point, or when its parent closes the pipe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the tests above"]
async fn child() {
    let (Some(path), Ok(point)) = (std::env::var_os(PATH), std::env::var(POINT)) else {
        return;
    };
    let (passes, name) = point.split_once(' ').expect("two words");
    let point = POINTS
        .into_iter()
        .find(|point| format!("{point:?}") == name);
    let passes = passes.parse().expect("a number");
    failpoints::set(point.expect("a known point"), passes, Action::Abort);
    let config = config(|config| {
        config.journal = Some(path.into());
        config.journal_compact_before = Some(u64::MAX);
        config.quic_port = None;
    });
    let server = Server::start(&config).await.expect("the server starts");
    println!("\n{LISTENS}{}", url(&server, Protocol::Tcp));
    let closed = tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop));
    closed.await.expect("reading does not panic");
    server.shutdown().await;
}

const POINTS: [Point; 8] = [
    Point::BeforeAppend,
    Point::AfterAppend,
    Point::BeforeFsync,
    Point::AfterFsync,
    Point::BeforeAck,
    Point::Compaction,
    Point::Snapshot,
    Point::Migration,
];
const PATH: &str = "CLASP_TEST_JOURNAL";
const POINT: &str = "CLASP_TEST_POINT";
const LISTENS: &str = "listening on ";
const ROUNDS: u32 = 20;
const WRITERS: usize = 8;
const ADDRESSES: usize = 4;
const MEMBERS: usize = 5;
