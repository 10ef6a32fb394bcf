//! Copies: backups, exports, and journals of CLASP 4.5.

use super::*;

#[test]
fn a_backup_of_a_journal_that_is_written_is_a_prefix_of_it() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 5000));
    open.journal
        .compact(snapshot(3000, 10), Before::sequence(1))
        .unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| {
            let mut next = 5001;
            while !is_over.load(Ordering::Relaxed) {
                open.keep(&records(next, 100));
                next += 100;
            }
        });
        for round in 0..10 {
            let copy = files.folder.path().join(format!("backup{round}.db"));
            let before = open.journal.progress().durable;
            backup(&files.path, &copy).unwrap();
            let report = verify(&copy).unwrap();
            assert_eq!(report.faults, []);
            assert!(report.latest >= before, "{before} {report:?}");
            let restored = Open::at(&copy).unwrap();
            assert_eq!(restored.scan(0), records(1, report.latest));
            assert_eq!(report.snapshot, Some(3000));
            restored.keep(&records(report.latest + 1, 10));
        }
        drop(over);
    });
    // What is there already is not overwritten.
    let refused = backup(&files.path, &files.folder.path().join("backup0.db"));
    assert!(matches!(refused, Err(JournalError::Exists { .. })));
}

#[test]
fn a_backup_takes_the_place_of_what_was_lost() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 100));
    let copy = files.folder.path().join("backup.db");
    backup(&files.path, &copy).unwrap();
    open.keep(&records(101, 100));
    open.journal.close().unwrap();
    fs::rename(&copy, &files.path).unwrap();
    let open = files.open();
    assert_eq!(open.scan(0), records(1, 100));
}

#[test]
fn an_export_keeps_snapshot_and_numbers() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 5000));
    let state = snapshot(4000, 200_000);
    open.journal
        .compact(state.clone(), Before::sequence(4001))
        .unwrap();
    let reader = open.journal.reader().unwrap();
    let mut lines = Vec::new();
    reader.export(&mut lines).unwrap();
    let again = files.folder.path().join("again.db");
    let count = import(&mut lines.as_slice(), &again).unwrap();
    let restored = Reader::open(&again).unwrap();
    assert_eq!(restored.newest_snapshot().unwrap(), Some(state));
    assert_eq!(restored.floor().unwrap(), reader.floor().unwrap());
    assert_eq!(verify(&again).unwrap().records, count);
    let mut same = Vec::new();
    restored.export(&mut same).unwrap();
    assert!(same == lines);

    // Whatever is missing or changed is noticed, and nothing is left behind.
    let text = String::from_utf8(lines).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n");
    let last = lines.len() - 1;
    let changed = text.replacen("/room/7/light", "/room/8/light", 1);
    for damaged in [
        without(0),
        without(1),
        without(3),
        without(last - 5),
        without(last),
        changed,
        String::new(),
    ] {
        let to = files.folder.path().join("damaged.db");
        let refused = import(&mut damaged.as_bytes(), &to);
        assert!(
            matches!(refused, Err(JournalError::Line { .. })),
            "{refused:?}"
        );
        assert!(!to.exists());
    }
    let names: Vec<_> = contents(files.folder.path())
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_str().unwrap().contains(".copy")),
        "{names:?}"
    );
}

/// Does something once, while it is written to.
struct Meanwhile<'a> {
    lines: Vec<u8>,
    then: Option<&'a dyn Fn()>,
}

