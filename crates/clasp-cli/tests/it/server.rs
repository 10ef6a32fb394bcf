//! `clasp server` as a process.

use crate::harness::{Router, Running, run};

#[test]
fn its_first_line_says_where_it_listens_and_signals_end_it_with_success() {
    for signal in ["INT", "TERM"] {
        let router = Router::start(&[]);
        assert!(router.url.starts_with("ws://127.0.0.1:"), "{}", router.url);
        assert_eq!(router.run(&["set", "/a", "1"]).code, 0);
        router.signal(signal);
        let ended = router.wait();
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (0, ""),
            "{signal}: {ended:?}"
        );
    }
}

#[test]
fn unspecified_addresses_are_shown_as_localhost() {
    let server = Running::start(&["server", "--port", "0"]);
    let line = server.line();
    assert!(
        line.starts_with("Router listening on ws://localhost:"),
        "{line}"
    );
}

#[test]
fn tcp_carries_the_same() {
    let router = Router::start(&["--protocol", "tcp"]);
    assert!(router.url.starts_with("tcp://127.0.0.1:"), "{}", router.url);
    assert_eq!(router.run(&["set", "/a", "1"]).code, 0);
    assert_eq!(router.run(&["get", "/a"]).stdout, "1\n");
}

#[test]
fn quic_carries_the_same_with_a_certificate_of_its_own() {
    let router = Router::start(&["--protocol", "quic"]);
    assert!(
        router.url.starts_with("quic://127.0.0.1:"),
        "{}",
        router.url
    );
    let refused = router.run(&["set", "/a", "1"]);
    assert_eq!(refused.code, 1, "nobody vouches for it: {refused:?}");
    assert!(
        refused
            .stderr
            .contains("name the authority of its certificate with --ca"),
        "{refused:?}"
    );
    assert_eq!(router.run(&["set", "/a", "1", "--insecure"]).code, 0);
    assert_eq!(router.run(&["get", "/a", "--insecure"]).stdout, "1\n");
    router.signal("TERM");
    let said = router.wait().stderr;
    assert!(said.contains("Certificate SHA-256 "), "{said}");
}

#[test]
fn several_protocols_are_served_at_once() {
    let arguments = "server --bind 127.0.0.1 -p ws,quic,tcp --port 0";
    let server = Running::start(&arguments.split(' ').collect::<Vec<_>>());
    for scheme in ["ws", "quic", "tcp"] {
        let line = server.line();
        let url = line.trim_start_matches("Router listening on ");
        assert!(url.starts_with(&format!("{scheme}://127.0.0.1:")), "{line}");
        let set = run(&["set", "/a", "1", "--server", url, "--insecure"]);
        assert_eq!(set.code, 0, "{url}: {set:?}");
    }
}

#[test]
fn a_token_keeps_others_out() {
    let router = Router::start(&["--token", "secret"]);
    let refused = router.run(&["set", "/a", "1"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(
        refused.stderr.contains("refused the connection")
            && refused.stderr.contains("300")
            && refused.stderr.ends_with("with --token or CLASP_TOKEN\n"),
        "{refused:?}"
    );
    assert_eq!(router.run(&["set", "/a", "1", "--token", "secret"]).code, 0);
    router.signal("TERM");
    let said = router.wait().stderr;
    assert!(
        said.contains("have to send the token") && !said.contains("secret"),
        "{said}"
    );
}

#[test]
fn what_it_cannot_do_it_says() {
    let router = Router::start(&[]);
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let ended = run(&[&["server"], arguments].concat());
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (code, ""),
            "{arguments:?}"
        );
        assert!(
            ended.stderr.starts_with("Error: ") && ended.stderr.contains(expected),
            "{ended:?}"
        );
    };
    check(
        &["-p", "carrier-pigeon"],
        1,
        "unknown protocol 'carrier-pigeon'",
    );
    check(&["-p", "ws,tcp", "-P", "7000"], 2, "--port is one port");
    check(&["--auth-port", "7350"], 2, "clasp-relay");
    check(&["--features", "full"], 2, "clasp info");
    check(&["--cert", "a.pem"], 2, "--cert needs --key");
    check(
        &["--cert", "/none.pem", "--key", "/none.key"],
        2,
        "cannot read /none.pem",
    );
    check(
        &["--bind", "no such host"],
        2,
        "--bind no such host: no such address",
    );
    // An address for documentation, which no machine has (RFC 5737).
    check(
        &["--bind", "192.0.2.1"],
        1,
        "give --bind an address of this machine",
    );
    check(
        &["--bind", "127.0.0.1", "--port", router.port()],
        1,
        "in use (os error 98): choose another port with --port\n",
    );
}
