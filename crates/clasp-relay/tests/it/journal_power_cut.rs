//! T-DUR-03: what was acknowledged is there after a power cut (docs/journal.md).
//!
//! A relay is recorded while it writes its files. From the record come the folders that a power cut may leave: with
//! all that was synced, and with any part of what was not. Each is what another relay starts with.

#![expect(clippy::print_stdout, reason = "a failure is repeated by its seed")]

mod disk;
mod record;

use std::path::PathBuf;
use std::time::Duration;

use clasp_client::Value;
use tempfile::TempDir;

use self::disk::{Contents, Disk, Fate, contents};
use self::record::Recorder;
use crate::harness::Relay;
use crate::journal::{Acknowledged, Random, at, connect, live, runtime, start};

#[test]
fn t_dur_03_a_power_cut_loses_nothing_that_was_acknowledged() {
    cut_under_writers(CUTS_IN_CI);
}

#[test]
#[ignore = "takes minutes"]
fn t_dur_03_two_hundred_power_cuts_lose_nothing_that_was_acknowledged() {
    cut_under_writers(200);
}

/// The power fails under eight writers, some of the times after a kill and a start in the middle.
fn cut_under_writers(cuts: usize) {
    let mut random = Random::seeded();
    let recorder = Recorder::build();
    let runtime = runtime();
    let mut known = Acknowledged::default();
    let mut left = Contents::new();
    for cut in 0..cuts {
        let place = Place::of(&left);
        let before = Disk::of(place.folder.path());
        recorder.forget();
        for _ in 0..=random.next() % 3 {
            let relay = recorder.start(&place.file, &[]);
            let lasts = Duration::from_micros(random.next() % LIFE_MICROS_MAX);
            known = runtime.block_on(live(relay, known, cut, lasts));
        }
        let disk = before.after(&recorder.steps());
        for place in fates(&disk, &mut random) {
            // The next round looks for what was acknowledged too, and is cut while it goes on with one of these.
            left = contents(place.folder.path());
            let relay = start(&place.file, &[]);
            runtime.block_on(known.check(&relay.url(), cut));
        }
    }
    let (writes, bundles) = (known.writes(), known.bundles);
    println!(
        "{cuts} cuts with {FATES} fates each, {writes} acknowledged writes, {bundles} bundles"
    );
    assert!(writes > cuts as u64, "the cuts have shown nothing");
}

#[test]
fn t_dur_03_a_power_cut_at_a_start_or_an_end_loses_nothing() {
    cut_at_the_ends(ENDS_IN_CI);
}

#[test]
#[ignore = "takes minutes"]
fn t_dur_03_two_hundred_power_cuts_at_starts_and_ends_lose_nothing() {
    cut_at_the_ends(200);
}

/// Nobody writes while the relay starts and while it ends, so that the state is known whenever the power fails then.
fn cut_at_the_ends(rounds: u64) {
    let mut random = Random::seeded();
    let recorder = Recorder::build();
    let runtime = runtime();
    let mut left = Contents::new();
    for round in 1..=rounds {
        let place = Place::of(&left);
        let before = Disk::of(place.folder.path());
        recorder.forget();
        // All records are removed that a snapshot holds.
        let relay = recorder.start(&place.file, &["--journal-compact-before=1000000000"]);
        let started = recorder.steps().len();
        runtime.block_on(write(&relay.url(), round));
        let written = recorder.steps().len();
        assert_eq!(relay.end("TERM"), Some(0));
        let steps = recorder.steps();
        let disk = before.clone().after(&steps);
        let is_the_same = disk.now() == contents(place.folder.path());
        assert!(is_the_same, "not everything was recorded");
        let moments = Disk::moments(&steps).into_iter();
        let (starts, rest): (Vec<_>, Vec<_>) = moments.partition(|at| *at <= started);
        let ends = rest.into_iter().filter(|at| *at >= written).collect();
        // The first start makes the file: all of it is tried.
        let starts = match round {
            1 => starts,
            _ => some(starts, &mut random),
        };
        let known = |at: usize| if at < written { round - 1 } else { round };
        for at in starts.into_iter().chain(some(ends, &mut random)) {
            let disk = before.clone().after(&steps[..at]);
            for place in fates(&disk, &mut random) {
                left = contents(place.folder.path());
                let relay = start(&place.file, &[]);
                runtime.block_on(look_for(&relay.url(), known(at)));
            }
        }
    }
}

