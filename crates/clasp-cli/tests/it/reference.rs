//! docs/cli.md is what `--help` says.

use std::fs;

use crate::harness::run;

#[test]
fn the_reference_page_is_what_help_says() {
    let page = page();
    if std::env::var_os("CLASP_REGENERATE").is_some() {
        fs::write(PAGE, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == page,
        "docs/cli.md does not say what --help says; write it anew with\n    CLASP_REGENERATE=1 cargo test -p clasp-cli --test it reference"
    );
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    describe(&[], &mut page);
    page
}

/// A section for this command, and for each that it has.
fn describe(command: &[&str], page: &mut String) {
    page.push_str(&section(command));
    for name in commands(command) {
        describe(&[command, &[name.as_str()]].concat(), page);
    }
}

fn section(command: &[&str]) -> String {
    let help = help(command);
    let title = [&["clasp"], command].concat().join(" ");
    format!("\n## {title}\n\n```text\n{}\n```\n", help.trim_end())
}

fn help(command: &[&str]) -> String {
    let ended = run(&[command, &["--help"]].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let lines = ended.stdout.lines().map(str::trim_end);
    lines.collect::<Vec<_>>().join("\n")
}

/// The names below "Commands:".
fn commands(command: &[&str]) -> Vec<String> {
    let help = help(command);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed.map_while(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

const HEAD: &str = "# The `clasp` command

Written by a test from `--help`; to change it, change `crates/clasp-cli/src/args.rs` or a file in `args/`, and run
`CLASP_REGENERATE=1 cargo test -p clasp-cli --test it reference`.

- Results go to stdout, everything else to stderr. Colours are for terminals only, and NO_COLOR turns them off.
- Exit codes: 0 for success and for Ctrl+C in commands that run until interrupted, 1 for a failure, which stderr tells in a line
  that begins with `Error:`, 2 for wrong usage.
- A value on the command line is JSON if it can be read as JSON, else text: `0.75`, `1`, `true`, `null`, `{\"x\": 1}`, `on`.
- Flags win over the environment (CLASP_SERVER, CLASP_TOKEN), that over the file of `--config`, that over the defaults.
  The file is TOML with one table for each command, `[token.create]` for a command of a command, and keys as its flags:

```toml
log-level = \"warn\"

[server]
port = 8080

[sub]
server = \"ws://stage.local:7330\"
json = true
```
";
