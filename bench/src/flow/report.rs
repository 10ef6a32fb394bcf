//! The figures of a load, by the names that `summarize.py` knows.

use super::Engine;
use super::measure::Measured;
use crate::output::Line;
use crate::protocol::Kind;
use crate::system;
use crate::target::Target;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;

pub(super) fn write(engine: &Engine<'_>, target: &Target, measured: &Measured, line: &mut Line) {
    write_load(engine, target, line);
    write_flow(engine, measured, line);
    write_latency(engine, line);
    write_server(engine, measured, line);
    if !engine.tally.last_error.is_empty() {
        line.text("last_error", &engine.tally.last_error);
    }
}

/// Writes the acknowledged values to the state file that `verify` reads.
pub(super) fn write_acknowledged(engine: &Engine<'_>, line: &mut Line) -> Result<()> {
    let tally = &engine.tally;
    line.count("acked_addresses", tally.acknowledged.len())
        .number("acked", tally.acks as f64);
    let mut text = String::new();
    for (address, value) in &tally.acknowledged {
        writeln!(text, "{address} {value}")?;
    }
    let path = &engine.load.state_file;
    std::fs::write(path, text).with_context(|| format!("--state-file {path}"))
}

fn write_load(engine: &Engine<'_>, target: &Target, line: &mut Line) {
    let load = engine.load;
    let kind = match load.kind {
        Kind::Set => "set",
        Kind::Event => "event",
        Kind::Stream => "stream",
    };
    line.count("pubs", load.publishers)
        .count("subs", load.subscribers)
        .text("kind", kind)
        .count("size", load.size)
        .number("qos", f64::from(target.qos))
        .count("window", load.window)
        .number("rate", load.rate);
}

fn write_flow(engine: &Engine<'_>, measured: &Measured, line: &mut Line) {
    let tally = &engine.tally;
    let expected = tally.sent * engine.load.fan();
    let lost = if engine.load.acknowledged {
        0
    } else {
        expected.saturating_sub(tally.received)
    };
    let closed = engine
        .connections
        .iter()
        .filter(|connection| connection.closed)
        .count();
    line.number("secs", measured.seconds)
        .number("sent_per_s", measured.sent as f64 / measured.seconds)
        .number(
            "delivered_per_s",
            measured.received as f64 / measured.seconds,
        )
        .number("acks_per_s", measured.acks as f64 / measured.seconds)
        .number("lost", lost as f64)
        .number(
            "loss_pct",
            if expected > 0 {
                lost as f64 * 100.0 / expected as f64
            } else {
                0.0
            },
        )
        .number("stalls", measured.stalls as f64)
        .number("errors", tally.errors as f64)
        .number("drop_notices", tally.drop_notices as f64)
        .count("closed", closed);
}

fn write_latency(engine: &Engine<'_>, line: &mut Line) {
    let latency = &engine.tally.latency;
    line.number("lat_p50_us", latency.quantile_us(0.5))
        .number("lat_p99_us", latency.quantile_us(0.99))
        .number("lat_p999_us", latency.quantile_us(0.999))
        .number("lat_max_us", latency.max_us())
        .number("lat_count", latency.count() as f64);
}

fn write_server(engine: &Engine<'_>, measured: &Measured, line: &mut Line) {
    let (start, end) = (&measured.server_start, &measured.server_end);
    let work = if engine.load.acknowledged {
        measured.acks
    } else {
        measured.received
    };
    // A killed server has no figures any more.
    let cpu = if engine.load.kill_after.is_some() {
        f64::NAN
    } else {
        end.cpu() - start.cpu()
    };
    line.number("server_cpu_s", cpu)
        .number("server_cpu_user_s", end.user - start.user)
        .number(
            "server_cpu_us_per_msg",
            if work > 0 {
                cpu * 1e6 / work as f64
            } else {
                f64::NAN
            },
        )
        .number("server_cores", cpu / measured.seconds)
        .number("client_cores", measured.own_cpu / measured.seconds)
        .number("rss_start_kb", start.rss_kb as f64)
        .number("rss_max_kb", measured.rss_max_kb as f64)
        .number(
            "rss_end_kb",
            system::usage(engine.load.server_pid).rss_kb as f64,
        );
}
