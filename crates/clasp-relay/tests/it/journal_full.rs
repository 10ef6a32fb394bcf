//! A journal on a disk that is really full: it is told, reading goes on, and nothing acknowledged is lost (T-DUR-04).

#![expect(clippy::print_stdout, reason = "a failure is repeated by its seed")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clasp_client::Client;
use clasp_testkit::SmallDisk;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::harness::{HEALTH, PATIENCE, QUIET, Relay, command, run};
use crate::journal::{
    Known, Random, WRITERS, at, check, connect, ended, place, runtime, start, write_all,
};

/// What is under way when the disk becomes full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Append,
    Snapshot,
    Compaction,
}

#[test]
fn t_dur_04_a_disk_that_fills_while_records_are_appended() {
    cycles(Moment::Append, 1);
}

#[test]
fn t_dur_04_a_disk_without_room_for_a_snapshot() {
    cycles(Moment::Snapshot, 1);
}

#[test]
fn t_dur_04_a_disk_without_room_for_a_compaction() {
    cycles(Moment::Compaction, 1);
}

/// The same, as often as before a release: 51 times.
#[test]
#[ignore = "takes some minutes"]
fn t_dur_04_a_disk_that_is_full_fifty_times() {
    std::thread::scope(|scope| {
        for moment in [Moment::Append, Moment::Snapshot, Moment::Compaction] {
            scope.spawn(move || cycles(moment, 17));
        }
    });
}

#[test]
fn t_dur_04_a_relay_does_not_start_on_a_full_disk_and_says_why() {
    let (folder, file) = place();
    let Some(disk) = SmallDisk::mount(folder.path(), DISK_KIB) else {
        println!("skipped: this user cannot mount a tmpfs");
        return;
    };
    for is_new in [true, false] {
        disk.fill(0);
        let arguments = [QUIET, &["--journal", file.to_str().unwrap()]].concat();
        let (code, _, stderr) = run(command(&arguments));
        assert_eq!(code, 1, "{stderr}");
        for expected in [file.to_str().unwrap(), "there is no room"] {
            assert!(stderr.contains(expected), "{is_new}: {stderr}");
        }
        disk.make_room();
        assert_eq!(start(&file, &[]).end("TERM"), Some(0), "{is_new}");
    }
}

fn cycles(moment: Moment, count: usize) {
    let (folder, file) = place();
    let Some(disk) = SmallDisk::mount(folder.path(), DISK_KIB) else {
        println!("skipped: this user cannot mount a tmpfs");
        return;
    };
    let mut cycles = Cycles {
        moment,
        random: Random::seeded(),
        runtime: runtime(),
        acknowledged: vec![Known::default(); WRITERS],
        slowest: Duration::ZERO,
        disk,
        file,
        _folder: folder,
    };
    (0..count).for_each(|cycle| cycles.run(cycle));
    cycles.check_all(count);
    let writes: u64 = cycles.acknowledged.iter().flatten().sum();
    println!(
        "{moment:?}: {count} cycles, {writes} acknowledged writes, none lost, back at the latest after {:?}",
        cycles.slowest
    );
}

struct Cycles {
    moment: Moment,
    random: Random,
    runtime: Runtime,
    acknowledged: Vec<Known>,
    /// The longest that it took from room on the disk to writes that are acknowledged.
    slowest: Duration,
    disk: SmallDisk,
    file: PathBuf,
    _folder: TempDir,
}

impl Cycles {
    fn run(&mut self, cycle: usize) {
        self.check_all(cycle);
        let left_kib = self.left_kib();
        println!("{:?} {cycle}: {left_kib} KiB left", self.moment);
        if self.moment != Moment::Append {
            self.disk.fill(left_kib);
        }
        let relay = self.start(match self.moment {
            Moment::Append | Moment::Snapshot => &[],
            Moment::Compaction => &[COMPACT],
        });
        let acknowledged = std::mem::take(&mut self.acknowledged);
        self.acknowledged = self.runtime.block_on(async {
            let client = connect(&relay.url()).await;
            let acknowledged = self
                .write_until_refused(&relay, acknowledged, left_kib)
                .await;
            check_stopped(&relay, &client, cycle).await;
            acknowledged
        });
        match cycle % 3 {
            0 => {
                self.disk.make_room();
                let took = self.runtime.block_on(back(&relay, cycle));
                self.slowest = self.slowest.max(took);
                assert_eq!(relay.end("KILL"), None);
            }
            1 => assert_eq!(relay.end("KILL"), None),
            _ => assert_eq!(relay.end("TERM"), Some(0), "cycle {cycle}"),
        }
        self.disk.make_room();
    }

