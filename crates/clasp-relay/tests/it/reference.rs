//! docs/relay.md is what `--help` says.

use std::fs;
use std::process::Command;

#[test]
fn the_reference_page_is_what_help_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_clasp-relay"))
        .arg("--help")
        .output();
    let help =
        String::from_utf8(output.expect("the relay can be started").stdout).expect("help is UTF-8");
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let page = format!("{HEAD}\n```text\n{}\n```\n", lines.join("\n").trim_end());
    if std::env::var_os("CLASP_REGENERATE").is_some() {
        fs::write(PAGE, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == page,
        "docs/relay.md does not say what --help says; write it anew with\n    CLASP_REGENERATE=1 cargo test -p clasp-relay --test it reference"
    );
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/relay.md");

const HEAD: &str = "# The relay

Written by a test from `--help`; to change it, change `crates/clasp-relay/src/flags/` and run
`CLASP_REGENERATE=1 cargo test -p clasp-relay --test it reference`.

- Every option can also come from the environment, as `CLASP_` and its name in capitals with `_`, for example CLASP_WS_PORT, and from
  the TOML file of `--config`, for example `ws-port = 8080`. Flags win over the environment, that over the file.
- `--check-config` prints all settings with their origin, in the form of such a file, and what would be opened; or everything that is wrong.
  With `--explain ADDRESS --as USER` it prints instead what the [rules of the application](app-config.md) say about an address.
- `--generate man` prints a man page, `--generate bash` and the names of other shells completions.
- The log goes to stdout, as JSON if LOG_FORMAT is `json`; why the relay does not run goes to stderr in a line that begins with `Error:`.
- SIGINT and SIGTERM end it: sessions are told and have the time of `--drain-timeout`; a second signal ends it at once.
- Exit codes: 0 after a signal; 1 for a failure, such as a port in use or a configuration that cannot run; 2 for wrong usage and for
  options of features that this build does not have.
- Options that the documentation of CLASP promises and this version does not have stop the start with exit code 2:
  MQTT, OSC, rules, federation.
";
