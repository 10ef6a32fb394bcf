//! `cargo xtask readme`: runs the examples of README.md against a router, as a reader would.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::output;

/// True if every example printed the value that it sets.
///
/// The examples in JavaScript and Python use the clients that `tests/published/run` has installed, and are left out
/// before it has run. The one in Rust is compiled with the documentation of clasp-client.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let text = fs::read_to_string(root.join("README.md")).context("cannot read README.md")?;
    let program = program(root);
    ensure!(
        program.is_file(),
        "no router at {}: cargo build -p clasp-cli",
        program.display()
    );
    let router = Router::start(&program)?;
    let mut passed = true;
    for language in languages(root) {
        let example = block(&text, language.fence)
            .with_context(|| format!("README.md has no example in {}", language.fence))?;
        let found = language.command(&router, &example)?;
        let works = found.matches(VALUE).count() >= language.times;
        output::say(&format!(
            "README.md, {}: {}",
            language.fence,
            if works { "works" } else { "FAILED" }
        ));
        if !works {
            output::complain(&format!("expected {VALUE} in the output, found:\n{found}"));
        }
        passed &= works;
    }
    Ok(passed)
}

/// Where cargo puts the `clasp` program.
pub(crate) fn program(root: &Path) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("debug/clasp")
}

/// The text of the first fenced block in that language.
fn block(text: &str, fence: &str) -> Option<String> {
    let (_, after) = text.split_once(&format!("```{fence}\n"))?;
    let (block, _) = after.split_once("```")?;
    Some(block.to_owned())
}

/// How an example in one language is run.
struct Language {
    fence: &'static str,
    command: Vec<String>,
    folder: PathBuf,
    /// How often the value has to be printed.
    times: usize,
    /// Around the example, where it is typed into a prompt otherwise.
    frame: fn(&str) -> String,
}

fn languages(root: &Path) -> Vec<Language> {
    let published = root.join("tests/published");
    let python = published.join(".venv/bin/python");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let mut languages = vec![Language {
        fence: "sh",
        command: words(&["bash", "-euc"]),
        folder: root.to_owned(),
        times: 3,
        frame: |example| format!("{example}wait\n"),
    }];
    if published.join("js/node_modules").is_dir() {
        languages.push(Language {
            fence: "js",
            command: words(&[
                "node",
                "--experimental-websocket",
                "--no-warnings",
                "--input-type=module",
                "-e",
            ]),
            folder: published.join("js"),
            times: 1,
            frame: str::to_owned,
        });
    }
    if python.is_file() {
        languages.push(Language {
            fence: "python",
            command: words(&[&python.display().to_string(), "-c"]),
            folder: root.to_owned(),
            times: 1,
            frame: |example| {
                let body = example.replace('\n', "\n    ");
                format!("import asyncio\n\nasync def main():\n    {body}await asyncio.sleep(60)\n\nasyncio.run(main())\n")
            },
        });
    }
    languages
}

impl Language {
    /// What the example prints until the value is there, or until it ends, or until the deadline.
    fn command(&self, router: &Router, example: &str) -> anyhow::Result<String> {
        let example = (self.frame)(&example.replace("ws://localhost:7330", &router.url));
        let mut child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .arg(example)
            .current_dir(&self.folder)
            .env("PATH", router.path()?)
            .env("PYTHONUNBUFFERED", "1")
            .env("CLASP_SERVER", &router.url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.command[0]))?;
        let found = read_until(&mut child, VALUE, self.times)?;
        // It may have ended by itself; then there is nothing to kill.
        let _ = child.kill();
        child.wait()?;
        Ok(found)
    }
}

/// Reads on another thread, since a pipe has no deadline of its own.
fn read_until(child: &mut Child, wanted: &str, times: usize) -> anyhow::Result<String> {
    let mut pipe = child
        .stdout
        .take()
        .context("the output of a child is piped")?;
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            // Goes on after the last reader, since a full or closed pipe would end the program.
            let _ = sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    });
    let deadline = Instant::now() + DEADLINE;
    let mut found = String::new();
    while found.matches(wanted).count() < times {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(text) = receiver.recv_timeout(left) else {
            break;
        };
        found.push_str(&text);
    }
    Ok(found)
}

/// A router of our own on a free port, stopped when this goes.
struct Router {
    child: Child,
    url: String,
    folder: PathBuf,
}

impl Router {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .args(["server", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let folder = program
            .parent()
            .context("a program lies in a folder")?
            .to_owned();
        let mut router = Self {
            child,
            url: format!("ws://localhost:{port}"),
            folder,
        };
        let found = read_until(&mut router.child, &router.url.clone(), 1)?;
        ensure!(
            found.contains(&router.url),
            "the router did not say that it listens on {}: {found}",
            router.url
        );
        Ok(router)
    }

    /// Our program first, as after `cargo install`.
    fn path(&self) -> anyhow::Result<std::ffi::OsString> {
        let inherited = std::env::var_os("PATH").context("there is a PATH")?;
        let folders = std::iter::once(self.folder.clone()).chain(std::env::split_paths(&inherited));
        Ok(std::env::join_paths(folders)?)
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // A router that is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const VALUE: &str = "0.8";
const DEADLINE: Duration = Duration::from_secs(10);
