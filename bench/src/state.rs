//! Distinct parameters (MQTT: retained messages; redis: keys), then a late joiner.

use crate::connect::connect_one;
use crate::connection::Connection;
use crate::options::Options;
use crate::output::Line;
use crate::protocol::{Event, Kind, Protocol, Publication};
use crate::system::{self, now, seconds};
use crate::target::Target;
use anyhow::{Result, ensure};
use std::time::Duration;

pub(crate) fn run(target: &Target, options: &Options, line: &mut Line) -> Result<()> {
    let fill = Fill {
        params: options.count("params", 1000)?,
        size: options.count("size", 8)?,
        window: options.count("window", 256)?,
        padding: options.count("pad", 0)?,
    };
    let server_pid = options.count("server-pid", 0)? as i32;
    let before = system::usage(server_pid);
    let start = now();
    // Held on to: the figures below are those of a server with its writer still there.
    let _writer = fill.run(&Target {
        qos: 1,
        ..target.clone()
    })?;
    let set_seconds = seconds(start, now());
    // The last acknowledgement may be ahead of the server's bookkeeping.
    std::thread::sleep(Duration::from_millis(300));
    let after = system::usage(server_pid);
    line.count("params", fill.params)
        .count("size", fill.size)
        .count("address_bytes", 9 + fill.padding)
        .number("sets_per_s", fill.params as f64 / set_seconds)
        .number("rss_before_kb", before.rss_kb as f64)
        .number("rss_after_kb", after.rss_kb as f64)
        .number(
            "rss_bytes_per_param",
            after.rss_bytes_per(&before, fill.params),
        );
    if matches!(
        target.protocol,
        Protocol::Redis | Protocol::Nats | Protocol::Raw
    ) {
        return Ok(());
    }
    join(target, fill.params, server_pid, line)
}

/// How the parameters are set.
struct Fill {
    params: usize,
    size: usize,
    window: usize,
    padding: usize,
}

impl Fill {
    fn run(&self, target: &Target) -> Result<Connection> {
        let mut writer = connect_one(target, 1, &mut |_| {})?;
        let (mut sent, mut acknowledged, mut errors) = (0, 0, 0);
        while acknowledged < self.params {
            while sent < self.params && sent - acknowledged < self.window {
                let address = format!("/s/{sent:0width$}", width = 6 + self.padding);
                let publication = Publication {
                    kind: Kind::Set,
                    address: &address,
                    size: self.size,
                    qos: 1,
                    retain: target.protocol == Protocol::Mqtt,
                };
                let packet_id = (sent % 65535 + 1) as u16;
                target
                    .protocol
                    .template(&publication)
                    .write(writer.out(), sent as f64, packet_id);
                sent += 1;
            }
            writer.flush_all();
            let wanted = acknowledged + 1;
            let went_on = writer.until(
                |event| {
                    match event {
                        Event::Ack { .. } => acknowledged += 1,
                        Event::Error { .. } => errors += 1,
                        _ => {}
                    }
                    acknowledged >= wanted || errors > 0
                },
                20,
            );
            ensure!(
                went_on && errors == 0,
                "set stopped at {acknowledged} of {}, {errors} errors",
                self.params
            );
        }
        Ok(writer)
    }
}

/// What a late joiner has seen up to now.
struct Seen {
    params: Vec<bool>,
    distinct: usize,
    total: usize,
    frames: usize,
    complete_at: Option<u64>,
    pong: bool,
}

impl Seen {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Param { stamp, .. } | Event::Message { stamp } => {
                self.note_param(*stamp as usize)
            }
            Event::Snapshot => self.frames += 1,
            Event::Pong => self.pong = true,
            _ => {}
        }
    }

    fn note_param(&mut self, index: usize) {
        self.total += 1;
        if self.params.get(index) != Some(&false) {
            return;
        }
        self.params[index] = true;
        self.distinct += 1;
        if self.distinct == self.params.len() {
            self.complete_at = Some(now());
        }
    }
}

/// A late joiner, timed from the TCP connect on. First what the greeting alone brings
/// (a relay may send everything unasked), then a subscription.
fn join(target: &Target, params: usize, server_pid: i32, line: &mut Line) -> Result<()> {
    let params = vec![false; params];
    let mut seen = Seen {
        params,
        distinct: 0,
        total: 0,
        frames: 0,
        complete_at: None,
        pong: false,
    };
    let before = system::usage(server_pid);
    let start = now();
    let since_start = |at: u64| (at - start) as f64 / 1e6;
    let mut joiner = connect_one(target, 9, &mut |event| seen.note(event))?;
    line.number("hello_ms", since_start(now()));
    target.protocol.ping(joiner.out());
    joiner.flush();
    joiner.until(
        |event| {
            seen.note(event);
            seen.pong
        },
        60,
    );
    line.count("greeted_params", seen.distinct)
        .number("greeted_ms", since_start(now()))
        .number("greeted_bytes", joiner.bytes_in as f64);
    seen.pong = false;
    target.protocol.subscribe(joiner.out(), 1, "/s/**", 0);
    target.protocol.ping(joiner.out());
    joiner.flush();
    // MQTT brokers may answer the ping before the retained messages are out.
    let all = target.protocol == Protocol::Mqtt;
    joiner.until(
        |event| {
            seen.note(event);
            seen.pong && (!all || seen.distinct >= seen.params.len())
        },
        30,
    );
    let joined_ms = since_start(now());
    let after = system::usage(server_pid);
    line.count("got_params", seen.distinct)
        .count("missing_params", seen.params.len() - seen.distinct)
        .count("received_total", seen.total)
        .count("snapshot_frames", seen.frames)
        .number("bytes_total", joiner.bytes_in as f64)
        .number(
            "complete_ms",
            seen.complete_at.map_or(f64::NAN, since_start),
        )
        .number("joined_ms", joined_ms)
        .number("server_cpu_ms", (after.cpu() - before.cpu()) * 1e3)
        .number("rss_end_kb", after.rss_kb as f64);
    Ok(())
}
