//! Running `clasp`, and a `clasp server` to talk to.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What a command printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            code: output.status.code().expect("not ended by a signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The command, in an environment without settings of the user's.
pub(crate) fn clasp(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clasp"));
    for name in [
        "CLASP_ADMIN_TOKEN",
        "CLASP_CA",
        "CLASP_METRICS",
        "CLASP_RELAY_URL",
        "CLASP_SERVER",
        "CLASP_TOKEN",
        "RUST_LOG",
        "NO_COLOR",
    ] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    let output = clasp(arguments).output();
    output.expect("the command can be started").into()
}

/// A process that is ended with the test, and the lines it prints.
pub(crate) struct Running {
    child: Child,
    /// Lines on stdout.
    lines: mpsc::Receiver<String>,
    /// Lines on stderr.
    told: mpsc::Receiver<String>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = clasp(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command can be started");
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        Self {
            child,
            lines: lines(stdout),
            told: lines(stderr),
        }
    }

    /// The next line on stdout.
    pub(crate) fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.expect("a line within the deadline")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end; the lines that were not read yet are its output.
    pub(crate) fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = wait_for(deadline, || {
            self.child.try_wait().expect("the child can be waited for")
        });
        Ended {
            code: status.code().expect("not ended by a signal"),
            stdout: self.lines.iter().map(|line| line + "\n").collect(),
            stderr: self.told.iter().map(|line| line + "\n").collect(),
        }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("kill can be started").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A `clasp server`.
pub(crate) struct Router {
    process: Running,
    pub(crate) url: String,
}

impl Router {
    /// On a free port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut all = vec!["server", "--bind", "127.0.0.1"];
        if !arguments.contains(&"--port") {
            all.extend(["--port", "0"]);
        }
        all.extend(arguments);
        let process = Running::start(&all);
        let line = process.line();
        let url = line.strip_prefix("Router listening on ");
        let url = url
            .expect("the first line says where the router listens")
            .to_owned();
        Self { process, url }
    }

    pub(crate) fn port(&self) -> &str {
        let (_, port) = self.url.rsplit_once(':').expect("the url has a port");
        port
    }

    /// Runs a command against this router.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = clasp(arguments).env("CLASP_SERVER", &self.url).output();
        output.expect("the command can be started").into()
    }

    /// Runs a command with text on its stdin.
    pub(crate) fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> Ended {
        let mut command = clasp(arguments);
        command.env("CLASP_SERVER", &self.url).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command can be started");
        let mut pipe = child.stdin.take().expect("stdin is a pipe");
        pipe.write_all(stdin.as_bytes())
            .expect("the command reads stdin");
        drop(pipe);
        child.wait_with_output().expect("the command ends").into()
    }

    /// Starts `clasp sub` and waits until it is subscribed.
    pub(crate) fn subscribe(&self, arguments: &[&str]) -> Running {
        let all = [&["sub", "--server", &self.url], arguments].concat();
        let running = Running::start(&all);
        let told = running.told.recv_timeout(PATIENCE);
        let told = told.expect("a line on stderr within the deadline");
        assert!(told.starts_with("Subscribed to "), "{told}");
        running
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    pub(crate) fn wait(self) -> Ended {
        self.process.wait()
    }
}

/// Tries until there is something, or fails at the deadline.
pub(crate) fn wait_for<T>(deadline: Instant, mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "the deadline has passed");
        thread::park_timeout(Duration::from_millis(10));
    }
}

fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