impl std::io::Write for Meanwhile<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lines.extend(bytes);
        if self.lines.len() > 20_000
            && let Some(then) = self.then.take()
        {
            then();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// By another process, which does not know how far its writer may compact.
#[test]
fn an_export_beside_a_compaction_leaves_nothing_out() {
    let files = Files::new();
    let open = files.open();
    for part in records(1, 5000).chunks(500) {
        open.keep(part);
    }
    let compact = || {
        let done = open
            .journal
            .compact(snapshot(5000, 10), Before::sequence(4000));
        assert!(done.unwrap().floor > 2000);
    };
    let mut out = Meanwhile {
        lines: Vec::new(),
        then: Some(&compact),
    };
    Reader::open(&files.path).unwrap().export(&mut out).unwrap();
    assert!(out.then.is_none());
    let again = files.folder.path().join("again.db");
    assert_eq!(import(&mut out.lines.as_slice(), &again).unwrap(), 5000);
}

/// Nor does whoever reads record by record take what is gone for never written.
#[test]
fn records_that_go_while_they_are_read_are_missed() {
    let files = Files::new();
    let open = files.open();
    for part in records(1, 5000).chunks(500) {
        open.keep(part);
    }
    let reader = Reader::open(&files.path).unwrap();
    let mut scan = reader.scan(0);
    assert_eq!(scan.next().unwrap().unwrap().sequence, 1);
    let done = open
        .journal
        .compact(snapshot(5000, 10), Before::sequence(4000));
    assert!(done.unwrap().floor > 2000);
    let end = scan.find_map(Result::err);
    assert!(matches!(end, Some(JournalError::Removed { .. })), "{end:?}");
    // What was removed before is not.
    assert!(reader.scan(0).all(|record| record.is_ok()));
}

/// What nobody wrote is refused too.
#[test]
fn a_number_beyond_all_is_no_start() {
    let files = Files::new();
    for floor in [u64::MAX, i64::MAX as u64 + 1] {
        let line = format!("{{\"clasp_journal\":1,\"floor\":{floor}}}\n");
        let refused = import(&mut line.as_bytes(), &files.path);
        assert!(
            matches!(refused, Err(JournalError::Line { line: 1, .. })),
            "{refused:?}"
        );
    }
    assert_eq!(contents(files.folder.path()), []);
}

#[test]
fn an_empty_journal_is_exported_and_copied_too() {
    let files = Files::new();
    let open = files.open();
    let mut lines = Vec::new();
    open.journal.reader().unwrap().export(&mut lines).unwrap();
    let again = files.folder.path().join("again.db");
    assert_eq!(import(&mut lines.as_slice(), &again).unwrap(), 0);
    Open::at(&again).unwrap().keep(&records(1, 1));
    backup(&files.path, &files.folder.path().join("backup.db")).unwrap();
}

/// Whatever it is called, it is somebody's.
#[test]
fn files_beside_a_new_one_stay() {
    let files = Files::new();
    let old = files.folder.path().join("old.db");
    let connection = published(&old);
    let names = ["new.db.copy", "new.db.copy-wal", "new.db.v45"];
    for name in names {
        fs::write(files.folder.path().join(name), name).unwrap();
    }
    let to = files.folder.path().join("new.db");
    import_v45(&old, &to).unwrap();
    fs::remove_file(&to).unwrap();
    files.open().keep(&records(1, 10));
    backup(&files.path, &to).unwrap();
    for name in names {
        let path = files.folder.path().join(name);
        assert_eq!(fs::read_to_string(path).unwrap(), name);
    }
    drop(connection);
}

#[test]
fn of_many_copies_to_one_place_one_is_made() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 2000));
    let to = files.folder.path().join("copy.db");
    for _ in 0..5 {
        let copied: Vec<_> = std::thread::scope(|scope| {
            let copy = || scope.spawn(|| backup(&files.path, &to));
            let copies: Vec<_> = (0..4).map(|_| copy()).collect();
            copies.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let made = copied.iter().filter(|it| it.is_ok()).count();
        let other = |it: &&Result<(), _>| matches!(it, Err(JournalError::Exists { .. }));
        let refused = copied.iter().filter(other).count();
        assert_eq!((made, refused), (1, 3), "{copied:?}");
        assert_eq!(verify(&to).unwrap().records, 2000);
        fs::remove_file(&to).unwrap();
    }
}

/// The tables of 4.5 with its index and mode; the log is not moved, as after a kill.
fn published(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
             CREATE TABLE journal_entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL,
                 author TEXT NOT NULL, address TEXT NOT NULL, signal_type TEXT NOT NULL, value_json TEXT NOT NULL,
                 revision INTEGER, msg_type INTEGER NOT NULL, hmac TEXT);
             CREATE INDEX a ON journal_entries (address);
             CREATE TABLE snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT, created_at INTEGER, seq_at INTEGER, data_json TEXT);
             INSERT INTO journal_entries VALUES
                 (1, 1700000000000000, 'me', '/a', 'param', '1.5', 1, 33, NULL),
                 (2, 1700000000000001, 'me', '/a', 'param', '{\"x\":[1,2,null],\"y\":\"z\"}', 2, 33, NULL),
                 (3, 1700000000000002, 'you', '/b', 'event', 'true', NULL, 32, NULL),
                 (7, 1700000000000003, 'you', '/b/c', 'timeline', '[1,255]', NULL, 32, NULL),
                 (8, 1700000000000004, 'you', '/d', 'param', '18446744073709551615', 1, 33, NULL);",
        )
        .unwrap();
    connection
}

