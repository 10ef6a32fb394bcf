//! Rules of an application: found, refused with every problem, and explained.

use std::fs;
use std::path::Path;

use crate::harness::{QUIET, Relay, command, run};

const RULES: &str = r#"{
    "version": 1,
    "write_rules": [{"path": "/room/{room}", "checks": [{"type": "segment_equals_session", "segment": "room"}]}]
}"#;

fn file(folder: &Path, name: &str, text: &str) -> String {
    fs::create_dir_all(folder).expect("the folder can be made");
    let path = folder.join(name);
    fs::write(&path, text).expect("the file can be written");
    path.display().to_string()
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("app-config")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

#[test]
fn every_problem_of_the_rules_stops_the_start() {
    let text = r#"{"scopes": ["see:/a"], "write_rules": [{"path": "room"}]}"#;
    let path = file(&folder("wrong"), "rules.json", text);
    for arguments in [
        &["--app-config", &path][..],
        &["--app-config", &path, "--check-config"],
    ] {
        let (code, _, stderr) = run(command(&[QUIET, arguments].concat()));
        assert_eq!(code, 1, "{stderr}");
        for problem in [
            "scopes[0]: the action of a scope is",
            "write_rules[0].path: expected a path that begins with /, found \"room\"",
            "write_rules[0].checks: expected an array of checks, found nothing",
        ] {
            let line = format!("--app-config {path}: {problem}");
            assert!(stderr.contains(&line), "{line} is not in {stderr}");
        }
    }
    let (code, _, stderr) = run(command(&["--app-config", "/does/not/exist.json"]));
    let expected = "Error: --app-config /does/not/exist.json: entity not found";
    assert!(code == 1 && stderr.starts_with(expected), "{stderr}");
}

#[test]
fn the_log_says_which_rules_there_are_and_who_chose_them() {
    let named = folder("named");
    let path = file(&named, "rules.json", RULES);
    let relay = Relay::start(&["--app-config", &path]);
    assert!(relay.says(&format!("Rules of the application: {path}")));
    assert!(!relay.says("found as the only"));
    assert!(relay.says("version: is no member that the relay knows"));
    assert_eq!(relay.end("TERM"), Some(0));
    if has_rules_of_its_own() {
        return;
    }
    let found = folder("found");
    file(&found.join("config"), "rules.json", "{}");
    let mut command = command(QUIET);
    command.current_dir(&found);
    let relay = Relay::start_command(command);
    assert!(relay.says("Rules of the application: config/rules.json, found as the only *.json"));
    assert_eq!(relay.end("TERM"), Some(0));
}

/// This machine runs a relay: what the tests would find is not theirs.
fn has_rules_of_its_own() -> bool {
    Path::new("/etc/clasp").exists()
}

#[test]
fn the_rules_are_explained_for_an_address_and_a_user() {
    let path = file(&folder("explained"), "rules.json", RULES);
    let explain = |more: &[&str]| {
        let arguments = [QUIET, &["--app-config", &path, "--check-config"], more].concat();
        run(command(&arguments))
    };
    let (code, stdout, stderr) = explain(&["--explain", "/room/ann", "--as", "bob"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for line in [
        format!("Rules of the application: {path}"),
        "address: /room/ann".to_owned(),
        "user: bob".to_owned(),
        "write: write_rules[0], path /room/{room}".to_owned(),
        "    - segment_equals_session: {room} has to be bob: refused with \"Path segment 'room' is 'ann', \
         does not match session identity 'bob'\""
            .to_owned(),
    ] {
        assert!(stdout.lines().any(|found| found == line), "{line} is not in {stdout}");
    }
    let (code, stdout, _) = explain(&["--explain", "/room/ann"]);
    assert!(code == 0 && stdout.contains("user: nobody"), "{stdout}");
    let (code, _, stderr) = explain(&["--explain", "room"]);
    assert_eq!(
        (code, stderr.as_str()),
        (
            1,
            "Error: --explain room: an address starts with '/', found 'r' first\n"
        )
    );
    let (code, stdout, _) = explain(&[]);
    assert!(
        code == 0 && stdout.contains(&format!("# Rules of the application: {path}")),
        "{stdout}"
    );
}

#[test]
fn an_explanation_needs_a_check() {
    for (arguments, missing) in [
        (&["--explain", "/a"][..], "--check-config"),
        (&["--check-config", "--as", "ann"], "--explain <ADDRESS>"),
    ] {
        let (code, _, stderr) = run(command(arguments));
        assert_eq!(code, 2, "{stderr}");
        assert!(
            stderr.contains("the following required arguments were not provided"),
            "{stderr}"
        );
        assert!(stderr.contains(missing), "{stderr}");
    }
}
