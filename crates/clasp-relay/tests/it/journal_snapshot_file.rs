//! A kill while the file of `--persist` is replaced: the journal lacks nothing, and there is always a whole file.

#![expect(clippy::print_stdout, reason = "a failure is repeated by its seed")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clasp_client::Value;
use serde_json::Value as Json;

use crate::harness::{PATIENCE, Relay};
use crate::journal::{Acknowledged, Random, connect, live_until, place, runtime, start};

#[test]
fn t_dur_02_a_kill_while_the_snapshot_file_is_replaced_loses_nothing() {
    kill(KILLS_IN_CI);
}

#[test]
#[ignore = "takes minutes"]
fn t_dur_02_two_hundred_kills_while_the_snapshot_file_is_replaced_lose_nothing() {
    kill(200);
}

fn kill(rounds: usize) {
    let mut random = Random::seeded();
    let (folder, journal) = place();
    let file = File::of(folder.path());
    let runtime = runtime();
    let relay = start(&journal, &[]);
    runtime.block_on(fill(&relay.url()));
    assert_eq!(relay.end("KILL"), None);
    let mut known = Acknowledged::default();
    let mut kept = HashMap::new();
    let mut found = HashMap::new();
    for round in 0..rounds {
        let step = STEPS[round % STEPS.len()];
        let relay = start(&journal, &file.often());
        let lasts = Duration::from_micros(random.next() % LIFE_MICROS_MAX);
        let moment = async {
            tokio::time::sleep(lasts).await;
            file.comes_to(step).await;
        };
        known = runtime.block_on(live_until(relay, known, round, moment));
        *found.entry(file.left()).or_insert(0) += 1;
        kept = file.check(&kept, &format!("round {round}, {step:?}"));
    }
    let relay = start(&journal, &[]);
    runtime.block_on(known.check(&relay.url(), rounds));
    let (writes, bundles) = (known.writes(), known.bundles);
    println!("{rounds} kills, {writes} acknowledged writes, {bundles} bundles, found {found:?}");
    assert!(writes > rounds as u64, "the rounds have shown nothing");
    assert!(!kept.is_empty(), "no snapshot was ever finished");
    let unfinished = rounds - found.get(&Left::Nothing).unwrap_or(&0);
    assert!(
        (rounds / 4..rounds).contains(&unfinished),
        "the kills came at other moments"
    );
}

/// So much that the file is written in several pieces.
async fn fill(url: &str) {
    let client = connect(url).await;
    for number in 0..BALLAST {
        let address = format!("/ballast/{number}");
        let set = client.set(&address, Value::from("x".repeat(60_000)));
        set.await.expect("it is written");
    }
}

/// What the relay does when the kill comes.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It has made the file that will be the snapshot.
    Begun,
    /// All is written to that, and is being forced to the disk; a kill comes when that is done.
    Written,
    /// It has just taken the place of the old one.
    Renamed,
}

/// What a kill has left beside the snapshot.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Left {
    Nothing,
    Part,
    Whole,
}

/// The file of `--persist`.
struct File {
    target: PathBuf,
    temporary: PathBuf,
}

impl File {
    fn of(folder: &Path) -> Self {
        Self {
            target: folder.join("state.json"),
            temporary: folder.join("state.json.tmp"),
        }
    }

    fn target(&self) -> &str {
        self.target.to_str().expect("the path is UTF-8")
    }

    fn often(&self) -> [&str; 4] {
        ["--persist", self.target(), "--persist-interval", "0.001"]
    }

    /// Looks without a pause, since the step is over in a moment.
    async fn comes_to(&self, step: Step) {
        let Self { target, temporary } = self;
        let (target, temporary) = (target.clone(), temporary.clone());
        let look = move || {
            let begun = Instant::now();
            let wait = |condition: &dyn Fn() -> bool| {
                while !condition() {
                    assert!(begun.elapsed() < PATIENCE, "{step:?} never comes");
                    std::thread::yield_now();
                }
            };
            wait(&|| length(&temporary).is_some());
            match step {
                Step::Begun => {}
                Step::Written => wait(&|| length(&temporary) >= length(&target)),
                Step::Renamed => wait(&|| length(&temporary).is_none()),
            }
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.expect("the step comes");
    }

    fn left(&self) -> Left {
        match fs::read(&self.temporary) {
            Err(_) => Left::Nothing,
            Ok(bytes) if serde_json::from_slice::<Json>(&bytes).is_ok() => Left::Whole,
            Ok(_) => Left::Part,
        }
    }

    /// The file is whole, and not older than it was. Gives its revisions.
    fn check(&self, before: &HashMap<String, u64>, what: &str) -> HashMap<String, u64> {
        let Ok(bytes) = fs::read(&self.target) else {
            assert!(before.is_empty(), "{what}: the file is gone");
            return HashMap::new();
        };
        let json: Json = serde_json::from_slice(&bytes).expect("it is whole");
        let params = json["params"].as_array().expect("a list");
        let kept: HashMap<_, _> = params.iter().filter_map(|it| revision(it, what)).collect();
        for (address, revision) in before {
            let found = kept.get(address);
            let what = format!("{what}: {address} at {found:?}, was at {revision}");
            assert!(found >= Some(revision), "{what}");
        }
        let members = kept.iter().filter(|(it, _)| it.starts_with("/bundle/"));
        let members: Vec<_> = members.map(|(_, revision)| revision).collect();
        assert!(members.iter().all(|it| *it == members[0]), "{what}");
        // Its checksum is right too, and what was left does not hold up a start.
        let relay = Relay::start(&["--persist", self.target()]);
        let restored = format!("Restored {} params", params.len());
        assert!(relay.says(&restored), "{what}: {:#?}", relay.lines);
        assert_eq!(self.left(), Left::Nothing, "{what}");
        assert_eq!(relay.end("KILL"), None);
        kept
    }
}

/// Of a param that the writers set, whose value is its revision.
fn revision(param: &Json, what: &str) -> Option<(String, u64)> {
    let address = param["address"].as_str().expect("it has an address");
    if address.starts_with("/ballast/") {
        return None;
    }
    assert_eq!(param["value"], param["revision"], "{what}: {address}");
    let revision = param["revision"].as_u64().expect("it has a revision");
    Some((address.to_owned(), revision))
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.len())
}

const STEPS: [Step; 3] = [Step::Begun, Step::Written, Step::Renamed];
const KILLS_IN_CI: usize = 20;
const BALLAST: usize = 16;
/// How long all write before it is looked for the step.
const LIFE_MICROS_MAX: u64 = 50_000;
