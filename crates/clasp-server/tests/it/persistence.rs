//! Params that survive a restart (docs/persistence.md).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clasp_proto::{Code, Get, Message, Param, Set, Ttl, Value};
use clasp_server::{Config, Counted, Protocol, Server};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::harness::{Client, Running, check_served, start, until};
use crate::metrics::exposition;

/// A folder of one test, and the file of the snapshots in it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) file: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("state.json");
        Self { folder, file }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        // Which is there as long as somebody may have it, and longer.
        names.retain(|name| name != "state.json.lock");
        names.sort();
        names
    }

    /// A server that writes as often as it can, or only at its end.
    pub(crate) async fn start(&self, interval: Duration) -> Running {
        start(|config| self.adjust(config, interval)).await
    }

    pub(crate) fn adjust(&self, config: &mut Config, interval: Duration) {
        config.persist = Some(self.file.clone());
        config.persist_interval = interval;
        config.metrics_port = Some(0);
    }

    /// The params of the file, as any tool can read them; nothing if there is no file.
    pub(crate) fn params(&self) -> Vec<Json> {
        params_of(&self.file)
    }
}

pub(crate) fn params_of(file: &Path) -> Vec<Json> {
    let Ok(text) = fs::read(file) else {
        return Vec::new();
    };
    let json: Json = serde_json::from_slice(&text).expect("the file is JSON at every moment");
    json["params"].as_array().expect("a list").clone()
}

pub(crate) const OFTEN: Duration = Duration::from_millis(5);
pub(crate) const NEVER: Duration = Duration::from_secs(86_400);

pub(crate) fn set(address: &str, value: Value) -> Set {
    Set {
        address: address.to_owned(),
        value,
        ..Set::default()
    }
}

pub(crate) async fn write(client: &mut Client, set: Set) -> u64 {
    client.send(&Message::Set(set)).await;
    match client.next().await {
        Message::Ack(ack) => ack.revision.expect("the ACK of a SET has one"),
        other => panic!("expected an ACK, got {other:?}"),
    }
}

pub(crate) async fn get(client: &mut Client, address: &str) -> Param {
    let address = address.to_owned();
    client.send(&Message::Get(Get { address })).await;
    match client.next().await {
        Message::Snapshot(snapshot) => snapshot.params[0].clone(),
        other => panic!("expected a SNAPSHOT, got {other:?}"),
    }
}

/// A client that was shown `params` params.
async fn shown(server: &Server) -> (Client, Vec<Param>) {
    let mut client = Client::dial(server, Protocol::Tcp).await;
    client.send(&crate::harness::hello()).await;
    assert!(matches!(client.next().await, Message::Welcome(_)));
    match client.next().await {
        Message::Snapshot(mut snapshot) => {
            snapshot.params.sort_by(|a, b| a.address.cmp(&b.address));
            (client, snapshot.params)
        }
        other => panic!("expected a SNAPSHOT, got {other:?}"),
    }
}

// protocol/router.md 6.17
#[tokio::test]
async fn types_revisions_writers_and_stamps_survive() {
    let place = Place::new();
    let server = place.start(NEVER).await;
    let (mut client, nothing) = shown(&server).await;
    assert_eq!(nothing, []);
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Int(-5),
        Value::Float(5.0),
        Value::from("text"),
        Value::Bytes(vec![0, 255]),
        Value::Array(vec![Value::Float(-0.0), Value::Bytes(vec![])]),
        Value::from([("b", Value::Int(1)), ("a", Value::Null)]),
    ];
    for (number, value) in values.iter().enumerate() {
        for _ in 0..=number {
            write(&mut client, set(&format!("/v/{number}"), value.clone())).await;
        }
    }
    let (_, before) = shown(&server).await;
    assert_eq!(before.len(), values.len());
    server.shutdown().await;
    let server = place.start(NEVER).await;
    let (mut client, after) = shown(&server).await;
    assert_eq!(after, before);
    let next = write(&mut client, set("/v/7", Value::Null)).await;
    assert_eq!(next, 9);
    server.shutdown().await;
}

// protocol/router.md 6.12, 6.17
#[tokio::test]
async fn times_to_live_keep_their_age() {
    let place = Place::new();
    let server = place.start(NEVER).await;
    let (mut client, _) = shown(&server).await;
    for (address, ttl) in [
        ("/absolute", Some(Ttl::Absolute(500))),
        ("/default", None),
        ("/never", Some(Ttl::Never)),
        ("/sliding", Some(Ttl::Sliding(900))),
    ] {
        let set = set(address, Value::Null);
        write(&mut client, Set { ttl, ..set }).await;
    }
    server.shutdown().await;
    let sorted = |mut params: Vec<Json>| {
        params.sort_by_key(|param| param["address"].to_string());
        params
    };
    let before = sorted(place.params());
    let server = place.start(OFTEN).await;
    until("a file of the second run", || {
        server.counters().read(Counted::SnapshotWritten) > 0
    })
    .await;
    let after = sorted(place.params());
    assert_eq!(before.len(), 4);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before["ttl"], after["ttl"]);
        let (before, after) = (&before["expires_at"], &after["expires_at"]);
        let microseconds = |at: &Json| at.as_i64().unwrap_or_default();
        let moved = microseconds(before) - microseconds(after);
        // The two clocks are read one after the other.
        assert!(moved.abs() < 500_000, "{before} became {after}");
        assert_eq!(before.is_null(), after.is_null());
    }
    let never = before.iter().find(|param| param["address"] == "/never");
    assert!(never.is_some_and(|param| param["expires_at"].is_null()));
    server.shutdown().await;
}

