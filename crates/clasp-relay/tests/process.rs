//! The relay as a process: what it logs, and how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// The relay, in an environment without settings of the user's.
fn relay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clasp-relay"));
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("CLASP_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").env_remove("LOG_FORMAT");
    command.args(arguments).stdout(Stdio::piped());
    command
}

/// The lines it logs until it is ready, and the process.
fn start(mut command: Command) -> (Vec<String>, Child) {
    let mut child = command.spawn().expect("the relay can be started");
    let stdout = child.stdout.as_mut().expect("stdout is a pipe");
    let mut log = BufReader::new(stdout).lines();
    let mut lines: Vec<String> = Vec::new();
    while !lines
        .last()
        .is_some_and(|line| line.contains("accepting connections"))
    {
        let line = log.next().expect("the relay gets ready before it ends");
        lines.push(line.expect("the log is UTF-8"));
    }
    (lines, child)
}

fn end(mut child: Child, signal: &str) -> Option<i32> {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status();
    assert!(sent.expect("kill can be started").success());
    child.wait().expect("the relay ends").code()
}

/// The port at the end of the first line that says where it listens, as kits look for it.
fn port(lines: &[String]) -> u16 {
    let listening = lines.iter().find(|line| line.contains("listening on"));
    let (_, port) = listening
        .and_then(|line| line.rsplit_once(':'))
        .expect("a line says where it listens");
    port.parse().expect("a line ends with the port")
}

#[test]
fn it_logs_the_bound_port_first_and_ends_on_signals() {
    for signal in ["TERM", "INT"] {
        let (lines, child) = start(relay(&[
            "--ws-port",
            "0",
            "--tcp-port",
            "0",
            "--name",
            "Stage",
            "--rendezvous-port",
            "0",
        ]));
        assert!(
            lines[0].contains("WebSocket server listening on 0.0.0.0:"),
            "{lines:#?}"
        );
        assert_ne!(port(&lines), 0);
        for expected in [
            "WebSocket: ws://0.0.0.0:",
            "Server name: Stage",
            "Protocols: WebSocket, TCP",
        ] {
            assert!(
                lines.iter().any(|line| line.contains(expected)),
                "{expected} is not in {lines:#?}"
            );
        }
        assert_eq!(end(child, signal), Some(0), "{signal}");
    }
}

#[test]
fn logs_are_json_when_the_environment_says_so() {
    let mut command = relay(&["--port", "0", "--host", "127.0.0.1"]);
    command.env("LOG_FORMAT", "JSON");
    let (lines, child) = start(command);
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("{\"timestamp\":\"")),
        "{lines:#?}"
    );
    end(child, "TERM");
}

#[test]
fn exit_codes_tell_usage_from_failure() {
    let (lines, child) = start(relay(&["--ws-port", "0", "--host", "127.0.0.1"]));
    let taken = port(&lines).to_string();
    let check = |arguments: &[&str], code: i32, cause: &str| {
        let Output { status, stderr, .. } = relay(arguments)
            .stderr(Stdio::piped())
            .output()
            .expect("the relay can be started");
        let stderr = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(cause), "{arguments:?}: {stderr}");
    };
    check(
        &["--journal", "/tmp/journal.db"],
        2,
        "Error: --journal is not in this build",
    );
    check(
        &["--rendezvous-port", "7340"],
        2,
        "Error: --rendezvous-port is not in this build",
    );
    check(&["--no-websocket"], 2, "Error: No protocols enabled");
    check(&["--ws-port", "many"], 2, "invalid value 'many'");
    check(&["--nonsense"], 2, "--nonsense");
    check(
        &["--host", "127.0.0.1", "--ws-port", &taken],
        1,
        "Error: cannot listen on 127.0.0.1",
    );
    end(child, "TERM");
}
