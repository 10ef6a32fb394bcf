//! Ten thousand clients that all come at once, as they do after a restart: every one of them is served.

use std::fs;
use std::time::{Duration, Instant};

use clasp_transport::{DialOptions, Link, LinkError, dial};
use tokio::task::JoinSet;

use crate::harness::Relay;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sessions_that_connect_at_once_are_all_served() {
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be asked for");
    let count = SESSIONS.min(limit.saturating_sub(1000) as usize);
    // All come from one address, as they do behind a proxy.
    let relay = Relay::start(&["--max-sessions=0", "--max-pending-per-ip=256"]);
    let before = resident_bytes(relay.pid());
    let begun = Instant::now();
    let mut dialling = JoinSet::new();
    for _ in 0..count {
        dialling.spawn(welcomed(relay.url()));
    }
    let mut links = Vec::new();
    let mut failed = Vec::new();
    while let Some(outcome) = dialling.join_next().await {
        match outcome.expect("dialling does not panic") {
            Ok(link) => links.push(link),
            Err(error) => failed.push(error),
        }
    }
    let took = begun.elapsed();
    let each = (resident_bytes(relay.pid()) - before) / count;
    println!("{count} sessions in {took:?}, {each} bytes each");
    assert!(failed.is_empty(), "{} failed: {}", failed.len(), failed[0]);
    assert!(each < BYTES_OF_A_SESSION_MAX, "{each} bytes each");
}

/// Connects and reads the first frame, which is WELCOME.
async fn welcomed(url: String) -> Result<Link, LinkError> {
    let options = DialOptions {
        timeout: Duration::from_secs(60),
        ..DialOptions::default()
    };
    let mut link = dial(&url, &options).await?;
    let hello = b"\x53\x01\x00\x0d\x01\x01\xe0\x00\x06Client\x00\x00";
    link.send_many(&[hello.as_slice().into()]).await?;
    match link.recv().await? {
        Some(frame) if frame[4] == WELCOME => Ok(link),
        _ => Err(LinkError::Truncated),
    }
}

fn resident_bytes(pid: u32) -> usize {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).expect("Linux tells the size");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number") * 4096
}

const SESSIONS: usize = 10_000;

/// The first byte of its payload.
const WELCOME: u8 = 0x02;

/// BENCHMARKS.md promises 8 KiB of the optimised program; this one is not.
const BYTES_OF_A_SESSION_MAX: usize = 16 * 1024;
