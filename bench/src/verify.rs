//! Compares what a restarted server holds with what it had acknowledged before it was killed.

use crate::connect::connect_one;
use crate::flow;
use crate::options::Options;
use crate::output::Line;
use crate::protocol::Event;
use crate::target::Target;
use anyhow::{Context as _, Result};
use std::collections::HashMap;

pub(crate) fn run(target: &Target, options: &Options, line: &mut Line) -> Result<()> {
    let path = options.text("state-file", "");
    let text = std::fs::read_to_string(&path).with_context(|| format!("--state-file {path}"))?;
    let acknowledged: HashMap<&[u8], f64> = text
        .lines()
        .filter_map(|row| row.rsplit_once(' '))
        .map(|(address, value)| (address.as_bytes(), value.parse().unwrap_or(f64::NAN)))
        .collect();
    let held = held(target)?;
    let (mut missing, mut older, mut newer) = (0, 0, 0);
    let mut step_back = 0.0f64;
    for (address, value) in &acknowledged {
        match held.get(*address) {
            None => missing += 1,
            Some(held) if held < value => {
                older += 1;
                step_back = step_back.max(value - held);
            }
            Some(held) if held > value => newer += 1,
            Some(_) => {}
        }
    }
    line.count("acked_addresses", acknowledged.len())
        .count("recovered_addresses", held.len())
        .count("acked_missing", missing)
        .count("acked_older_value", older)
        .count("newer_than_acked", newer)
        .number("largest_step_back", step_back);
    Ok(())
}

/// Everything that the server shows below the two roots that `kill` writes to.
fn held(target: &Target) -> Result<HashMap<Vec<u8>, f64>> {
    let mut held = HashMap::new();
    let mut connection = connect_one(target, 1, &mut |_| {})?;
    for (id, root) in [(1, flow::UNIQUE_ROOT), (2, flow::ROOT)] {
        target
            .protocol
            .subscribe(connection.out(), id, &format!("{root}/**"), 0);
    }
    target.protocol.ping(connection.out());
    connection.flush();
    let answered = connection.until(
        |event| {
            if let Event::Param { address, stamp } = event {
                held.insert(address.to_vec(), *stamp);
            }
            matches!(event, Event::Pong)
        },
        60,
    );
    anyhow::ensure!(answered, "no answer to PING behind the subscriptions");
    Ok(held)
}
