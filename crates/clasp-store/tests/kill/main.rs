//! A process that is killed while eight threads append loses nothing that it has acknowledged.

#![expect(
    clippy::unwrap_used,
    reason = "the child speaks to its parent through its output"
)]

#[cfg(feature = "failpoints")]
mod failpoints;
#[cfg(not(feature = "failpoints"))]
#[path = "no_failpoints.rs"]
mod failpoints;
#[cfg(feature = "failpoints")]
mod migration;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use clasp_proto::Signal;
use clasp_proto::binary::{Body, PublishRef};
use clasp_store::journal::{
    Before, Durability, Journal, Options, Place, Progress, Record, Snapshot, State, Write, verify,
};

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let mut writing = Writing::new();
    for kill in 0..KILLS {
        // Another moment each time: after so many commits, some of them in a compaction.
        writing.round(&format!("kill {kill}"), None, Some(20 + kill * 13));
    }
    assert!(writing.floor > 0, "no kill came after a compaction");
}

/// A journal, and children that write it one after the other.
struct Writing {
    folder: tempfile::TempDir,
    known: u64,
    floor: u64,
}

impl Writing {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            known: 0,
            floor: 0,
        }
    }

    /// Lets a child write until it is killed after so many lines or ends by itself, then checks that all is there.
    fn round(&mut self, what: &str, failpoint: Option<&str>, lines: Option<usize>) {
        let path = self.folder.path().join("journal.db");
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([
            "--exact",
            "child",
            "--ignored",
            "--nocapture",
            "--test-threads",
            "1",
        ]);
        child
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        child.env(FAILPOINT, failpoint.unwrap_or_default());
        let mut child = child.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = self.known;
        for line in output
            .by_ref()
            .take(lines.unwrap_or(usize::MAX))
            .map_while(Result::ok)
        {
            acknowledged = acknowledged.max(number(&line).unwrap_or(0));
        }
        if lines.is_some() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        assert!(!status.success(), "{what}: {status}");
        for line in output.map_while(Result::ok) {
            acknowledged = acknowledged.max(number(&line).unwrap_or(0));
        }
        self.check(what, &path, acknowledged);
    }

    fn check(&mut self, what: &str, path: &Path, acknowledged: u64) {
        if !path.exists() {
            assert_eq!(acknowledged, 0, "{what}");
            return;
        }
        let report = verify(path).unwrap();
        assert_eq!(report.faults, [], "{what}");
        assert!(
            report.latest >= acknowledged,
            "{what}: {acknowledged} {report:?}"
        );
        let journal = open(path, Box::new(|_| {}));
        let reader = journal.reader().unwrap();
        self.floor = reader.floor().unwrap().unwrap_or(0);
        let mut next = self.floor + 1;
        for record in reader.scan(0) {
            let record = record.unwrap();
            assert_eq!(record.first_sequence(), next, "{what}");
            assert_eq!(record.writes[0].payload, payload(record.sequence), "{what}");
            next = record.sequence + 1;
        }
        assert_eq!(next - 1, report.latest, "{what}");
        if self.floor > 0 {
            let snapshot = reader.newest_snapshot().unwrap().unwrap();
            assert!(snapshot.sequence >= self.floor, "{what}");
        }
        self.known = report.latest;
    }
}

/// Appends until it is killed, and says after each commit how far it is.
#[test]
#[ignore = "the child of the test above"]
fn child() {
    let Some(path) = std::env::var_os(PATH) else {
        return;
    };
    failpoints::arm(&std::env::var(FAILPOINT).unwrap_or_default());
    let told = Arc::new((Mutex::new(0), Condvar::new()));
    let tell = Arc::clone(&told);
    let journal = open(
        Path::new(&path),
        Box::new(move |progress| {
            assert_eq!(progress.state, State::Running);
            let mut out = std::io::stdout().lock();
            writeln!(out, "\nacknowledged {}", progress.durable).unwrap();
            *tell.0.lock().unwrap() = progress.durable;
            tell.1.notify_all();
        }),
    );
    let latest = journal.progress().durable;
    let next = Mutex::new(latest);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                loop {
                    let sequence = append(&journal, &next);
                    let durable = told.0.lock().unwrap();
                    let waited =
                        told.1
                            .wait_timeout_while(durable, Duration::from_secs(20), |it| {
                                *it < sequence
                            });
                    assert!(!waited.unwrap().1.timed_out());
                }
            });
        }
        scope.spawn(|| {
            loop {
                let sequence = journal.progress().durable;
                let snapshot = Snapshot {
                    sequence,
                    at_us: 1,
                    state: vec![1; 300_000],
                };
                journal
                    .compact(snapshot, Before::sequence(sequence.saturating_sub(100)))
                    .unwrap();
            }
        });
    });
}

/// One write, or a bundle of two.
fn append(journal: &Journal, next: &Mutex<u64>) -> u64 {
    let mut next = next.lock().unwrap();
    let count = 1 + *next % 2;
    *next += count;
    let payload = payload(*next);
    let write = Write {
        signal: Some(Signal::Event),
        payload: &payload,
    };
    let writes = [write, write];
    let record = Record {
        sequence: *next,
        at_us: *next,
        author: "writer",
        writes: &writes[..count as usize],
    };
    journal.append(&record).unwrap();
    *next
}

/// Large enough that batches are complete now and then.
fn payload(sequence: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    let samples = sequence.to_be_bytes().repeat(20);
    PublishRef::new("/of/a/writer", Signal::Event, Body::Samples(&samples)).write(&mut payload);
    payload
}

fn open(path: &Path, on_progress: Box<dyn Fn(Progress) + Send>) -> Journal {
    let options = Options {
        place: Place::File {
            path: path.to_owned(),
            durability: Durability::Fsync,
        },
        batch_size: 100,
        flush: Duration::from_millis(50),
    };
    Journal::open(&options, on_progress).unwrap()
}

fn number(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.parse().ok()
}

/// Names the file to the child.
const PATH: &str = "JOURNAL_KILL_PATH";
/// Says where it ends by itself.
const FAILPOINT: &str = "JOURNAL_FAILPOINT";
const KILLS: usize = 20;
const WRITERS: usize = 8;
