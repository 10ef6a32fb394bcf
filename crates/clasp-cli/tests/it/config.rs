//! The `--config` file.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Router, clasp, run};

/// A file for one test, removed after it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("the file can be written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("the path is UTF-8")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[test]
fn its_values_are_defaults_that_environment_and_flags_win_over() {
    let router = Router::start(&[]);
    let text = format!(
        "[get]\nserver = \"{}\"\njson = true\n\n[set]\nserver = \"ws://127.0.0.1:1\"\n",
        router.url
    );
    let file = File::new("defaults.toml", &text);
    let set = run(&[
        "set",
        "/a",
        "5",
        "--config",
        file.path(),
        "--server",
        &router.url,
    ]);
    assert_eq!(set.code, 0, "{set:?}");
    let by_environment = clasp(&["-c", file.path(), "set", "/a", "6"])
        .env("CLASP_SERVER", &router.url)
        .output()
        .expect("the command can be started");
    assert!(by_environment.status.success(), "{by_environment:?}");
    let get = run(&["-c", file.path(), "get", "/a"]);
    assert!(get.stdout.starts_with("{\"address\":\"/a\""), "{get:?}");
}

#[test]
fn a_command_of_a_command_has_a_table_of_its_own() {
    let text = "[token.list]\nfile = \"from-the-file.json\"\n";
    let file = File::new("nested.toml", text);
    let list = run(&["-c", file.path(), "token", "list"]);
    assert_eq!(list.stdout, "No tokens found in from-the-file.json\n");
}

#[test]
fn what_is_wrong_with_it_is_said() {
    let check = |name: &str, text: &str, expected: &str| {
        let file = File::new(name, text);
        let ended = run(&["-c", file.path(), "info"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{text}");
        assert!(ended.stderr.contains(expected), "{ended:?}");
    };
    check(
        "table.toml",
        "[serve]\nport = 1\n",
        "[serve]: there is no such command",
    );
    check(
        "nested-table.toml",
        "[token.crate]\nscopes = \"read:/a\"\n",
        "[token.crate]: there is no such command",
    );
    check(
        "nested-key.toml",
        "[token.cap.create]\nscope = \"read:/a\"\n",
        "[token.cap.create] scope: expected one of ",
    );
    check(
        "key.toml",
        "[server]\nprot = 1\n",
        "[server] prot: expected one of protocol, bind, port",
    );
    check(
        "value.toml",
        "[server]\nport = 2026-01-01\n",
        "[server] port: expected text, a number",
    );
    check("toml.toml", "[server\n", "is not TOML");
    let file = File::new("late.toml", "[get]\ntimeout = \"soon\"\n");
    let late = run(&["-c", file.path(), "get", "/a"]);
    let cause = format!(
        "Error: {}: [get] timeout: invalid value 'soon' for '--timeout <SECONDS>'",
        file.path()
    );
    assert!(
        late.code == 1 && late.stderr.starts_with(&cause),
        "{late:?}"
    );
    let missing = run(&["-c", "/does/not/exist.toml", "info"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing
            .stderr
            .starts_with("Error: cannot read /does/not/exist.toml"),
        "{missing:?}"
    );
}