#[test]
fn a_journal_of_4_5_becomes_ours_and_stays() {
    let files = Files::new();
    let old = files.folder.path().join("old.db");
    let connection = published(&old);
    let before: Vec<_> = contents(files.folder.path());
    assert_eq!(import_v45(&old, &files.path).unwrap(), 5);
    let after = contents(files.folder.path());
    for file in before
        .iter()
        .filter(|(path, _)| !path.to_str().unwrap().ends_with("-shm"))
    {
        assert!(after.contains(file), "{:?}", file.0);
    }
    assert_eq!(after.len(), before.len() + 1, "nothing else is left behind");
    drop(connection);

    let open = files.open();
    let records = open.scan(0);
    let map = Value::Map(
        [
            (
                "x".to_owned(),
                Value::Array(vec![Value::Int(1), Value::Int(2), Value::Null]),
            ),
            ("y".to_owned(), Value::from("z")),
        ]
        .into(),
    );
    let expected = [
        (1, "me", set("/a", &Value::Float(1.5), 1)),
        (2, "me", set("/a", &map, 2)),
        (3, "you", event("/b", Signal::Event, &Value::Bool(true))),
        (
            4,
            "you",
            event(
                "/b/c",
                Signal::Timeline,
                &Value::Array(vec![Value::Int(1), Value::Int(255)]),
            ),
        ),
        (
            5,
            "you",
            set("/d", &Value::Float(18_446_744_073_709_551_615.0), 1),
        ),
    ];
    let expected = expected.map(|(sequence, author, write)| OwnedRecord {
        sequence,
        at_us: 1_700_000_000_000_000 + sequence - 1,
        author: author.into(),
        writes: vec![write],
    });
    assert_eq!(records, expected);
    assert_eq!(verify(&files.path).unwrap().faults, []);
}

#[test]
fn a_journal_of_4_5_is_not_opened_as_ours() {
    let files = Files::new();
    drop(published(&files.path));
    let before = fs::read(&files.path).unwrap();
    let text = Open::at(&files.path).err().unwrap().to_string();
    assert!(text.contains("is a journal of CLASP 4.5"), "{text}");
    assert_eq!(fs::read(&files.path).unwrap(), before);
    for statement in [
        "UPDATE journal_entries SET value_json = '{' WHERE seq = 2",
        "UPDATE journal_entries SET msg_type = 1 WHERE seq = 2",
        "UPDATE journal_entries SET revision = -1 WHERE seq = 2",
        "UPDATE journal_entries SET timestamp = -1 WHERE seq = 2",
        // A relay would not start with these.
        "UPDATE journal_entries SET revision = NULL WHERE seq = 2",
        "UPDATE journal_entries SET revision = 0 WHERE seq = 2",
        "UPDATE journal_entries SET address = 'a' WHERE seq = 2",
        "UPDATE journal_entries SET address = '/a/*' WHERE seq = 2",
    ] {
        fs::write(&files.path, &before).unwrap();
        rusqlite::Connection::open(&files.path)
            .unwrap()
            .execute_batch(statement)
            .unwrap();
        let to = files.folder.path().join("new.db");
        let refused = import_v45(&files.path, &to);
        assert!(
            matches!(refused, Err(JournalError::BadEntry { sequence: 2, .. })),
            "{refused:?}"
        );
        assert!(!to.exists());
    }
}

/// 4.5 appends from tasks of their own, so that its numbers are not in the order of the writes.
#[test]
fn the_revisions_of_an_address_of_4_5_go_up() {
    let files = Files::new();
    let old = files.folder.path().join("old.db");
    published(&old)
        .execute_batch(
            "DELETE FROM journal_entries; INSERT INTO journal_entries VALUES
                 -- Stamped in order, appended the other way round.
                 (1, 1700000000000002, 'a', '/a', 'param', '2', 2, 33, NULL),
                 (2, 1700000000000001, 'b', '/a', 'param', '1', 1, 33, NULL),
                 -- Of one moment.
                 (3, 1700000000000003, 'a', '/b', 'param', '2', 2, 33, NULL),
                 (4, 1700000000000003, 'b', '/b', 'param', '1', 1, 33, NULL),
                 -- Stamped the other way round.
                 (5, 1700000000000010, 'a', '/c', 'param', '3', 3, 33, NULL),
                 (6, 1700000000000011, 'b', '/c', 'param', '4', 4, 33, NULL),
                 (7, 1700000000000012, 'c', '/c', 'param', '2', 2, 33, NULL),
                 (8, 1700000000000013, 'c', '/d', 'param', '1', 1, 33, NULL),
                 -- Gone, and made anew much later.
                 (9, 1700000009000000, 'c', '/c', 'param', '1', 1, 33, NULL);",
        )
        .unwrap();
    assert_eq!(import_v45(&old, &files.path).unwrap(), 9);
    let writes: Vec<_> = files
        .open()
        .scan(0)
        .into_iter()
        .map(|it| it.writes)
        .collect();
    let expected = [
        ("/a", 1),
        ("/a", 2),
        ("/b", 1),
        ("/b", 2),
        ("/c", 2),
        ("/c", 3),
        ("/c", 4),
        ("/d", 1),
        ("/c", 1),
    ];
    let expected = expected.map(|(to, number)| vec![set(to, &Value::Int(number as i64), number)]);
    assert_eq!(writes, expected);
}