#[tokio::test]
async fn every_interval() {
    let place = Place::new();
    let server = place.start(OFTEN).await;
    let (mut client, _) = shown(&server).await;
    for value in 0..20 {
        write(&mut client, set("/a", Value::Int(value))).await;
        until("the value in the file", || {
            place
                .params()
                .first()
                .is_some_and(|param| param["value"] == value)
        })
        .await;
    }
    let status = server.snapshots().expect("there are snapshots");
    assert_eq!((status.params, status.is_failing), (1, false));
    assert_eq!(status.bytes, fs::metadata(&place.file).unwrap().len());
    assert_eq!(place.names(), ["state.json"]);
    let page = exposition(&server).await;
    for sample in [
        "clasp_snapshot_age_seconds 0\n",
        "clasp_snapshot_failures_total 0\n",
    ] {
        assert!(page.contains(sample), "{sample} is not in {page}");
    }
}

#[tokio::test]
async fn at_the_end_before_the_sessions_are_told() {
    let place = Place::new();
    let server = place.start(NEVER).await;
    let (mut client, _) = shown(&server).await;
    write(&mut client, set("/a", Value::Int(1))).await;
    assert_eq!(place.names(), Vec::<String>::new());
    let watch = async {
        assert_eq!(client.error().await, Code::Unavailable);
        assert_eq!(place.params()[0]["value"], 1);
        // And only now does it let the server end.
        drop(client);
    };
    tokio::join!(server.shutdown(), watch);
}

#[tokio::test]
async fn an_idle_server_leaves_the_file_alone() {
    let place = Place::new();
    let server = place.start(OFTEN).await;
    let (mut client, _) = shown(&server).await;
    write(&mut client, set("/a", Value::Int(1))).await;
    until("the value in the file", || !place.params().is_empty()).await;
    let written = || server.counters().read(Counted::SnapshotWritten);
    let mut before = written();
    for round in 0..5 {
        let begin = Instant::now();
        until("another look", || {
            let status = server.snapshots();
            status.is_some_and(|status| status.age < begin.elapsed())
        })
        .await;
        // The first may have been under way.
        assert!(round == 0 || written() == before);
        before = written();
    }
    fs::remove_file(&place.file).unwrap();
    until("a file in place of one that was lost", || {
        place.file.exists()
    })
    .await;
}

#[tokio::test]
async fn a_missing_file_is_a_fresh_start() {
    let place = Place::new();
    // What a crash left behind is never read.
    let temporary = place.folder.path().join("state.json.tmp");
    fs::write(&temporary, "{\"params\":[]").unwrap();
    let server = place.start(NEVER).await;
    assert!(!temporary.exists());
    check_served(&server).await;
    let status = server.snapshots().expect("there are snapshots to come");
    assert_eq!((status.params, status.bytes), (0, 0));
    server.shutdown().await;
    assert_eq!(
        (place.names(), place.params()),
        (vec!["state.json".to_owned()], vec![])
    );
}

#[tokio::test]
async fn a_file_of_4_5_is_read_and_written_anew() {
    let place = Place::new();
    let old = include_bytes!("../../src/features/snapshot/tests/written-by-4.5.json");
    fs::write(&place.file, old).unwrap();
    let server = place.start(OFTEN).await;
    let (mut client, params) = shown(&server).await;
    assert_eq!(params.len(), 8);
    let level = get(&mut client, "/stage/lights/1/level").await;
    assert_eq!((level.value, level.revision), (Value::Float(0.75), 42));
    until("our format", || {
        fs::read(&place.file)
            .unwrap()
            .starts_with(b"{\"clasp_snapshot\":1,")
    })
    .await;
    assert_eq!(place.params().len(), 8);
}

#[cfg(unix)]
#[tokio::test]
async fn modes_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = Place::new();
    let target = place.folder.path().join("elsewhere");
    fs::create_dir(&target).unwrap();
    // Neither is there yet: the link leads to nothing.
    symlink("elsewhere/kept.json", &place.file).unwrap();
    let kept = target.join("kept.json");
    let mode = || fs::metadata(&kept).unwrap().permissions().mode() & 0o777;
    for (number, expected) in [0o600, 0o640].into_iter().enumerate() {
        let server = place.start(NEVER).await;
        let (mut client, params) = shown(&server).await;
        assert_eq!(params.len(), number);
        write(&mut client, set("/a", Value::Int(1))).await;
        server.shutdown().await;
        assert_eq!(mode(), expected);
        assert!(place.file.is_symlink() && !kept.is_symlink());
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).unwrap();
    }
    assert_eq!(params_of(&kept).len(), 1);
}
