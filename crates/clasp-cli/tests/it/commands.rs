//! The client commands against a real router.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::harness::{Ended, Router, run};

/// Runs a command and checks all of what it says.
fn check(router: &Router, arguments: &[&str], stdout: &str) {
    let ended = router.run(arguments);
    let expected = Ended {
        code: 0,
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    assert_eq!(ended, expected, "{arguments:?}");
}

/// Runs a command that fails and checks how.
fn check_failure(router: &Router, arguments: &[&str], code: i32, cause: &str) {
    let ended = router.run(arguments);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (code, ""),
        "{arguments:?}"
    );
    assert!(
        ended.stderr.contains(cause),
        "{arguments:?}: {}",
        ended.stderr
    );
}

#[test]
fn what_is_set_can_be_got() {
    let router = Router::start(&[]);
    let cases = [
        ("0.75", "0.75"),
        ("-1", "-1"),
        ("true", "true"),
        ("null", "null"),
        ("on", "\"on\""),
        ("\"1\"", "\"1\""),
        ("{\"b\": [1, 2], \"a\": null}", "{\"a\":null,\"b\":[1,2]}"),
    ];
    for (revision, (typed, shown)) in (1..).zip(cases) {
        let line = format!("OK Set /a = {shown} (revision {revision})\n");
        check(&router, &["set", "/a", typed], &line);
        check(&router, &["get", "/a"], &format!("{shown}\n"));
    }
    check(
        &router,
        &["set", "/s", "1", "--string"],
        "OK Set /s = \"1\" (revision 1)\n",
    );
    let from_stdin = router.run_with_stdin(&["set", "/s", "-"], "{\"x\": 1}\n");
    assert_eq!(from_stdin.stdout, "OK Set /s = {\"x\":1} (revision 2)\n");
}

#[test]
fn raw_text_has_no_quotes() {
    let router = Router::start(&[]);
    let cases = [
        ("\"on \\\"air\\\"\"", "on \"air\""),
        ("\"1\"", "1"),
        ("1", "1"),
        ("[\"on\"]", "[\"on\"]"),
    ];
    for (typed, shown) in cases {
        assert_eq!(router.run(&["set", "/a", typed]).code, 0, "{typed}");
        check(&router, &["get", "/a", "--raw"], &format!("{shown}\n"));
    }
    check_failure(&router, &["get", "/a", "--raw", "--json"], 2, "--json");
}

#[test]
fn text_that_begins_like_json_is_told_to_be_text() {
    let router = Router::start(&[]);
    let notice = "Taken as text, since it is not JSON; --string says so on purpose\n";
    let cases: [(&[&str], &str); 6] = [
        (&["set", "/a", "[1,2"], notice),
        (&["pub", "/a", " {x: 1}"], notice),
        (&["emit", "/a", "\"on"], notice),
        (&["set", "/a", "[1,2", "--string"], ""),
        (&["set", "/a", "\"on\""], ""),
        (&["set", "/a", "on [air]"], ""),
    ];
    for (arguments, told) in cases {
        let ended = router.run(arguments);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (0, told),
            "{arguments:?}"
        );
    }
}

#[test]
fn addresses_and_patterns_are_checked_without_a_router() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["get", "nowhere"],
            "Error: invalid address: an address starts with '/'",
        ),
        (&["set", "/a/*", "1"], "Error: invalid address"),
        (&["pub", "/a/", "1"], "Error: invalid address"),
        (&["emit", "", "1"], "Error: invalid address"),
        (&["sub", "nowhere"], "Error: invalid pattern: an address"),
    ];
    for (arguments, cause) in cases {
        let ended = run(&[arguments, &["-s", "ws://127.0.0.1:1"]].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{ended:?}");
        assert!(ended.stderr.starts_with(cause), "{ended:?}");
    }
}

