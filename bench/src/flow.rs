//! The one engine behind throughput, fanout, latency, patterns, set-ack, kill and slow:
//! publishers and subscribers in one epoll loop on one thread.

mod measure;
mod publisher;
mod report;
mod tally;

use crate::connect::{Group, connect_many, subscribe_all};
use crate::connection::{Connection, READ_BYTES};
use crate::output::Line;
use crate::poll::Poll;
use crate::protocol::{Kind, Protocol};
use crate::system::{self, now, seconds};
use crate::target::Target;
use anyhow::{Result, ensure};
use publisher::Publisher;
use tally::Tally;

/// What is asked of the engine.
pub(crate) struct Load {
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    pub(crate) kind: Kind,
    pub(crate) size: usize,
    /// Messages in flight, all publishers together; 0 = flood, only TCP holds the publishers back.
    pub(crate) window: usize,
    /// Offered messages per second, all publishers together; 0 = closed loop.
    pub(crate) rate: f64,
    pub(crate) seconds: f64,
    pub(crate) warm_seconds: f64,
    /// Publisher i talks to subscriber i only.
    pub(crate) pair: bool,
    /// Additional subscribers that never read.
    pub(crate) stuck: usize,
    /// Subscriptions that match nothing, spread over sessions.
    pub(crate) preload: usize,
    pub(crate) preload_per_session: usize,
    pub(crate) preload_form: String,
    /// Count acknowledgements instead of deliveries.
    pub(crate) acknowledged: bool,
    /// Distinct addresses per publisher; 0 = with `kill_after`, a new one each time.
    pub(crate) addresses: usize,
    pub(crate) server_pid: i32,
    /// Kill the server after this many seconds and write down what was acknowledged.
    pub(crate) kill_after: Option<f64>,
    pub(crate) state_file: String,
}

impl Load {
    /// Deliveries, or acknowledgements, that one publication brings.
    fn fan(&self) -> u64 {
        if self.acknowledged || self.pair {
            1
        } else {
            self.subscribers as u64
        }
    }

    fn is_flood(&self) -> bool {
        self.window == 0 && self.rate == 0.0
    }
}

/// Runs one load and reports it.
pub(crate) fn run(target: &Target, load: &Load, line: &mut Line) -> Result<()> {
    ensure!(
        !load.pair || load.publishers == load.subscribers,
        "--pair needs as many publishers as subscribers"
    );
    let preload = Preload::open(target, load)?;
    let mut engine = Engine::open(target, load)?;
    let measured = engine.measure()?;
    if load.kill_after.is_none() {
        engine.drain();
    }
    report::write(&engine, target, &measured, line);
    preload.report(load, line);
    if load.kill_after.is_some() {
        report::write_acknowledged(&engine, line)?;
    }
    Ok(())
}

/// Everything that runs while it is measured.
struct Engine<'a> {
    load: &'a Load,
    /// Publishers first, then subscribers.
    connections: Vec<Connection>,
    /// Sockets that wait until they can be written again.
    blocked: Vec<bool>,
    publishers: Vec<Publisher>,
    /// Subscribers that never read; open as long as the engine.
    _stuck: Vec<Connection>,
    poll: Poll,
    scratch: Vec<u8>,
    tally: Tally,
}

impl<'a> Engine<'a> {
    fn open(target: &Target, load: &'a Load) -> Result<Self> {
        let mut connections = connect_many(
            target,
            Group {
                count: load.publishers,
                batch: 50,
                salt: 2,
            },
        )?;
        if target.protocol == Protocol::Raw {
            for publisher in &mut connections {
                publisher.out().push(b'P');
                publisher.flush();
            }
        }
        let subscribers = Group {
            count: load.subscribers,
            batch: 100,
            salt: 3,
        };
        for (index, mut subscriber) in connect_many(target, subscribers)?.into_iter().enumerate() {
            let pattern = if load.pair {
                format!("{ROOT}/{index}/**")
            } else {
                format!("{ROOT}/**")
            };
            subscribe_all(target, &mut subscriber, &[pattern])?;
            connections.push(subscriber);
        }
        let mut stuck = connect_many(
            target,
            Group {
                count: load.stuck,
                batch: 50,
                salt: 4,
            },
        )?;
        for subscriber in &mut stuck {
            subscriber.shrink_receive_buffer()?;
            subscribe_all(target, subscriber, &[format!("{ROOT}/**")])?;
        }
        let poll = Poll::new(connections.len().clamp(64, 4096))?;
        for (token, connection) in connections.iter().enumerate() {
            poll.add(&connection.socket, token)?;
        }
        Ok(Self {
            load,
            blocked: vec![false; connections.len()],
            connections,
            publishers: (0..load.publishers)
                .map(|index| Publisher::new(target, load, index))
                .collect(),
            _stuck: stuck,
            poll,
            scratch: vec![0; READ_BYTES],
            tally: Tally::new(now()),
        })
    }

    /// What is still under way when the measured time is over, up to 0.3 s of silence.
    fn drain(&mut self) {
        let stop = now() + 8_000_000_000;
        let mut last = now();
        let expected = self.tally.sent * self.load.fan();
        while now() < stop && now() - last < 300_000_000 && self.tally.received < expected {
            for publisher in &mut self.connections[..self.load.publishers] {
                if publisher.unsent_bytes() > 0 {
                    publisher.flush();
                }
            }
            for index in 0..self.poll.wait(20_000_000) {
                let token = self.poll.ready(index).token;
                let before = self.tally.received;
                let tally = &mut self.tally;
                self.connections[token].read(&mut self.scratch, &mut |event| tally.count(event));
                if self.tally.received > before {
                    last = now();
                }
            }
        }
    }
}

/// Background subscriptions that match nothing, and what they cost.
struct Preload {
    /// Open as long as the load runs.
    _sessions: Vec<Connection>,
    seconds: f64,
    before: system::Usage,
    after: system::Usage,
}

impl Preload {
    fn open(target: &Target, load: &Load) -> Result<Self> {
        let before = system::usage(load.server_pid);
        let start = now();
        let count = load.preload.div_ceil(load.preload_per_session);
        let mut sessions = connect_many(
            target,
            Group {
                count,
                batch: 50,
                salt: 1,
            },
        )?;
        let mut first = 0;
        for session in &mut sessions {
            let end = load.preload.min(first + load.preload_per_session);
            let patterns: Vec<String> = (first..end)
                .map(|index| load.preload_form.replace("{}", &index.to_string()))
                .collect();
            subscribe_all(target, session, &patterns)?;
            first = end;
        }
        let after = system::usage(load.server_pid);
        Ok(Self {
            _sessions: sessions,
            seconds: seconds(start, now()),
            before,
            after,
        })
    }

    fn report(&self, load: &Load, line: &mut Line) {
        if load.preload > 0 {
            line.count("preload", load.preload)
                .text("preload_form", &load.preload_form)
                .number("preload_secs", self.seconds)
                .number(
                    "preload_rss_kb",
                    self.after.rss_kb as f64 - self.before.rss_kb as f64,
                )
                .number(
                    "bytes_per_sub",
                    self.after.rss_bytes_per(&self.before, load.preload),
                );
        }
        if load.stuck > 0 {
            line.count("stuck", load.stuck);
        }
    }
}

/// What all addresses of the load start with.
pub(crate) const ROOT: &str = "/b/t";
/// What addresses that are used once start with.
pub(crate) const UNIQUE_ROOT: &str = "/j";
