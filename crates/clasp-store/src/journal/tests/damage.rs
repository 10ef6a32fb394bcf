//! Bits that flip and files that end too early: found, and never served as if nothing had happened.

use std::io::Write as _;

use clasp_testkit::Random;

use super::*;

/// A journal with batches, a tail, a snapshot and a log, as a killed process leaves it.
fn killed(files: &Files) -> Vec<OwnedRecord> {
    let open = files.open();
    open.keep(&records(1, 1000));
    open.journal
        .compact(snapshot(1000, 5000), Before::sequence(700))
        .unwrap();
    open.journal.close().unwrap();
    let open = files.open();
    for part in records(1001, 900).chunks(300) {
        open.keep(part);
    }
    let kept = open.scan(0);
    let copies: Vec<_> = ["", "-wal", "-durable"]
        .map(|ending| {
            (
                files.beside(ending),
                fs::read(files.beside(ending)).unwrap(),
            )
        })
        .into();
    drop(open);
    for (path, bytes) in copies {
        fs::write(path, bytes).unwrap();
    }
    let _ = fs::remove_file(files.beside("-shm"));
    kept
}

/// What a server would have after a start: nothing, or all.
fn served(path: &Path) -> Result<Vec<OwnedRecord>, JournalError> {
    let open = Open::at(path)?;
    let reader = open.journal.reader()?;
    reader.newest_snapshot()?;
    let light = pattern("/room/1/light");
    let found = reader.query(&query(&light), &mut |_| true)?;
    let records: Vec<OwnedRecord> = reader.scan(0).collect::<Result<_, _>>()?;
    let expected = records
        .iter()
        .filter(|record| record.sequence % 100 == 1)
        .count();
    assert_eq!(found.len(), expected);
    Ok(records)
}

#[test]
fn a_killed_journal_is_whole() {
    let files = Files::new();
    let kept = killed(&files);
    assert!(fs::metadata(files.beside("-wal")).unwrap().len() > 50_000);
    assert_eq!(verify(&files.path).unwrap().faults, []);
    assert_eq!(served(&files.path).unwrap(), kept);
}

#[test]
fn a_killed_journal_is_not_whole_without_the_files_beside_it() {
    for missing in [&["-wal"][..], &["-durable"], &["-wal", "-durable"]] {
        let files = Files::new();
        killed(&files);
        for ending in missing {
            fs::remove_file(files.beside(ending)).unwrap();
        }
        let report = verify(&files.path).unwrap();
        assert_ne!(report.faults, [], "{missing:?}");
        let refused = served(&files.path);
        assert!(
            matches!(refused, Err(JournalError::Damaged { .. })),
            "{missing:?}: {refused:?}"
        );
    }
    // One that was closed is.
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 10));
    open.journal.close().unwrap();
    fs::remove_file(files.beside("-durable")).unwrap();
    assert_eq!(served(&files.path).unwrap(), records(1, 10));
}

#[test]
fn every_damage_is_found() {
    let seed = 1;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let files = Files::new();
    let kept = killed(&files);
    let whole: Vec<Vec<u8>> = ["", "-wal", "-durable"]
        .map(|ending| fs::read(files.beside(ending)).unwrap())
        .into();
    let (mut refused, mut hidden) = (0, 0);
    for round in 0..OFFSETS {
        let which = [0, 0, 1, 1, 1, 2][random.below(6)];
        let ending = ["", "-wal", "-durable"][which];
        let place = Files::new();
        for (ending, bytes) in ["", "-wal", "-durable"].iter().zip(&whole) {
            fs::write(place.beside(ending), bytes).unwrap();
        }
        let mut bytes = whole[which].clone();
        let offset = random.below(bytes.len());
        let cut = random.below(4) == 0;
        if cut {
            bytes.truncate(offset);
        } else {
            bytes[offset] ^= 1 << random.below(8);
        }
        fs::write(place.beside(ending), &bytes).unwrap();
        let what = format!("round {round}: {ending} cut {cut} at {offset}");
        let found = verify(&place.path);
        match served(&place.path) {
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(
                    text.contains(place.path.to_str().unwrap()),
                    "{what}: {text}"
                );
                let is_found =
                    found.as_ref().is_ok_and(|report| !report.faults.is_empty()) || found.is_err();
                assert!(is_found, "{what}: {text}, and verify found nothing");
            }
            // Bytes that SQLite does not look at: of pages that are free, or were moved.
            Ok(served) => {
                hidden += 1;
                assert_eq!(served.len(), kept.len(), "{what}");
                assert!(served == kept, "{what}");
            }
        }
    }
    println!("{refused} refused, {hidden} hidden");
    assert!(refused > OFFSETS / 2, "{refused} refused, {hidden} hidden");
}

