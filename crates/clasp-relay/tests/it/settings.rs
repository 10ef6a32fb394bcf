//! Settings from flags, environment and file: who wins, and that everything wrong is told at once.

use std::fs;
use std::path::PathBuf;

use crate::harness::{QUIET, Relay, command, run};

/// A file for one test.
fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the file can be written");
    path.into_os_string()
        .into_string()
        .expect("the path is UTF-8")
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let text = "name = \"by file\"\nmax_sessions = 7\ndrain-timeout = 0.5\nno-ttl = true\n";
    let path = file("order.toml", text);
    let mut checked = command(&["--config", &path, "--check-config", "--max-sessions", "9"]);
    checked.env("CLASP_NAME", "by environment");
    checked.env("CLASP_NO_MDNS", "yes");
    let (code, stdout, stderr) = run(checked);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for (setting, source) in [
        ("name = \"by environment\"", "CLASP_NAME"),
        ("max-sessions = 9", "command line"),
        ("drain-timeout = \"0.5\"", path.as_str()),
        ("no-ttl = true", path.as_str()),
        ("no-mdns = true", "CLASP_NO_MDNS"),
        ("session-timeout = 300", "default"),
    ] {
        let line = stdout.lines().find(|line| line.starts_with(setting));
        let line = line.unwrap_or_else(|| panic!("{setting} is not in {stdout}"));
        assert!(line.ends_with(&format!("# {source}")), "{line}");
    }
    assert!(stdout.contains("WebSocket: ws://0.0.0.0:7330"), "{stdout}");
}

#[test]
fn what_check_config_prints_is_a_configuration() {
    let arguments = [QUIET, &["--check-config", "--allow-origin", "https://a.b"]].concat();
    let (_, printed, _) = run(command(&arguments));
    let path = file("printed.toml", &printed);
    let (code, again, stderr) = run(command(&["--config", &path, "--check-config"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let settings = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let settings = lines.map(|line| line.split('#').next().unwrap_or(line).trim().to_owned());
        settings.collect::<Vec<_>>()
    };
    assert_eq!(settings(&again), settings(&printed));
    let relay = Relay::start_command(command(&["--config", &path]));
    assert_eq!(relay.end("TERM"), Some(0));
}

#[test]
fn every_problem_of_a_source_is_told_at_once() {
    let path = file("wrong.toml", "max-session = 1\nws-port = 70000\n");
    let (code, _, stderr) = run(command(&["--config", &path]));
    assert_eq!(code, 1, "{stderr}");
    let unknown = format!("{path}: max-session: expected one of ws-port, host");
    assert!(stderr.contains(&unknown), "{stderr}");
    let refused = format!("{path}: ws-port: invalid value '70000' for '--ws-port");
    assert!(stderr.contains(&refused), "{stderr}");

    let mut wrong = command(&[]);
    wrong.env("CLASP_WS_PORT", "many");
    wrong.env("CLASP_NO_TTL", "perhaps");
    let (code, _, stderr) = run(wrong);
    assert_eq!(code, 2, "{stderr}");
    for variable in ["CLASP_WS_PORT: invalid value 'many'", "CLASP_NO_TTL: "] {
        assert!(stderr.contains(variable), "{stderr}");
    }

    let arguments = ["--check-config", "--name", "", "--persist-interval", "0"];
    let (code, _, stderr) = run(command(&arguments));
    assert_eq!(code, 1, "{stderr}");
    for flag in ["--name: expected", "--persist-interval: expected"] {
        assert!(stderr.contains(flag), "{stderr}");
    }
    let (code, _, stderr) = run(command(&["--config", "/does/not/exist.toml"]));
    assert!(
        code == 1 && stderr.starts_with("Error: cannot read /does/not/exist.toml"),
        "{stderr}"
    );
}

#[test]
fn man_page_and_completions_name_every_option() {
    for kind in ["man", "bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, stdout, stderr) = run(command(&["--generate", kind]));
        assert_eq!((code, stderr.as_str()), (0, ""), "{kind}");
        let plain = stdout.replace('\\', "");
        assert!(plain.contains("max-connections-per-ip"), "{kind}: {stdout}");
    }
}
