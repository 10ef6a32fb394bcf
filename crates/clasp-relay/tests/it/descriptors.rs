//! The relay gets as many files as the system allows.

use std::fs;

use crate::harness::{QUIET, Relay, command};

#[test]
fn it_raises_its_limit_of_open_files_to_the_hard_one() {
    let program = command(QUIET).get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -S -n 64; exec \"$0\" \"$@\""]);
    limited
        .arg(program)
        .args(QUIET)
        .args(["--max-sessions=5000"]);
    let relay = Relay::start_command(limited);
    let limits = fs::read_to_string(format!("/proc/{}/limits", relay.pid()));
    let limits = limits.expect("Linux tells the limits of a process");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words: Vec<&str> = files.expect("a line").split_whitespace().collect();
    let (soft, hard) = (words[3], words[4]);
    assert_eq!(soft, hard, "{words:?}");
}

#[test]
fn it_says_when_that_is_too_few() {
    let program = command(QUIET).get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]);
    limited
        .arg(program)
        .args(QUIET)
        .args(["--max-sessions=5000"]);
    let relay = Relay::start_command(limited);
    assert!(
        relay.says("too few open files for --max-sessions"),
        "{:#?}",
        relay.lines
    );
}
