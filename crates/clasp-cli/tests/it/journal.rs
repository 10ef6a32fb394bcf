//! `clasp journal`: what a file of a journal holds, copies of it, and what a relay answers.

use std::time::{Duration, Instant};

use clasp_proto::{Message, Set, Value, binary};
use clasp_store::journal::{Durability, Journal, Options, Place, Record, Write};

use crate::fake_relay::FakeRelay;
use crate::folder::{Folder, failed};
use crate::harness::{Router, run};

/// A journal of so many SETs, closed as a relay closes it.
fn journal(folder: &Folder, name: &str, count: i64) {
    let records: Vec<_> = (1..=count).map(|number| vec![("/a", number)]).collect();
    record_all(folder, name, &records);
}

/// A journal of these records; those of several SETs are bundles.
fn record_all(folder: &Folder, name: &str, records: &[Vec<(&str, i64)>]) {
    let options = Options {
        place: Place::File {
            path: folder.path(name),
            durability: Durability::Fsync,
        },
        batch_size: 100,
        flush: Duration::from_millis(5),
    };
    let journal = Journal::open(&options, Box::new(|_| {})).expect("a new journal");
    let mut sequence = 0;
    for (number, sets) in (1..).zip(records) {
        assert!(journal.reserve(1));
        let payloads: Vec<_> = sets.iter().map(|set| payload(*set)).collect();
        let write = |payload| Write {
            signal: None,
            payload,
        };
        let writes: Vec<_> = payloads.iter().map(|it| write(it)).collect();
        sequence += writes.len() as u64;
        let record = Record {
            sequence,
            at_us: 1_700_000_000_000_000 + number * APART_US,
            author: "writer",
            writes: &writes,
        };
        journal.append(&record).expect("there is room");
    }
    journal.close().expect("all of it is kept");
}

fn payload((address, value): (&str, i64)) -> Vec<u8> {
    let set = Message::Set(Set {
        address: address.to_owned(),
        value: Value::Int(value),
        revision: Some(value.unsigned_abs()),
        ..Set::default()
    });
    let mut payload = Vec::new();
    binary::encode(&set, &mut payload).expect("it fits a frame");
    payload
}

/// Microseconds from one to the next.
const APART_US: u64 = 100_000;

#[test]
fn a_journal_is_copied_written_as_lines_and_made_anew() {
    let folder = Folder::new();
    journal(&folder, "relay.journal", 1000);
    let whole = "1000 records from 1 to 1000";
    let verified = |name: &str| {
        let ended = folder.run(&["journal", "verify", name]);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stdout.starts_with(whole), "{ended:?}");
        assert!(ended.stdout.ends_with("OK No damage found\n"), "{ended:?}");
    };
    verified("relay.journal");
    for arguments in [
        ["journal", "backup", "relay.journal", "--into", "copy"],
        ["journal", "export", "relay.journal", "--into", "lines"],
        ["journal", "import", "lines", "--into", "anew"],
    ] {
        let ended = folder.run(&arguments);
        assert_eq!(ended.code, 0, "{ended:?}");
        // What is there is not written over.
        let again = folder.run(&arguments);
        failed(&again, 1, &["Error: ", arguments[4]]);
    }
    verified("copy");
    verified("anew");
    let lines = folder.run(&["journal", "export", "anew"]).stdout;
    assert_eq!(lines, folder.read("lines"));
}

