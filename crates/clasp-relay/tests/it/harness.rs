//! A relay as a process of its own, for tests.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use clasp_transport::DialOptions;
use clasp_transport::http::{self, Method};

/// The relay, in an environment without settings of the user's.
pub(crate) fn command(arguments: &[&str]) -> Command {
    // Figures are those of a release build, which this test is not.
    let relay = std::env::var_os("RELAY");
    let relay = relay.unwrap_or_else(|| env!("CARGO_BIN_EXE_clasp-relay").into());
    let mut command = Command::new(relay);
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("CLASP_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").env_remove("LOG_FORMAT");
    command.args(arguments);
    command
}

/// Runs it to its end, which comes by itself; gives its exit code, stdout and stderr.
pub(crate) fn run(mut command: Command) -> (i32, String, String) {
    let output: Output = command.output().expect("the relay can be started");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    let code = output.status.code().expect("not ended by a signal");
    (code, text(output.stdout), text(output.stderr))
}

/// A relay that is ready, and is killed with the test.
pub(crate) struct Relay {
    child: Child,
    /// What it logged until it was ready.
    pub(crate) lines: Vec<String>,
    later: Receiver<String>,
    seen: RefCell<Vec<String>>,
}

impl Relay {
    /// On loopback and with nothing that a test did not ask for.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_command(command(&[QUIET, arguments].concat()))
    }

    /// Likewise, where it may as well refuse: then its exit code and stderr.
    pub(crate) fn try_start(arguments: &[&str]) -> Result<Self, (Option<i32>, String)> {
        let mut command = command(&[QUIET, arguments].concat());
        let mut relay = Self::spawn(command.stderr(Stdio::piped()));
        if relay.is_serving() {
            return Ok(relay);
        }
        let mut stderr = String::new();
        let pipe = relay.child.stderr.as_mut().expect("stderr is a pipe");
        pipe.read_to_string(&mut stderr).expect("output is UTF-8");
        Err((relay.child.wait().expect("it ends").code(), stderr))
    }

    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut relay = Self::spawn(&mut command);
        assert!(relay.is_serving(), "{:#?}", relay.lines);
        relay
    }

    fn spawn(command: &mut Command) -> Self {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the relay can be started");
        let later = lines_of(child.stdout.take().expect("stdout is a pipe"));
        Self {
            child,
            lines: Vec::new(),
            later,
            seen: RefCell::default(),
        }
    }

    /// Waits for its last line of the start; false if it ends before.
    fn is_serving(&mut self) -> bool {
        while !self.says("accepting connections") {
            match self.later.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.borrow_mut().push(line.clone());
                    self.lines.push(line);
                }
                Err(error) => {
                    let is_over = error == RecvTimeoutError::Disconnected;
                    assert!(is_over, "another line within the deadline");
                    return false;
                }
            }
        }
        true
    }

    /// True if a line of its start has this in it.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.lines.iter().any(|line| line.contains(words))
    }

    /// The next line that it logs.
    pub(crate) fn line(&self) -> String {
        let line = self.later.recv_timeout(PATIENCE);
        let line = line.expect("another line within the deadline");
        self.seen.borrow_mut().push(line.clone());
        line
    }

    /// The next line with this in it.
    pub(crate) fn line_with(&self, words: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(words) {
                return line;
            }
        }
    }

    /// All lines that were looked at, from the first.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.borrow().clone()
    }

    /// Where clients of a protocol connect, which is in the line that begins with it.
    pub(crate) fn url_of(&self, protocol: &str) -> String {
        let mut lines = self.lines.iter();
        let address = lines.find_map(|line| Some(line.split_once(protocol)?.1));
        let address = address.expect("a line says where that is spoken");
        match address.contains("://") {
            true => address.to_owned(),
            false => format!("quic://{address}"),
        }
    }

    /// The port in that line.
    pub(crate) fn port_of(&self, protocol: &str) -> u16 {
        let url = self.url_of(protocol);
        let (_, port) = url.rsplit_once(':').expect("a url has a port");
        let port = port.split('/').next().unwrap_or(port);
        port.parse().expect("a number behind the colon")
    }

    /// Where clients connect.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port())
    }

    /// The port in the first line that says where it listens, as kits look for it.
    pub(crate) fn port(&self) -> u16 {
        let mut lines = self.lines.iter();
        let address = lines.find_map(|line| line.split_once("listening on "));
        let (_, address) = address.expect("a line says where it listens");
        // In JSON more follows.
        let address = address.split('"').next().unwrap_or(address);
        let (_, port) = address.rsplit_once(':').expect("an address has a port");
        port.parse().expect("an address ends with the port")
    }

    /// Asks for a path of the port in that line, or posts JSON to it; gives the status and the body.
    pub(crate) async fn ask(&self, line: &str, path: &str, json: Option<&str>) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port_of(line));
        let asked = http::Request {
            method: json.map_or(Method::GET, |_| Method::POST),
            url: &url,
            bearer: None,
            json: json.map(|json| json.as_bytes().to_vec()),
        };
        let answer = http::request(asked, &DialOptions::default()).await;
        let answer = answer.expect("the port answers");
        let body = String::from_utf8(answer.body).expect("an answer is text");
        (answer.status.as_u16(), body)
    }

    /// What it counts, or how something is.
    pub(crate) async fn metric(&self, name: &str) -> String {
        let (_, metrics) = self.ask(METRICS, "/metrics", None).await;
        let mut lines = metrics.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find_map(|(found, value)| (found == name).then_some(value));
        found.expect("there is such a metric").to_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("kill can be started").success());
    }

    /// Says what a failed test should know: whether it has ended before, and what it logged.
    #[expect(clippy::print_stderr, reason = "there is nobody else to tell")]
    fn tell(&mut self) {
        let ended = self.child.try_wait();
        eprintln!("relay {} has ended: {ended:?}", self.child.id());
        let seen = std::mem::take(&mut *self.seen.borrow_mut());
        for line in seen.into_iter().chain(self.later.try_iter()) {
            eprintln!("  {line}");
        }
    }

    /// Sends a signal and waits for the end; gives the exit code.
    pub(crate) fn end(mut self, signal: &str) -> Option<i32> {
        match signal {
            // At once: a program that sends it comes milliseconds later.
            "KILL" => self.child.kill().expect("it is ours"),
            _ => self.signal(signal),
        }
        self.child.wait().expect("the relay ends").code()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if thread::panicking() {
            self.tell();
        }
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
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

/// Any port, on loopback, and nothing on the network.
pub(crate) const QUIET: &[&str] = &[
    "--ws-port=0",
    "--host=127.0.0.1",
    "--rendezvous-port=0",
    "--broadcast-port=0",
    "--no-mdns",
];

/// What stands before the address of an HTTP port.
pub(crate) const AUTH: &str = "Auth server listening on ";
pub(crate) const HEALTH: &str = "Health: ";
pub(crate) const METRICS: &str = "Metrics: ";

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