#[test]
fn pub_sets_or_sends() {
    let router = Router::start(&[]);
    check(
        &router,
        &["pub", "/a", "1"],
        "OK Published /a = 1 (revision 1)\n",
    );
    check(
        &router,
        &["pub", "/a", "1", "--event"],
        "OK Published /a = 1\n",
    );
    check(
        &router,
        &["pub", "/a", "1", "--stream"],
        "OK Published /a = 1\n",
    );
    check(
        &router,
        &["emit", "/cue", "go"],
        "OK Emitted /cue = \"go\"\n",
    );
    check(&router, &["emit", "/cue"], "OK Emitted /cue = null\n");
    let json = "{\"address\":\"/a\",\"revision\":2,\"value\":2}\n";
    check(&router, &["pub", "/a", "2", "--json"], json);
    check_failure(&router, &["get", "/cue"], 1, "/cue does not exist");
}

#[test]
fn options_of_set_reach_the_router() {
    let router = Router::start(&[]);
    check(
        &router,
        &["set", "/a", "1", "--revision", "0"],
        "OK Set /a = 1 (revision 1)\n",
    );
    check_failure(
        &router,
        &["set", "/a", "2", "--revision", "0"],
        1,
        "(error 400, /a): `clasp get /a --json` tells its revision\n",
    );
    check(
        &router,
        &["set", "/a", "2", "--revision", "1", "--ttl", "never"],
        "OK Set /a = 2 (revision 2)\n",
    );
    check(
        &router,
        &["set", "/b", "1", "--expire-in", "3600", "--lock"],
        "OK Set /b = 1 (revision 1)\n",
    );
    // The lock ended with the session that took it.
    check(&router, &["set", "/b", "2"], "OK Set /b = 2 (revision 2)\n");
}

#[test]
fn failures_say_why_on_stderr() {
    let router = Router::start(&[]);
    check_failure(
        &router,
        &["get", "/missing"],
        1,
        "Error: /missing does not exist, or may not be read\n",
    );
    check_failure(&router, &["sub", "--epsilon", "NaN"], 2, "a number above 0");
    check_failure(&router, &["sub", "--count", "0"], 2, "--count");
    check_failure(&router, &["set", "/a"], 2, "<VALUE>");
    check_failure(
        &router,
        &["set", "/a", "1", "--ttl", "0"],
        2,
        "expected whole seconds from 1, or never",
    );
    check_failure(
        &router,
        &["get", "/a", "--timeout", "0"],
        2,
        "expected seconds above 0",
    );
    check_failure(
        &router,
        &["get", "/a", "-l", "loud"],
        1,
        "Error: log level 'loud' is unknown",
    );
    check_failure(
        &router,
        &["get", "/a", "-s", "localhost"],
        1,
        "Error: cannot dial localhost: expected ws://host:port, wss://",
    );
    check_failure(
        &router,
        &["get", "/a", "-s", ""],
        1,
        "Error: --server or CLASP_SERVER is empty",
    );
    check_failure(&router, &["get", "/a", "-s", "wss://localhost"], 1, "wss");
}

#[test]
fn without_a_router_the_error_says_what_to_do() {
    let ended = run(&["set", "/a", "1", "-s", "ws://127.0.0.1:1"]);
    let cause = "Error: could not connect to ws://127.0.0.1:1: connection refused; is a router running? start one with `clasp server`\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (1, cause));
    let tcp = run(&["get", "/a", "-s", "tcp://127.0.0.1:1"]);
    assert!(
        tcp.stderr.ends_with("`clasp server --protocol tcp`\n"),
        "{tcp:?}"
    );
}

#[test]
fn a_web_server_that_is_no_router_is_told_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the command comes");
        let mut request = [0; 2048];
        let length = stream.read(&mut request).expect("it asks");
        assert!(length > 0);
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>\n</html>\n";
        stream.write_all(page.as_bytes()).expect("it listens");
    });
    let ended = run(&["get", "/a", "-s", &format!("ws://{address}")]);
    server.join().expect("the page was served");
    let cause = format!(
        "Error: could not connect to ws://{address}: the server answered the WebSocket upgrade with HTTP 200: <html>\n"
    );
    assert_eq!((ended.code, ended.stderr), (1, cause));
}