#[test]
fn a_damaged_journal_of_4_5_is_refused() {
    let files = Files::new();
    let old = files.folder.path().join("old.db");
    let connection = published(&old);
    let root: usize = connection
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'a'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    connection.close().unwrap();
    let mut bytes = fs::read(&old).unwrap();
    // The number of what is in the page.
    bytes[(root - 1) * 4096 + 3..][..2].fill(0);
    fs::write(&old, &bytes).unwrap();
    let refused = import_v45(&old, &files.path);
    assert!(
        matches!(refused, Err(JournalError::Damaged { .. })),
        "{refused:?}"
    );
    assert!(!files.path.exists());
    assert_eq!(fs::read(&old).unwrap(), bytes);
}

/// Of the commits of the old relay all are there up to some one, however its log moves meanwhile.
#[test]
fn a_journal_of_4_5_in_use_is_taken_over_as_of_one_moment() {
    let files = Files::new();
    let old = files.folder.path().join("old.db");
    let connection = published(&old);
    // The entries begin the file, which is so long that a copy of it takes many commits.
    connection
        .execute_batch(
            "DELETE FROM journal_entries;
             WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
             INSERT INTO journal_entries
                 SELECT i + 1, i, i, '/a', 'event', json_quote(printf('%2000d', 0)), NULL, 32, NULL FROM n;
             CREATE TABLE filler (bytes BLOB);
             INSERT INTO filler VALUES (zeroblob(32 << 20));
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| {
            let connection = connection;
            connection.busy_timeout(Duration::from_secs(20)).unwrap();
            let mut at = 100;
            while !is_over.load(Ordering::Relaxed) {
                let change = format!(
                    "UPDATE journal_entries SET author = '{at}' WHERE seq = 1 + {at} % 100"
                );
                connection.execute_batch(&change).unwrap();
                at += 1;
                // A reader may hold it up.
                let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                moved.unwrap();
            }
        });
        for round in 0..ROUNDS {
            let to = files.folder.path().join(format!("new{round}.db"));
            assert_eq!(import_v45(&old, &to).unwrap(), 100);
            let records = Open::at(&to).unwrap().scan(0);
            let authors = records.iter().map(|it| it.author.parse::<u64>().unwrap());
            let mut authors: Vec<_> = authors.collect();
            authors.sort_unstable();
            let whole: Vec<_> = (authors[0]..authors[0] + 100).collect();
            assert_eq!(authors, whole, "round {round}");
            fs::remove_file(&to).unwrap();
        }
        drop(over);
    });
}

/// Its state would be gone, and nobody would know.
#[test]
fn a_journal_of_4_5_with_a_snapshot_is_refused() {
    let files = Files::new();
    let old = files.folder.path().join("old.db");
    published(&old)
        .execute_batch("INSERT INTO snapshots VALUES (1, 1, 1, '{}')")
        .unwrap();
    let text = import_v45(&old, &files.path).unwrap_err().to_string();
    assert!(text.contains("holds a snapshot"), "{text}");
    assert!(!files.path.exists());
}

fn event(address: &str, signal: Signal, value: &Value) -> OwnedWrite {
    let mut bytes = Vec::new();
    encode_value(&mut bytes, value).unwrap();
    let body = Body::Value(Encoded::parse_tagged(&bytes).unwrap().0);
    let mut payload = Vec::new();
    PublishRef::new(address, signal, body).write(&mut payload);
    OwnedWrite {
        signal: Some(signal),
        payload,
    }
}

const ROUNDS: usize = 10;