/// A bit in the bytes of a record, wherever the row lies.
#[test]
fn every_bit_of_a_record_counts() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 20));
    open.journal.close().unwrap();
    let connection = rusqlite::Connection::open(&files.path).unwrap();
    let (last, bytes): (i64, Vec<u8>) = connection
        .query_row(
            "SELECT last, records FROM batches ORDER BY last LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let replace = |bytes: &[u8]| {
        connection
            .execute(
                "UPDATE batches SET records = ?1 WHERE last = ?2",
                (bytes, last),
            )
            .unwrap();
    };
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        replace(&flipped);
        let report = verify(&files.path).unwrap();
        assert!(
            matches!(report.faults[..], [Fault::Records { .. }]),
            "{bit}: {report:?}"
        );
    }
    replace(&bytes);
    assert_eq!(verify(&files.path).unwrap().faults, []);
}

#[test]
fn rows_that_are_gone_or_elsewhere_are_found() {
    let files = Files::new();
    let open = files.open();
    for part in records(1, 4000).chunks(1000) {
        open.keep(part);
    }
    open.journal
        .compact(snapshot(4000, 10), Before::sequence(1))
        .unwrap();
    open.journal.close().unwrap();
    let whole = fs::read(&files.path).unwrap();
    for statement in [
        "DELETE FROM batches WHERE last = (SELECT min(last) FROM batches)",
        "DELETE FROM batches WHERE last = (SELECT min(last) FROM batches WHERE last > 1500)",
        "DELETE FROM batches WHERE last = (SELECT max(last) FROM batches)",
        "DELETE FROM summaries WHERE last = (SELECT min(last) FROM summaries)",
        "UPDATE summaries SET filter = zeroblob(100) WHERE last = (SELECT min(last) FROM summaries)",
        "UPDATE summaries SET to_us = 1 WHERE last = (SELECT min(last) FROM summaries)",
        "UPDATE batches SET records = (SELECT records FROM batches ORDER BY last DESC LIMIT 1) \
         WHERE last = (SELECT min(last) FROM batches)",
        "UPDATE batches SET first = first + 1 WHERE last = (SELECT min(last) FROM batches)",
        "UPDATE batches SET first = -1 WHERE last = (SELECT min(last) FROM batches)",
        "UPDATE origin SET floor = 5",
        "UPDATE origin SET identity = zeroblob(16)",
        "DELETE FROM origin",
        "UPDATE snapshots SET sequence = 3999",
        "DELETE FROM snapshot_parts",
        "DELETE FROM batches; DELETE FROM summaries",
    ] {
        fs::write(&files.path, &whole).unwrap();
        let connection = rusqlite::Connection::open(&files.path).unwrap();
        connection.execute_batch(statement).unwrap();
        connection.close().unwrap();
        let report = verify(&files.path).unwrap();
        assert!(!report.faults.is_empty(), "{statement}: {report:?}");
        let refused = served(&files.path);
        assert!(
            matches!(refused, Err(JournalError::Damaged { .. })),
            "{statement}: {refused:?}"
        );
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("clasp journal verify"), "{text}");
    }
}

/// A copy of half a journal would be a whole one.
#[test]
fn a_journal_with_a_damaged_end_is_not_copied() {
    let files = Files::new();
    killed(&files);
    let mut log = fs::read(files.beside("-wal")).unwrap();
    let last = log.len() - 2000;
    log[last] ^= 1;
    fs::write(files.beside("-wal"), log).unwrap();
    let found = verify(&files.path).unwrap().faults;
    assert!(matches!(found[..], [Fault::Short { .. }]), "{found:?}");
    let copied = backup(&files.path, &files.folder.path().join("copy.db"));
    let exported = Reader::open(&files.path).unwrap().export(&mut Vec::new());
    for refused in [copied, exported] {
        let is_short = matches!(
            refused,
            Err(JournalError::Damaged {
                fault: Fault::Short { .. },
                ..
            })
        );
        assert!(is_short, "{refused:?}");
    }
    assert!(!files.folder.path().join("copy.db").exists());
}

#[test]
fn other_files_are_refused_and_stay_as_they_are() {
    let files = Files::new();
    files.open().journal.close().unwrap();
    let connection = rusqlite::Connection::open(&files.path).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    connection.close().unwrap();
    let newer = fs::read(&files.path).unwrap();
    let refused = Open::at(&files.path).err().unwrap();
    let text = refused.to_string();
    assert!(text.contains("has version 2, expected at most 1"), "{text}");
    assert_eq!(fs::read(&files.path).unwrap(), newer);

    fs::remove_file(&files.path).unwrap();
    fs::write(
        &files.path,
        "no database, and long enough to be one".repeat(100),
    )
    .unwrap();
    let text = Open::at(&files.path).err().unwrap().to_string();
    assert!(text.contains("it is no database"), "{text}");

    fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(&files.path)
        .unwrap()
        .write_all(b"")
        .unwrap();
    let text = Open::at(&files.path).err().unwrap().to_string();
    assert!(text.contains("it is empty"), "{text}");
}

#[test]
fn a_second_journal_on_the_same_file_names_the_first() {
    let files = Files::new();
    let open = files.open();
    let text = Open::at(&files.path).err().unwrap().to_string();
    let expected = format!("in use by process {}", std::process::id());
    assert!(text.contains(&expected), "{text}");
    drop(open);
    files.open();
}

const OFFSETS: usize = 1000;