#[test]
fn sub_prints_what_is_known_and_what_happens() {
    let router = Router::start(&[]);
    check(
        &router,
        &["set", "/x/1", "1"],
        "OK Set /x/1 = 1 (revision 1)\n",
    );
    let all = router.subscribe(&["/x/**", "--count", "3"]);
    assert_eq!(all.line(), "/x/1 = 1");
    let params = router.subscribe(&["/x/*", "--json", "--types", "param,stream", "--count", "2"]);
    assert!(params.line().starts_with("{\"address\":\"/x/1\""));
    check(
        &router,
        &["emit", "/x/2/y", "[1]"],
        "OK Emitted /x/2/y = [1]\n",
    );
    check(&router, &["emit", "/y", "1"], "OK Emitted /y = 1\n");
    check(
        &router,
        &["set", "/x/1", "2.5"],
        "OK Set /x/1 = 2.5 (revision 2)\n",
    );
    let ended = all.wait();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "/x/2/y = [1]\n/x/1 = 2.5\n")
    );
    let ended = params.wait();
    let json = "{\"address\":\"/x/1\",\"revision\":2,\"timestamp\":null,\"type\":\"param\",\"value\":2.5}\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (0, json));
}

#[test]
fn sub_ends_when_its_time_is_up() {
    let router = Router::start(&[]);
    let plain = router.run(&["sub", "--timeout", "1"]);
    assert_eq!((plain.code, plain.stdout.as_str()), (0, ""));
    let short = router.run(&["sub", "--timeout", "1", "--count", "2"]);
    assert_eq!(short.code, 1);
    assert!(
        short
            .stderr
            .contains("Error: 0 of 2 updates came within 1 s"),
        "{short:?}"
    );
}

#[test]
fn info_and_completions_need_no_router() {
    let info = run(&["info"]);
    assert_eq!((info.code, info.stderr.as_str()), (0, ""));
    for part in [
        env!("CARGO_PKG_VERSION"),
        "Platform:",
        "Arch:",
        "websocket",
        "clasp server",
    ] {
        assert!(
            info.stdout.contains(part),
            "{part} is missing in {}",
            info.stdout
        );
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(script.stdout.contains("clasp"), "{shell}");
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
    assert_eq!(run(&[]).code, 2);
}

#[test]
fn bench_measures_its_own_router_and_others() {
    let router = Router::start(&[]);
    let own = run(&[
        "bench",
        "all",
        "--seconds",
        "0.2",
        "--subscribers",
        "3",
        "--rate",
        "200",
        "--json",
    ]);
    assert_eq!((own.code, own.stderr.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&own.stdout).expect("one JSON object");
    let results = report["results"].as_array().expect("a list of results");
    let names = results.iter().map(|result| result["scenario"].as_str());
    assert!(
        names.eq(["throughput", "fanout", "latency"].map(Some)),
        "{report}"
    );
    for result in results {
        assert!(result["delivered"].as_u64() > Some(0), "{report}");
        assert_eq!(result["lost"], 0, "{report}");
        assert!(result["latency_us"]["p99"].as_f64() > Some(0.0), "{report}");
    }
    let other = router.run(&["bench", "latency", "--seconds", "0.2", "--rate", "100"]);
    assert_eq!((other.code, other.stderr.as_str()), (0, ""));
    assert_eq!(other.stdout.lines().count(), 2, "{other:?}");
    // A development server limits the rate, which is said and does not stop the flow.
    let limited = router.run(&["bench", "throughput", "--seconds", "1", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&limited.stdout).expect("one JSON object");
    let result = &report["results"][0];
    assert!(
        result["refused"]
            .as_str()
            .is_some_and(|text| text.contains("429")),
        "{report}"
    );
    assert!(
        result["lost"].as_u64() > Some(0) && result["delivered"].as_u64() > Some(500),
        "{report}"
    );
}

#[test]
fn sub_waits_no_longer_for_a_silent_router() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = silent.local_addr().expect("it has an address");
    let url = format!("ws://{address}");
    let ended = run(&["sub", "--server", &url, "--timeout", "0.2"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("within 200ms"), "{}", ended.stderr);
}
