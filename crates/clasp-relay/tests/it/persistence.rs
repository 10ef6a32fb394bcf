//! Params over the end of the process, however it comes (docs/persistence.md).

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use clasp_client::{Client, ClientError, Value};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::harness::Relay;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("state.json");
    (folder, file)
}

fn start(file: &Path, interval: &str) -> Relay {
    let file = file.to_str().expect("the path is UTF-8");
    Relay::start(&["--persist", file, "--persist-interval", interval])
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

#[test]
fn params_come_back_after_a_signal() {
    let (_folder, file) = place();
    let runtime = runtime();
    let relay = start(&file, "3600");
    let fresh = format!("No existing snapshot at {}, starting fresh", file.display());
    assert!(relay.says(&fresh), "{:#?}", relay.lines);
    runtime.block_on(async {
        let client = Client::connect(&relay.url()).await.unwrap();
        for value in [1, 2] {
            client.set("/a", Value::Bytes(vec![value])).await.unwrap();
        }
        client.set("/b", 0.5).await.unwrap();
    });
    assert_eq!(relay.end("TERM"), Some(0));
    let relay = start(&file, "3600");
    let restored = format!("Restored 2 params from {}", file.display());
    assert!(relay.says(&restored), "{:#?}", relay.lines);
    runtime.block_on(async {
        let client = Client::connect(&relay.url()).await.unwrap();
        let param = client.get("/a").await.unwrap().unwrap();
        assert_eq!((param.value, param.revision), (Value::Bytes(vec![2]), 2));
    });
    assert_eq!(relay.end("INT"), Some(0));
}

#[test]
fn a_damaged_file_is_a_failure_that_says_what_to_do() {
    let (folder, file) = place();
    fs::write(&file, "{\"params\":[").unwrap();
    let path = file.to_str().unwrap();
    let refused = |path: &str| match Relay::try_start(&["--persist", path]) {
        Err((Some(1), stderr)) => stderr,
        other => panic!("it is refused: {:?}", other.err()),
    };
    let stderr = refused(path);
    let expected = format!("Error: the snapshot {path} is damaged: it is no snapshot: EOF");
    assert!(stderr.starts_with(&expected), "{stderr}");
    assert!(stderr.contains("--persist-discard-corrupt"), "{stderr}");
    let relay = Relay::start(&["--persist", path, "--persist-discard-corrupt"]);
    assert!(relay.says("it is kept as"), "{:#?}", relay.lines);
    assert_eq!(relay.end("TERM"), Some(0));
    // The lock is beside them.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);

    let missing = folder.path().join("missing/state.json");
    let missing = missing.to_str().unwrap();
    let stderr = refused(missing);
    let expected = format!("Error: --persist {missing}: expected the path of a file in a folder");
    assert!(stderr.starts_with(&expected), "{stderr}");
}

/// kill -9 between two snapshots, 100 times: what comes back is a state that was written, never a
/// mixture, and never nothing.
#[test]
fn t_dur_01_02_08_a_kill_loses_no_more_than_an_interval() {
    let advanced: usize = thread::scope(|scope| {
        let chains: Vec<_> = (0..CHAINS)
            .map(|chain| scope.spawn(move || Chain::new(chain).run()))
            .collect();
        let advanced = chains
            .into_iter()
            .map(|chain| chain.join().expect("no chain breaks"));
        advanced.sum()
    });
    // Otherwise the rounds would have shown nothing.
    assert!(
        advanced > CHAINS * ROUNDS / 4,
        "{advanced} rounds wrote a snapshot"
    );
}

/// A relay that is killed again and again. Bundles write the same number to all addresses, and
/// that number is the revision that they get.
struct Chain {
    file: PathBuf,
    runtime: Runtime,
    random: u64,
    /// The state of the last start, and what was acknowledged since.
    restored: u64,
    acknowledged: u64,
    _folder: TempDir,
}

impl Chain {
    fn new(number: usize) -> Self {
        let (folder, file) = place();
        Self {
            file,
            runtime: runtime(),
            random: number as u64,
            restored: 0,
            acknowledged: 0,
            _folder: folder,
        }
    }

    /// Gives the number of rounds after which there was something new.
    fn run(&mut self) -> usize {
        (0..ROUNDS).filter(|_| self.round()).count()
    }

    fn round(&mut self) -> bool {
        let saved = self.saved();
        let relay = start(&self.file, "0.01");
        let url = relay.url();
        let writes = self.next_random() % WRITES_MAX;
        let (restored, acknowledged) = self.runtime.block_on(async {
            let client = Client::connect(&url).await.expect("the relay answers");
            let restored = state(&client).await;
            let last = write(&client, restored, writes).await;
            let last = last.expect("the relay goes on");
            // One more is on its way while the relay is killed.
            let bundle = bundle(&client, last + 1);
            let killed = async { relay.end("KILL") };
            let (_, code) = tokio::join!(bundle, killed);
            assert_eq!(code, None, "it was killed");
            (restored, last)
        });
        assert_eq!(restored, saved, "what is restored is what the file says");
        assert!(
            restored >= self.restored,
            "{restored} after {}",
            self.restored
        );
        assert!(
            restored <= self.acknowledged + 1,
            "{restored} was never written"
        );
        let advanced = restored > self.restored;
        (self.restored, self.acknowledged) = (restored, acknowledged);
        advanced
    }

    /// The state in the file, 0 if there is none yet.
    fn saved(&self) -> u64 {
        let Ok(text) = fs::read(&self.file) else {
            assert_eq!(self.restored, 0, "the file is gone");
            return 0;
        };
        let json: Json = serde_json::from_slice(&text).expect("the file is whole");
        let params = json["params"].as_array().expect("a list");
        let values: Vec<_> = params.iter().map(|param| param["value"].as_u64()).collect();
        if values.is_empty() {
            assert_eq!(self.restored, 0, "the state is gone");
            return 0;
        }
        assert_eq!(values, vec![values[0]; ADDRESSES]);
        values[0].expect("a number")
    }

    /// The steps of a linear congruential generator; its high bits are random enough.
    fn next_random(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }
}

/// What all addresses hold, 0 for nothing.
async fn state(client: &Client) -> u64 {
    let mut numbers = Vec::new();
    for number in 0..ADDRESSES {
        let param = client.get(&address(number)).await.expect("an answer");
        numbers.extend(param.map(|param| (param.value, param.revision)));
    }
    let Some((_, revision)) = numbers.first().cloned() else {
        return 0;
    };
    let same = (Value::Int(revision as i64), revision);
    assert_eq!(numbers, vec![same; ADDRESSES], "a mixture");
    revision
}

/// Gives the last number that was written.
async fn write(client: &Client, from: u64, writes: u64) -> Result<u64, ClientError> {
    for number in from + 1..=from + writes {
        assert_eq!(bundle(client, number).await?, Some(number));
    }
    Ok(from + writes)
}

async fn bundle(client: &Client, number: u64) -> Result<Option<u64>, ClientError> {
    let addresses = 0..ADDRESSES;
    let bundle = addresses.fold(client.bundle(), |bundle, at| {
        bundle.set(&address(at), number as i64)
    });
    bundle.send().await
}

fn address(number: usize) -> String {
    format!("/stage/{number}")
}

const CHAINS: usize = 4;
const ROUNDS: usize = 25;
const ADDRESSES: usize = 20;
/// Some snapshots are made meanwhile, or none.
const WRITES_MAX: u64 = 200;
