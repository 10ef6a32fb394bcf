//! Many sessions through the whole handshake of their protocol, and their subscriptions.

use crate::connection::Connection;
use crate::protocol::{Event, Protocol};
use crate::target::Target;
use anyhow::{Context as _, Result, bail};
use std::io::Write;
use std::time::Duration;

/// How many sessions, how many handshakes in flight, and a number that tells the
/// client ids of one group from those of another.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    pub(crate) count: usize,
    pub(crate) batch: usize,
    pub(crate) salt: usize,
}

/// Opens sessions. Blocking; the sockets come back non-blocking.
pub(crate) fn connect_many(target: &Target, group: Group) -> Result<Vec<Connection>> {
    connect_observed(target, group, &mut |_| {})
}

/// Opens one session, left blocking.
pub(crate) fn connect_one(
    target: &Target,
    salt: usize,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Connection> {
    let group = Group {
        count: 1,
        batch: 1,
        salt,
    };
    let connection = connect_observed(target, group, observe)?
        .pop()
        .expect("one session was asked for");
    connection.set_blocking(true)?;
    Ok(connection)
}

/// Subscribes one connection to patterns and waits until they are in force.
pub(crate) fn subscribe_all(
    target: &Target,
    connection: &mut Connection,
    patterns: &[String],
) -> Result<()> {
    connection.set_blocking(true)?;
    let mut id = 0;
    for chunk in patterns.chunks(500) {
        for pattern in chunk {
            id += 1;
            target
                .protocol
                .subscribe(connection.out(), id, pattern, target.qos);
        }
        target.protocol.ping(connection.out());
        connection.flush_all();
        await_subscribed(target.protocol, connection, chunk.len())?;
    }
    connection.set_blocking(false)
}

fn connect_observed(
    target: &Target,
    group: Group,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<Vec<Connection>> {
    let mut all: Vec<Connection> = Vec::with_capacity(group.count);
    while all.len() < group.count {
        let first = all.len();
        let count = group.batch.min(group.count - first);
        let opened: Result<Vec<_>> = (0..count).map(|_| Connection::open(target)).collect();
        let mut batch = opened.with_context(|| format!("connect after {first}"))?;
        if target.websocket {
            upgrade(target, &mut batch)?;
        }
        for (index, connection) in batch.iter_mut().enumerate() {
            let id = format!("cb{}-{}-{}", std::process::id(), group.salt, first + index);
            target.protocol.greet(connection.out(), &target.token, &id);
            connection.flush();
        }
        for connection in &mut batch {
            await_welcome(target.protocol, connection, observe)
                .with_context(|| format!("handshake failed after {first} sessions"))?;
            connection.set_blocking(false)?;
        }
        all.append(&mut batch);
    }
    Ok(all)
}

fn upgrade(target: &Target, batch: &mut [Connection]) -> Result<()> {
    let request = target.upgrade_request();
    for connection in &mut *batch {
        connection
            .socket
            .write_all(request.as_bytes())
            .context("upgrade")?;
    }
    batch.iter_mut().try_for_each(Connection::read_upgrade)
}

fn await_welcome(
    protocol: Protocol,
    connection: &mut Connection,
    observe: &mut dyn FnMut(&Event<'_>),
) -> Result<()> {
    if protocol == Protocol::Raw {
        return Ok(());
    }
    let mut refusal = None;
    let welcome = connection.until(
        |event| match event {
            Event::Param { .. } | Event::Snapshot => {
                observe(event);
                false
            }
            // NATS greets before it has read CONNECT; there the answer to PING counts.
            Event::Welcome => protocol != Protocol::Nats,
            Event::Pong => true,
            Event::Error { code, text } => {
                refusal = Some(format!("{code} {}", String::from_utf8_lossy(text)));
                false
            }
            _ => false,
        },
        20,
    );
    match (welcome, refusal) {
        (true, _) => Ok(()),
        (false, Some(refusal)) => bail!("refused: {refusal}"),
        (false, None) => bail!("closed or silent for 20 s"),
    }
}

/// Waits for the answers to `count` subscriptions and the ping behind them.
fn await_subscribed(protocol: Protocol, connection: &mut Connection, count: usize) -> Result<()> {
    if protocol == Protocol::Raw {
        // It answers nothing; its accept loop takes microseconds.
        std::thread::sleep(Duration::from_millis(1));
        return Ok(());
    }
    let answers = if matches!(protocol, Protocol::Mqtt | Protocol::Redis) {
        count
    } else {
        0
    };
    let mut acknowledged = 0;
    let mut pong = false;
    let mut refusal = String::new();
    let done = connection.until(
        |event| {
            match event {
                Event::SubAck => acknowledged += 1,
                Event::Pong => pong = true,
                Event::Error { code, text } => {
                    refusal = format!("{code} {}", String::from_utf8_lossy(text))
                }
                _ => {}
            }
            pong && acknowledged >= answers
        },
        60,
    );
    if !done || !refusal.is_empty() {
        bail!("subscribe: {refusal} ({acknowledged} acknowledged)");
    }
    Ok(())
}
