//! A process that ends at a named point loses nothing, and a disk that fails once is not believed again.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use clasp_store::StoreError;
use clasp_store::journal::failpoints::{Action, clear, set};
use clasp_store::journal::{AppendError, JournalError, Point, Reader, State, backup, import};

use super::*;

const POINTS: [(&str, Point); 7] = [
    ("before append", Point::BeforeAppend),
    ("after append", Point::AfterAppend),
    ("before fsync", Point::BeforeFsync),
    ("after fsync", Point::AfterFsync),
    ("before ack", Point::BeforeAck),
    ("compaction", Point::Compaction),
    ("snapshot", Point::Snapshot),
];

/// `<passes> <point>`.
pub(crate) fn arm(text: &str) {
    let Some((passes, name)) = text.split_once(' ') else {
        return;
    };
    let (_, point) = POINTS.iter().find(|(point, _)| *point == name).unwrap();
    set(*point, passes.parse().unwrap(), Action::Abort);
}

#[test]
fn nothing_acknowledged_is_lost_at_any_point() {
    for (name, _) in POINTS {
        let mut writing = Writing::new();
        for round in 0..ROUNDS {
            // The first time, and later ones.
            let passes = if name == "snapshot" { round } else { round * 7 };
            writing.round(
                &format!("{name} {round}"),
                Some(&format!("{passes} {name}")),
                None,
            );
        }
        assert!(writing.known > 0, "{name}");
    }
}

#[test]
fn a_disk_that_fails_once_is_not_believed_again() {
    let _alone = ALONE.lock();
    for point in [Point::BeforeFsync, Point::AfterFsync, Point::Compaction] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let (tell, told) = channel();
        let journal = open(
            &path,
            Box::new(move |progress| tell.send(progress).unwrap()),
        );
        write(&journal, 1);
        assert_eq!(
            told.recv_timeout(LONG).unwrap(),
            Progress {
                durable: 1,
                state: State::Running
            }
        );
        set(point, 0, Action::SyncError);
        if point == Point::Compaction {
            let snapshot = Snapshot {
                sequence: 1,
                at_us: 1,
                state: vec![1],
            };
            let failed = journal.compact(snapshot, Before::sequence(1));
            assert!(matches!(failed, Err(JournalError::Failed)), "{failed:?}");
        } else {
            write(&journal, 2);
        }
        // Told once, and what was acknowledged stays so.
        assert_eq!(
            told.recv_timeout(LONG).unwrap(),
            Progress {
                durable: 1,
                state: State::Failed
            }
        );
        let refused = journal.append(&Record {
            sequence: 3,
            at_us: 1,
            author: "",
            writes: &[event(&[])],
        });
        assert_eq!(refused, Err(AppendError::Failed));
        assert!(!journal.reserve(1));
        assert!(matches!(journal.close(), Err(JournalError::Failed)));
        assert!(told.recv().is_err());
        // The one copy that is known to be whole.
        assert!(
            std::fs::metadata(folder.path().join("journal.db-wal"))
                .unwrap()
                .len()
                > 0
        );
        assert_eq!(verify(&path).unwrap().faults, []);
        let kept = Reader::open(&path).unwrap().scan(0).count();
        assert!((1..=2).contains(&kept));
    }
    clear();
}

#[test]
fn a_full_disk_is_tried_again() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let (tell, told) = channel();
    let journal = open(
        &path,
        Box::new(move |progress| tell.send(progress).unwrap()),
    );
    set(Point::BeforeFsync, 0, Action::Full);
    let began = Instant::now();
    write(&journal, 1);
    assert_eq!(
        told.recv_timeout(LONG).unwrap(),
        Progress {
            durable: 0,
            state: State::Blocked
        }
    );
    write(&journal, 2);
    let progress = told.recv_timeout(LONG).unwrap();
    assert_eq!((progress.durable, progress.state), (1, State::Running));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(told.recv_timeout(LONG).unwrap().durable, 2);
    journal.close().unwrap();
    assert_eq!(Reader::open(&path).unwrap().scan(0).count(), 2);
}

#[test]
fn a_snapshot_that_does_not_fit_holds_up_no_record() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = open(
        &path,
        Box::new(|progress| assert_eq!(progress.state, State::Running)),
    );
    write(&journal, 1);
    let snapshot = |sequence| Snapshot {
        sequence,
        at_us: 1,
        state: vec![1; 1 << 20],
    };
    // In the middle of its parts.
    set(Point::Compaction, 3, Action::Full);
    let given_up = journal.compact(snapshot(1), Before::sequence(0));
    let is_full = matches!(given_up, Err(JournalError::Store(StoreError::NoRoom)));
    assert!(is_full, "{given_up:?}");
    write(&journal, 2);
    journal.compact(snapshot(2), Before::sequence(0)).unwrap();
    let newest = Reader::open(&path).unwrap().newest_snapshot().unwrap();
    assert_eq!(newest, Some(snapshot(2)));
    journal.close().unwrap();
    let parts = "SELECT count(*), count(DISTINCT snapshot) FROM snapshot_parts";
    let file = rusqlite::Connection::open(&path).unwrap();
    let parts: (u64, u64) = file
        .query_row(parts, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(
        parts,
        (4, 1),
        "nothing is left of the one that was given up"
    );
}

#[test]
fn a_file_that_is_not_finished_has_no_name() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    open(&path, Box::new(|_| {})).close().unwrap();
    let mut lines = Vec::new();
    Reader::open(&path).unwrap().export(&mut lines).unwrap();
    let to = folder.path().join("new.db");
    set(Point::Migration, 0, Action::SyncError);
    assert!(import(&mut lines.as_slice(), &to).is_err());
    assert!(!to.exists());
    set(Point::Migration, 0, Action::SyncError);
    assert!(backup(&path, &to).is_err());
    assert!(!to.exists());
    backup(&path, &to).unwrap();
    assert_eq!(verify(&to).unwrap().faults, []);
}

fn write(journal: &Journal, sequence: u64) {
    let payload = payload(sequence);
    let record = Record {
        sequence,
        at_us: 1,
        author: "",
        writes: &[event(&payload)],
    };
    journal.append(&record).unwrap();
}

fn event(payload: &[u8]) -> Write<'_> {
    Write {
        signal: Some(Signal::Event),
        payload,
    }
}

/// What is set is set for the process.
static ALONE: Mutex<()> = Mutex::new(());
const LONG: Duration = Duration::from_secs(20);
const ROUNDS: usize = 20;
