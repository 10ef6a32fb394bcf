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

const CYCLES: usize = 3;
