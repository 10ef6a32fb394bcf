//! A backup of a relay that is being written to, restored elsewhere (docs/journal.md, "Copies").

#![expect(
    clippy::print_stdout,
    reason = "how fast it was written is what it shows"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clasp_proto::Message;
use clasp_store::journal::{self, Reader};
use tokio::task::JoinSet;

use crate::journal::{at, connect, place, runtime, start};
use crate::wire::{PATIENCE, Wire, framed, set};

/// T-DUR-10: what is restored is a prefix of what was acknowledged, with all from before the backup.
#[test]
fn t_dur_10_a_backup_under_writes_is_a_prefix_of_what_was_acknowledged() {
    (0..RUNS_IN_CI).for_each(back_up);
}

/// The same, as often as before a release.
#[test]
#[ignore = "takes minutes"]
fn t_dur_10_twenty_backups_under_writes_are_prefixes_of_what_was_acknowledged() {
    (0..20).for_each(back_up);
}

/// How far a writer is: it writes its numbers to its addresses in turn.
#[derive(Default)]
struct Written {
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

type Writers = [Written; WRITERS];

fn back_up(run: usize) {
    let (folder, file) = place();
    let copy = folder.path().join("elsewhere.db");
    let relay = start(&file, &["--no-ttl"]);
    let (runtime, writers) = (runtime(), Arc::new(Writers::default()));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for number in 0..WRITERS {
        let task = write(
            relay.url(),
            number,
            Arc::clone(&writers),
            Arc::clone(&is_over),
        );
        tasks.spawn_on(task, runtime.handle());
    }
    let begun = Instant::now();
    until_acknowledged(&writers, BEFORE);
    let before = writers
        .each_ref()
        .map(|it| it.acknowledged.load(Ordering::SeqCst));
    let copied = Instant::now();
    copy_of(&file, &copy);
    let copied = copied.elapsed();
    let after = writers.each_ref().map(|it| it.sent.load(Ordering::SeqCst));
    until_acknowledged(&writers, before.iter().sum::<u64>() + AFTER);
    let rate = total(&writers) as f64 / begun.elapsed().as_secs_f64();
    is_over.store(true, Ordering::SeqCst);
    runtime.block_on(tasks.join_all());
    relay.end("TERM");
    let (records, all) = check_prefix(&copy, &file);
    let restored = start(&copy, &["--no-ttl"]);
    runtime.block_on(async {
        let client = connect(&restored.url()).await;
        for (number, bounds) in before.into_iter().zip(after).enumerate() {
            check_writer(&client, number, bounds, run).await;
        }
    });
    restored.end("TERM");
    println!("run {run}: {rate:.0} writes/s, copied in {copied:?}: {records} of {all} records");
}

fn copy_of(file: &Path, copy: &Path) {
    // The program of the other crate is not built for this test; whoever has it may say where.
    let Some(program) = std::env::var_os("BACKUP_WITH") else {
        return journal::backup(file, copy).expect("a copy is made");
    };
    let mut command = Command::new(program);
    command.args(["journal", "backup"]).arg(file);
    let ended = command.arg("--into").arg(copy).status();
    assert!(ended.expect("the program can be started").success());
}

async fn write(url: String, number: usize, writers: Arc<Writers>, is_over: Arc<AtomicBool>) {
    let mut wire = Wire::open(&url, None).await;
    let written = &writers[number];
    let mut next = 1;
    while !is_over.load(Ordering::SeqCst) {
        let window = next..next + WINDOW;
        let sets = window
            .clone()
            .map(|it| framed(&set(&address(number, it), it)));
        let sets: Vec<_> = sets.collect();
        next = window.end;
        written.sent.store(next - 1, Ordering::SeqCst);
        wire.send(&sets).await;
        for value in window {
            let told = wire.next().await;
            assert!(matches!(told, Message::Ack(_)), "{told:?}");
            written.acknowledged.store(value, Ordering::SeqCst);
        }
    }
}

fn until_acknowledged(writers: &Writers, writes: u64) {
    let end = Instant::now() + PATIENCE;
    while total(writers) < writes {
        assert!(
            Instant::now() < end,
            "{} of {writes} writes",
            total(writers)
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn total(writers: &Writers) -> u64 {
    let acknowledged = writers.iter();
    acknowledged
        .map(|it| it.acknowledged.load(Ordering::SeqCst))
        .sum()
}

/// The copy holds the first records of the journal, each as it is; gives how many those are, and of how many.
fn check_prefix(copy: &Path, file: &Path) -> (usize, usize) {
    assert_eq!(journal::verify(copy).expect("it can be read").faults, []);
    let [copied, whole] = [copy, file].map(|path| Reader::open(path).expect("it can be read"));
    let mut whole = whole.scan(0);
    let mut records = 0;
    for record in copied.scan(0) {
        let record = record.expect("it is whole");
        let original = whole
            .next()
            .expect("no more than there is")
            .expect("it is whole");
        assert_eq!(record, original);
        records += 1;
    }
    (records, records + whole.count())
}

/// The addresses of a writer are at the numbers that it wrote last at some moment while the copy was made.
async fn check_writer(
    client: &clasp_client::Client,
    number: usize,
    (before, after): (u64, u64),
    run: usize,
) {
    let mut found = Vec::new();
    for it in 0..ADDRESSES {
        let param = at(client, &address(number, it)).await;
        let (value, revision) = param.expect("each was acknowledged before");
        let value = value.as_i64().expect("a number").unsigned_abs();
        assert_eq!(revision, value.div_ceil(ADDRESSES), "{value} at {it}");
        found.push(value);
    }
    found.sort_unstable();
    let last = *found.last().expect("there are some");
    let expected: Vec<u64> = (last + 1 - ADDRESSES..=last).collect();
    assert_eq!(found, expected, "run {run}, writer {number}");
    let bounds = before..=after;
    assert!(
        bounds.contains(&last),
        "run {run}: {last} not in {bounds:?}"
    );
}

fn address(writer: usize, number: u64) -> String {
    format!("/w/{writer}/{}", number % ADDRESSES)
}

const RUNS_IN_CI: usize = 2;
const WRITERS: usize = 4;
const ADDRESSES: u64 = 50;
/// SETs on their way at a time, of each writer.
const WINDOW: u64 = 200;
/// Writes that are acknowledged before the copy is begun, and again after it.
const BEFORE: u64 = 20_000;
const AFTER: u64 = 5000;
