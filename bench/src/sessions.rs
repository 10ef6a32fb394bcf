//! Many idle sessions: how fast they connect and what each of them costs.

use crate::connect::{Group, connect_many, subscribe_all};
use crate::options::Options;
use crate::output::Line;
use crate::system::{self, now, seconds};
use crate::target::Target;
use anyhow::Result;
use std::time::Duration;

pub(crate) fn run(target: &Target, options: &Options, line: &mut Line) -> Result<()> {
    let server_pid = options.count("server-pid", 0)? as i32;
    let count = options.count("count", 1000)?;
    let batch = options.count("batch", 64)?;
    let before = system::usage(server_pid);
    let own_cpu = system::own_cpu();
    let start = now();
    let mut connections = connect_many(
        target,
        Group {
            count,
            batch,
            salt: 7,
        },
    )?;
    let connect_seconds = seconds(start, now());
    let own_cpu = system::own_cpu() - own_cpu;
    // The server may still be busy with what it does after the handshake.
    std::thread::sleep(Duration::from_millis(500));
    let after = system::usage(server_pid);
    line.count("count", count)
        .count("batch", batch)
        .number("connect_per_s", count as f64 / connect_seconds)
        .number(
            "server_cpu_us_per_conn",
            (after.cpu() - before.cpu()) * 1e6 / count as f64,
        )
        .number("client_cpu_us_per_conn", own_cpu * 1e6 / count as f64)
        .number("rss_before_kb", before.rss_kb as f64)
        .number("rss_after_kb", after.rss_kb as f64)
        .number("rss_bytes_per_session", after.rss_bytes_per(&before, count));
    if options.is_yes("sub") {
        let start = now();
        for (index, connection) in connections.iter_mut().enumerate() {
            subscribe_all(target, connection, &[format!("/dev/{index}/**")])?;
        }
        let subscribed = system::usage(server_pid);
        line.number("subscribe_per_s", count as f64 / seconds(start, now()))
            .number("rss_bytes_per_sub", subscribed.rss_bytes_per(&after, count));
    }
    Ok(())
}