/// At `os` the newest writes may be gone, and the start says so; what was there when the relay started is not.
#[test]
fn t_dur_03_a_power_cut_at_os_loses_the_newest_writes_at_most() {
    let mut random = Random::seeded();
    let recorder = Recorder::build();
    let runtime = runtime();
    let mut lives = |relay: Relay, known: Acknowledged| {
        let lasts = Duration::from_micros(random.next() % LIFE_MICROS_MAX);
        runtime.block_on(live(relay, known, 0, lasts))
    };
    let first = Place::of(&Contents::new());
    let kept = lives(start(&first.file, &[]), Acknowledged::default());
    let mut cuts = Vec::new();
    for _ in 0..OS_CUTS {
        let place = Place::of(&contents(first.folder.path()));
        let before = Disk::of(place.folder.path());
        recorder.forget();
        let newest = lives(recorder.start(&place.file, OS), kept.clone());
        cuts.push((before.after(&recorder.steps()), newest));
    }
    for (disk, newest) in cuts {
        for place in fates(&disk, &mut random) {
            let relay = start(&place.file, OS);
            let told = relay.says("writes that were acknowledged last may be gone");
            assert!(told, "{:#?}", relay.lines);
            runtime.block_on(kept.check_up_to(&newest, &relay.url()));
        }
    }
}

/// A few of them, and the last.
fn some(mut moments: Vec<usize>, random: &mut Random) -> Vec<usize> {
    let last = moments.pop();
    let chosen = (0..MOMENTS).filter(|_| !moments.is_empty());
    let chosen = chosen.map(|_| moments[random.next() as usize % moments.len()]);
    chosen.chain(last).collect()
}

/// What may become of this disk.
fn fates(disk: &Disk, random: &mut Random) -> Vec<Place> {
    let hollow = disk.after_cut(&mut Fate::hollow(random));
    let drawn = (1..FATES).map(|_| disk.after_cut(&mut Fate::draw(random)));
    [hollow]
        .into_iter()
        .chain(drawn)
        .map(|left| Place::of(&left))
        .collect()
}

async fn write(url: &str, round: u64) {
    let client = connect(url).await;
    for number in 0..LARGE_PARAMS {
        let value = Value::Bytes(vec![round as u8; LARGE_BYTES]);
        let revision = client
            .set(&large(number), value)
            .await
            .expect("it is acknowledged");
        assert_eq!(revision, round);
    }
}

/// The state is that which was written in this round.
async fn look_for(url: &str, round: u64) {
    let client = connect(url).await;
    for number in 0..LARGE_PARAMS {
        let value = Value::Bytes(vec![round as u8; LARGE_BYTES]);
        let expected = (round > 0).then_some((value, round));
        assert_eq!(at(&client, &large(number)).await, expected, "round {round}");
    }
}

fn large(number: usize) -> String {
    format!("/large/{number}")
}

/// A folder with what a power cut has left. It stays when the test fails.
struct Place {
    folder: TempDir,
    file: PathBuf,
}

impl Place {
    fn of(left: &Contents) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, bytes) in left {
            std::fs::write(folder.path().join(name), bytes).expect("there is room");
        }
        let file = folder.path().join("journal.db");
        Self { folder, file }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("see {}", self.folder.path().display());
            self.folder.disable_cleanup(true);
        }
    }
}

const OS: &[&str] = &["--journal-durability=os"];
const OS_CUTS: usize = 4;
const CUTS_IN_CI: usize = 8;
const ENDS_IN_CI: u64 = 4;
/// So many folders are made of one cut.
const FATES: usize = 4;
/// So many moments of a start and of an end.
const MOMENTS: usize = 2;
const LIFE_MICROS_MAX: u64 = 300_000;
/// What is written in a round takes more than one batch.
const LARGE_PARAMS: usize = 20;
const LARGE_BYTES: usize = 8192;