/// It says all that the journal says, so that nobody else reads it either; and half of it is nothing.
#[test]
fn an_export_is_private_and_whole() {
    let folder = Folder::new();
    journal(&folder, "relay.journal", 1000);
    let export = ["journal", "export", "relay.journal", "--into", "lines"];
    assert_eq!(folder.run(&export).code, 0);
    #[cfg(unix)]
    assert_eq!(folder.mode("lines"), 0o600);
    let path = folder.path("relay.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let again = ["journal", "export", "relay.journal", "--into", "again"];
    failed(&folder.run(&again), 1, &["Error: ", "damaged"]);
    assert!(!folder.path("again").exists());
}

#[test]
fn damage_is_found_and_said() {
    let folder = Folder::new();
    journal(&folder, "relay.journal", 1000);
    let path = folder.path("relay.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let ended = folder.run(&["journal", "verify", "relay.journal"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("\nFAIL "), "{ended:?}");
    assert!(ended.stderr.contains("clasp journal export"), "{ended:?}");
    let missing = folder.run(&["journal", "verify", "no.journal"]);
    failed(&missing, 1, &["no.journal"]);
    folder.write("text", "no journal");
    let text = folder.run(&["journal", "import", "text", "--into", "new"]);
    failed(&text, 1, &["Error: "]);
}

#[test]
fn a_relay_is_asked_as_its_operator_asks() {
    let entry = r#"[{"seq":7,"timestamp":1700000000000000,"author":"id","address":"/a","signal_type":"param","value":1.5,"revision":3,"msg_type":33}]"#;
    let line = "[seq:7] 2023-11-14T22:13:20.000000Z SET /a = 1.5 (rev:3, by:id)\n";
    for (arguments, answer, path, shown) in [
        (
            &["query", "/a b/*", "--from", "5", "--types", "param,event"][..],
            entry,
            "/query?pattern=%2Fa%20b%2F%2A&limit=100&from=5&types=param%2Cevent",
            line,
        ),
        (
            &["since", "6", "--limit", "9"],
            entry,
            "/since?seq=6&limit=9",
            line,
        ),
        (
            &["query"],
            "[]",
            "/query?pattern=%2F%2A%2A&limit=100",
            "No entries.\n",
        ),
        (&["latest"], r#"{"seq":7}"#, "/latest", "Latest seq: 7\n"),
        (&["snapshot"], "[]", "/snapshot", "No entries.\n"),
    ] {
        let relay = FakeRelay::answers(200, answer);
        let options = ["--relay", &relay.url, "--token", "secret"];
        let ended = run(&[&["journal"], arguments, &options].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (0, shown), "{ended:?}");
        let asked = relay.asked();
        assert_eq!(asked.line, format!("GET /api/journal{path}"));
        assert_eq!(asked.authorization.as_deref(), Some("Bearer secret"));
    }
    let relay = FakeRelay::answers(401, r#"{"error":"invalid token"}"#);
    let ended = run(&["journal", "latest", "--relay", &relay.url]);
    failed(&ended, 1, &["Error: GET ", "returned 401", "invalid token"]);
}

#[test]
fn what_was_recorded_is_played_with_its_pauses() {
    let folder = Folder::new();
    journal(&folder, "relay.journal", 6);
    let router = Router::start(&[]);
    let played = |options: &[&str]| {
        let path = folder.path("relay.journal");
        let path = path.to_str().expect("a path is text");
        let begun = Instant::now();
        let ended = router.run(&[&["replay", "/**", "--journal", path], options].concat());
        (ended, begun.elapsed())
    };
    let revision = || {
        let found = router.run(&["get", "/a", "--json"]).stdout;
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        (found["value"].as_i64(), found["revision"].as_i64())
    };
    let (ended, took) = played(&["--speed", "2"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stdout, "OK Replayed 6 messages\n");
    // Five pauses of 100 ms, at twice the speed.
    assert!(took >= Duration::from_millis(250), "{took:?}");
    assert_eq!(revision(), (Some(6), Some(6)));
    let part = [
        "--speed",
        "0",
        "--from",
        "1700000000200000",
        "--to",
        "1700000000300000",
    ];
    let (ended, _) = played(&part);
    assert_eq!(ended.stdout, "OK Replayed 2 messages\n");
    assert_eq!(revision(), (Some(3), Some(8)));
    let (ended, _) = played(&["--speed=-1"]);
    failed(&ended, 2, &["--speed", "expected a number from 0 on"]);
}

#[test]
fn a_bundle_is_played_as_a_whole() {
    let folder = Folder::new();
    let records = [vec![("/a", 1)], vec![("/a", 2), ("/b", 1)], vec![("/a", 3)]];
    record_all(&folder, "relay.journal", &records);
    let router = Router::start(&[]);
    let path = folder.path("relay.journal");
    let path = path.to_str().expect("a path is text");
    let play = || router.run(&["replay", "/**", "--journal", path, "--speed", "0"]);
    let value = |address: &str| router.run(&["get", address]).stdout;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let holder = runtime.block_on(async {
        let holder = clasp_client::Client::connect(&router.url).await?;
        holder.set("/b", 7).lock().await?;
        Ok::<_, clasp_client::ClientError>(holder)
    });
    let holder = holder.expect("nobody else has it");
    // Its second member is refused, and so the first is not done either.
    failed(&play(), 1, &["/b"]);
    assert_eq!(value("/a"), "1\n");
    runtime.block_on(holder.close());
    let ended = play();
    assert_eq!(ended.stdout, "OK Replayed 4 messages\n", "{ended:?}");
    assert_eq!(
        (value("/a"), value("/b")),
        ("3\n".to_owned(), "1\n".to_owned())
    );
}