    /// With room: what was acknowledged is there, and what was refused as new is not. What is removed then makes room.
    fn check_all(&mut self, cycle: usize) {
        let relay = self.start(&[COMPACT]);
        self.runtime.block_on(async {
            let client = connect(&relay.url()).await;
            check(&client, &self.acknowledged, cycle).await;
            for number in 0..cycle {
                assert_eq!(at(&client, &refused(number)).await, None, "cycle {cycle}");
            }
            // Something for a snapshot to hold.
            for number in 0..STATE_PARAMS {
                let value = (cycle % 10).to_string().repeat(STATE_BYTES);
                let set = client.set(&format!("/state/{number}"), value).await;
                set.expect("there is room");
            }
        });
        assert_eq!(relay.end("TERM"), Some(0));
    }

    fn start(&self, more: &[&str]) -> Relay {
        let always = ["--no-ttl", "--health-port=0", "--metrics-port=0"];
        start(&self.file, &[&always, more].concat())
    }

    /// Enough for the start, and never for all that is to be done.
    fn left_kib(&mut self) -> u64 {
        let most = match self.moment {
            Moment::Append => 100,
            Moment::Snapshot => STATE_KIB / 2,
            // Somewhere in the snapshot, or when that is written and what it holds is removed.
            Moment::Compaction => STATE_KIB * 2,
        };
        200 + self.random.next() % most
    }

    async fn write_until_refused(
        &self,
        relay: &Relay,
        acknowledged: Vec<Known>,
        left_kib: u64,
    ) -> Vec<Known> {
        let writers = write_all(&relay.url(), acknowledged).await;
        if self.moment == Moment::Append {
            sleep(Duration::from_millis(left_kib)).await;
            self.disk.fill(left_kib % 50);
        }
        // Takes what is free inside the file, where small writes would go for long.
        let client = connect(&relay.url()).await;
        let large = "x".repeat(LARGE_BYTES);
        let refused = async {
            while client.set("/large", large.as_str()).await.is_ok() {}
            ended(writers).await
        };
        let refused = timeout(PATIENCE, refused).await;
        let (acknowledged, why) = refused.expect("writes are refused when the disk is full");
        for error in why {
            assert!(error.to_string().contains("501"), "{error}");
        }
        acknowledged
    }
}

/// Nobody is told that anything is kept, and everybody reads.
async fn check_stopped(relay: &Relay, client: &Client, cycle: usize) {
    let begun = Instant::now();
    let new = client.set(&refused(cycle), 1).await;
    let error = new.expect_err("nothing is kept").to_string();
    assert!(error.contains("501"), "{error}");
    assert_eq!(at(client, &refused(cycle)).await, None, "it was not done");
    let state = at(client, "/state/0").await;
    assert!(state.is_some(), "reading goes on");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}: nobody waits");
    assert_eq!(readiness(relay).await, (503, "not ready\n".to_owned()));
    assert_eq!(stopped(relay).await, "1");
}

/// How long it takes from now to where nothing is amiss.
async fn back(relay: &Relay, cycle: usize) -> Duration {
    let begun = Instant::now();
    let client = connect(&relay.url()).await;
    while let Err(error) = client.set("/back", cycle as i64).await {
        assert!(error.to_string().contains("501"), "{error}");
        assert!(begun.elapsed() < BACK_WITHIN, "cycle {cycle}: {error}");
        sleep(Duration::from_millis(20)).await;
    }
    let took = begun.elapsed();
    assert!(took < BACK_WITHIN, "cycle {cycle}: {took:?}");
    assert_eq!(readiness(relay).await, (200, "ready\n".to_owned()));
    assert_eq!(stopped(relay).await, "0");
    took
}

async fn readiness(relay: &Relay) -> (u16, String) {
    relay.ask(HEALTH, "/readyz", None).await
}

async fn stopped(relay: &Relay) -> String {
    relay.metric("clasp_journal_stopped").await
}

/// What is set when nothing is kept.
fn refused(cycle: usize) -> String {
    format!("/refused/{cycle}")
}

/// Everything that a snapshot holds.
const COMPACT: &str = "--journal-compact-before=9223372036854775807";
const DISK_KIB: u32 = 16 << 10;
const LARGE_BYTES: usize = 50_000;
const STATE_PARAMS: usize = 40;
const STATE_BYTES: usize = 20_000;
const STATE_KIB: u64 = (STATE_PARAMS * STATE_BYTES / 1024) as u64;
const BACK_WITHIN: Duration = Duration::from_secs(5);
