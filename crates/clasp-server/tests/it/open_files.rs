//! No file descriptors left: the server waits instead of spinning, and recovers (T-LIM-02).

use std::process::Command;

use clasp_server::{Counted, Protocol};
use tokio::net::TcpStream;

use crate::harness::{Client, address, check_served, start, until};

/// Runs the test below in a process of its own that may open few files.
#[test]
fn a_server_without_descriptors_waits_and_recovers() {
    let test = std::env::current_exe().expect("this program has a path");
    let limited = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 100; exec \"$0\" --exact open_files::with_few_descriptors --ignored",
        ])
        .arg(test)
        .output()
        .expect("a shell runs");
    let output = String::from_utf8_lossy(&limited.stdout);
    assert!(
        limited.status.success() && output.contains("1 passed"),
        "{output}"
    );
}

#[tokio::test]
#[ignore = "runs in the process that the test above starts"]
async fn with_few_descriptors() {
    let server = start(|config| config.pending_per_ip_max = 256).await;
    let mut session = Client::welcomed(&server, Protocol::WebSocket).await;
    let port = address(&server, Protocol::Tcp);
    let mut sockets = Vec::new();
    // The system connects us before the server accepts, so that we get the last descriptor.
    while let Ok(socket) = TcpStream::connect(port).await {
        sockets.push(socket);
    }
    let failures = || server.counters().read(Counted::AcceptFailure);
    until("the server to run out of descriptors", || failures() >= 3).await;
    assert_eq!(session.sync().await, [], "those who are in go on");
    assert!(failures() < 30, "{} attempts are a spin", failures());
    drop(sockets);
    check_served(&server).await;
}
