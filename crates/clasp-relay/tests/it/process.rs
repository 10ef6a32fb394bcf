//! The relay as a process: what it logs, and how it ends.

use crate::harness::{QUIET, Relay, command, run};

#[test]
fn it_logs_the_bound_port_first_and_ends_on_signals() {
    for signal in ["TERM", "INT"] {
        let relay = Relay::start(&[
            "--tcp-port=0",
            "--health-port=0",
            "--metrics-port=0",
            "--name=Stage",
        ]);
        let first = &relay.lines[0];
        assert!(
            first.contains("WebSocket server listening on 127.0.0.1:"),
            "{first}"
        );
        assert_ne!(relay.port(), 0);
        for expected in [
            "WebSocket: ws://127.0.0.1:",
            "Health: http://127.0.0.1:",
            "Metrics: http://127.0.0.1:",
            "Server name: Stage",
            "Protocols: WebSocket, TCP",
        ] {
            assert!(
                relay.says(expected),
                "{expected} is not in {:#?}",
                relay.lines
            );
        }
        assert_eq!(relay.end(signal), Some(0), "{signal}");
    }
}

#[test]
fn logs_are_json_when_the_environment_says_so() {
    let mut command = command(QUIET);
    command.env("LOG_FORMAT", "JSON");
    let relay = Relay::start_command(command);
    let mut lines = relay.lines.iter();
    assert!(
        lines.all(|line| line.starts_with("{\"timestamp\":\"")),
        "{:#?}",
        relay.lines
    );
}

#[test]
fn exit_codes_tell_usage_from_failure() {
    let relay = Relay::start(&[]);
    let taken = relay.port().to_string();
    let check = |arguments: &[&str], code: i32, cause: &str| {
        let (ended, _, stderr) = run(command(arguments));
        assert_eq!(ended, code, "{arguments:?}: {stderr}");
        assert!(stderr.contains(cause), "{arguments:?}: {stderr}");
    };
    check(
        &["--rules", "/tmp/rules.json"],
        2,
        "Error: --rules is not in this version",
    );
    check(&["--no-websocket"], 1, "Error: No protocols enabled");
    check(&["--ws-port", "many"], 2, "invalid value 'many'");
    check(&["--nonsense"], 2, "--nonsense");
    check(
        &["--host", "127.0.0.1", "--ws-port", &taken],
        1,
        "Error: cannot listen on 127.0.0.1",
    );
}
