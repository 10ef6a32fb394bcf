//! A disk that is really full, under what a relay keeps besides a journal: accounts and snapshots (T-DUR-04).

#![expect(clippy::print_stdout, reason = "a long test says what it has seen")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use clasp_client::{Client, Value};
use clasp_testkit::SmallDisk;
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use crate::harness::{AUTH, HEALTH, PATIENCE, Relay};

#[tokio::test]
async fn t_dur_04_accounts_on_a_full_disk_are_refused_or_kept() {
    accounts(2).await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn t_dur_04_accounts_on_a_full_disk_fifty_times() {
    accounts(50).await;
}

#[tokio::test]
async fn t_dur_04_snapshots_on_a_full_disk_stay_whole() {
    snapshots(2).await;
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn t_dur_04_snapshots_on_a_full_disk_fifty_times() {
    snapshots(50).await;
}

async fn accounts(count: usize) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let rules = tempfile::NamedTempFile::new().expect("a file can be made");
    let limits = json!({"register_max_attempts": 1_000_000, "login_max_attempts": 1_000_000});
    let limits = json!({"version": 1, "rate_limits": limits, "scopes": ["write:/**"]});
    fs::write(rules.path(), limits.to_string()).expect("there is room");
    let Some(disk) = SmallDisk::mount(folder.path(), 4096) else {
        println!("skipped: this user cannot mount a tmpfs");
        return;
    };
    let database = format!("--auth-db={}", folder.path().join("auth.db").display());
    let rules = format!("--app-config={}", rules.path().display());
    let arguments = ["--auth-port=0", "--health-port=0", &database, &rules];
    let mut known: Vec<String> = Vec::new();
    let mut refused = BTreeSet::new();
    for cycle in 0..count {
        let relay = Relay::start(&arguments);
        // The last of them are the ones that may be missing.
        for name in known.iter().rev().take(3) {
            assert_eq!(log_in(&relay, name).await.0, 200, "cycle {cycle}: {name}");
        }
        let (_, token) = taken(&relay, &mut known, format!("first-{cycle}")).await;
        let token = token.expect("there is room");
        disk.fill(0);
        let last = register_until_refused(&relay, &mut known, cycle).await;
        check_full(&relay, &token, &known[0]).await;
        refused.insert(last.clone());
        if cycle % 2 == 0 {
            disk.make_room();
            let begun = Instant::now();
            assert_eq!(log_in(&relay, &last).await.0, 401, "it was refused");
            let (status, _) = taken(&relay, &mut known, last.clone()).await;
            assert_eq!(status, 200);
            refused.remove(&last);
            assert!(begun.elapsed() < BACK_WITHIN, "{:?}", begun.elapsed());
        }
        let code = relay.end(["TERM", "KILL", "KILL"][cycle % 3]);
        assert_eq!(code, [Some(0), None, None][cycle % 3]);
        disk.make_room();
    }
    let relay = Relay::start(&arguments);
    for name in &known {
        assert_eq!(log_in(&relay, name).await.0, 200, "{name}");
    }
    for name in &refused {
        assert_eq!(log_in(&relay, name).await.0, 401, "{name}");
    }
    let (known, refused) = (known.len(), refused.len());
    println!("{count} cycles, {known} accounts, none lost, {refused} refused and not there");
}

/// Gives the name of the account that was refused.
async fn register_until_refused(relay: &Relay, known: &mut Vec<String>, cycle: usize) -> String {
    for number in 0..100 {
        let name = format!("user-{cycle}-{number}");
        let (status, token) = taken(relay, known, name.clone()).await;
        if token.is_none() {
            assert_eq!(status, 503, "{name}");
            return name;
        }
    }
    unreachable!("the disk is never full")
}

/// What needs no room goes on; what needs some is told clearly.
async fn check_full(relay: &Relay, token: &str, name: &str) {
    let client = Client::builder(&relay.url()).token(token).connect().await;
    let client = client.expect("who has a token is let in");
    client.set("/a", 1).await.expect("params need no disk");
    assert!(client.get("/a").await.expect("an answer").is_some());
    let readiness = relay.ask(HEALTH, "/readyz", None).await;
    assert_eq!(readiness, (200, "ready\n".to_owned()));
    let full = json!({"error": "The server has no room to keep this. Please try again later."});
    for (path, body) in [
        ("/auth/guest", "{}".to_owned()),
        ("/auth/login", credentials(name)),
        ("/auth/register", credentials("one-more")),
    ] {
        let (status, answer) = relay.ask(AUTH, path, Some(&body)).await;
        let answer: Json = serde_json::from_str(&answer).expect("JSON");
        assert_eq!((status, &answer), (503, &full), "{path}");
    }
}

/// Registers an account, and notes that it is there if that is what the answer says; gives its token then.
async fn taken(relay: &Relay, known: &mut Vec<String>, name: String) -> (u16, Option<String>) {
    let (status, answer) = relay
        .ask(AUTH, "/auth/register", Some(&credentials(&name)))
        .await;
    if status != 200 {
        return (status, None);
    }
    known.push(name);
    let answer: Json = serde_json::from_str(&answer).expect("JSON");
    let token = answer["token"].as_str().expect("a token");
    (status, Some(token.to_owned()))
}

async fn log_in(relay: &Relay, name: &str) -> (u16, String) {
    relay
        .ask(AUTH, "/auth/login", Some(&credentials(name)))
        .await
}

fn credentials(name: &str) -> String {
    json!({"username": name, "password": "a-good-password"}).to_string()
}

async fn snapshots(count: usize) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let Some(disk) = SmallDisk::mount(folder.path(), 1024) else {
        println!("skipped: this user cannot mount a tmpfs");
        return;
    };
    let file = folder.path().join("state.json");
    let persist = format!("--persist={}", file.display());
    let arguments = [&persist, "--persist-interval=0.05", "--metrics-port=0"];
    let mut expected = None;
    for cycle in 0..count as i64 {
        let relay = Relay::start(&arguments);
        let client = Client::connect(&relay.url()).await.expect("a session");
        let found = client.get("/a").await.expect("an answer");
        assert_eq!(found.map(|param| param.value), expected, "cycle {cycle}");
        for number in 0..10 {
            let large = "x".repeat(20_000);
            let set = client.set(&format!("/large/{number}"), large).await;
            set.expect("params need no disk");
        }
        let (old, new) = (Value::from(cycle), Value::from(-1 - cycle));
        client.set("/a", old.clone()).await.expect("likewise");
        saved(&file, &old).await;
        let before = failures(&relay).await;
        disk.fill(0);
        client.set("/a", new.clone()).await.expect("likewise");
        let begun = Instant::now();
        while failures(&relay).await < before + 2 {
            assert!(begun.elapsed() < PATIENCE, "the disk is never full");
            // What a snapshot that was under way has given back.
            disk.fill(0);
        }
        assert_eq!(value_in(&file), Some(old.clone()), "the last one is whole");
        let param = client.get("/a").await.expect("an answer");
        let value = param.map(|param| param.value);
        assert_eq!(value, Some(new.clone()), "reading goes on");
        expected = Some(old);
        if cycle % 2 == 0 {
            disk.make_room();
            let begun = Instant::now();
            saved(&file, &new).await;
            assert!(begun.elapsed() < BACK_WITHIN, "{:?}", begun.elapsed());
            expected = Some(new);
        }
        assert_eq!(relay.end("KILL"), None);
        disk.make_room();
    }
    println!("{count} cycles, no snapshot lost");
}

async fn saved(file: &Path, value: &Value) {
    let begun = Instant::now();
    while value_in(file).as_ref() != Some(value) {
        assert!(begun.elapsed() < PATIENCE, "{value:?} is never saved");
        sleep(Duration::from_millis(5)).await;
    }
}

/// What a snapshot that is whole says of `/a`.
fn value_in(file: &Path) -> Option<Value> {
    let text = fs::read(file).ok()?;
    let json: Json = serde_json::from_slice(&text).expect("the file is whole");
    let params = json["params"].as_array().expect("a list");
    let param = params.iter().find(|param| param["address"] == "/a")?;
    param["value"].as_i64().map(Value::from)
}

async fn failures(relay: &Relay) -> u64 {
    let value = relay.metric("clasp_snapshot_failures_total").await;
    value.parse().expect("a number")
}

const BACK_WITHIN: Duration = Duration::from_secs(5);
