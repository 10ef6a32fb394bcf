//! A disk that is full: nothing is lost, and it goes on when there is room.

use clasp_testkit::SmallDisk;

use super::*;

#[test]
fn t_dur_04_a_full_disk_loses_nothing_and_goes_on() {
    let files = Files::new();
    let Some(disk) = SmallDisk::mount(files.folder.path(), 1024) else {
        println!("skipped: this user cannot mount a tmpfs");
        return;
    };
    let open = files.open();
    let mut next = 1;
    for cycle in 0..CYCLES {
        disk.fill(0);
        // Until the room that the log has already is used up as well.
        while open.journal.progress().state != State::Blocked {
            assert!(open.journal.backlog() < 100_000);
            let some = records(next, 50);
            some.iter().for_each(|record| open.append(record));
            next += 50;
            open.until(|progress| progress.state == State::Blocked || progress.durable == next - 1);
        }
        let durable = open.journal.progress().durable;
        records(next, 50)
            .iter()
            .for_each(|record| open.append(record));
        next += 50;
        // What is there can be read meanwhile.
        assert_eq!(
            open.scan(0).last().map_or(0, |record| record.sequence),
            durable,
            "cycle {cycle}"
        );
        assert_eq!(open.journal.progress().durable, durable);
        assert_eq!(open.journal.backlog() as u64, next - 1 - durable);
        disk.make_room();
        let began = Instant::now();
        open.until(|progress| progress.state == State::Running && progress.durable == next - 1);
        assert!(began.elapsed() < Duration::from_secs(5), "cycle {cycle}");
        assert_eq!(open.scan(0), records(1, next - 1), "cycle {cycle}");
    }
    open.journal.close().unwrap();
    assert_eq!(verify(&files.path).unwrap().faults, []);
}

/// The last of what is written stands in a log, for which there may be room, while there is none to move it.
#[test]
fn a_copy_on_a_full_disk_is_whole_or_not_there() {
    let files = Files::new();
    let open = files.open();
    let text = Value::String("x".repeat(1000));
    let large = |sequence| OwnedRecord {
        writes: vec![set("/a", &text, sequence)],
        ..record(sequence, "/a")
    };
    open.keep(&(1..=1600).map(large).collect::<Vec<_>>());
    let mut lines = Vec::new();
    open.journal.reader().unwrap().export(&mut lines).unwrap();
    let (mut whole, mut refused) = (0, 0);
    for kib in (1600..=4800).step_by(200) {
        let small = Files::new();
        let Some(_disk) = SmallDisk::mount(small.folder.path(), kib) else {
            println!("skipped: this user cannot mount a tmpfs");
            return;
        };
        let imported = import(&mut lines.as_slice(), &small.path).map(|_| ());
        let copy = small.folder.path().join("copy.db");
        let copied = backup(&files.path, &copy);
        for (made, path) in [(imported, &small.path), (copied, &copy)] {
            match made {
                Ok(()) => {
                    let report = verify(path).unwrap();
                    assert_eq!((report.faults, report.latest), (vec![], 1600), "{kib}");
                    whole += 1;
                }
                Err(error) => {
                    println!("{kib}: {error}");
                    assert!(!path.exists(), "{kib}");
                    refused += 1;
                }
            }
        }
    }
    assert!(whole > 0 && refused > 0, "{whole} whole, {refused} refused");
}

const CYCLES: usize = 3;
