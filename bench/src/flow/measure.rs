//! The loop that is measured: send what is due, wait, read.

use super::Engine;
use super::tally::ReadTime;
use crate::histogram::Histogram;
use crate::poll::Ready;
use crate::system::{self, Usage, now, seconds};
use anyhow::Result;

/// What the measured time brought.
pub(super) struct Measured {
    pub(super) seconds: f64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) acks: u64,
    pub(super) stalls: u64,
    pub(super) server_start: Usage,
    pub(super) server_end: Usage,
    pub(super) own_cpu: f64,
    pub(super) rss_max_kb: u64,
}

/// The counters at the end of the warm-up.
struct Mark {
    at: u64,
    sent: u64,
    received: u64,
    acks: u64,
    server: Usage,
    own_cpu: f64,
}

/// When and how much is sent.
struct Pace {
    /// Nanoseconds between two publications at a fixed rate, else 0.
    step: f64,
    due: f64,
    /// Whose turn it is.
    turn: usize,
    /// Deliveries given up as lost, so that the window does not jam.
    given_up: u64,
    stalls: u64,
    last_progress: u64,
}

/// When what happens.
struct Schedule {
    warm_end: u64,
    end: u64,
    kill_at: Option<u64>,
    killed: bool,
    next_look: u64,
}

impl Engine<'_> {
    /// Runs for the time of the load.
    pub(super) fn measure(&mut self) -> Result<Measured> {
        let start = now();
        self.tally.start(start);
        let mut schedule = Schedule::new(self.load, start);
        let mut pace = Pace::new(self.load.rate, start);
        let mut mark = None;
        let mut rss_max_kb = 0;
        let finish = loop {
            let at = now();
            if at >= schedule.warm_end && mark.is_none() {
                mark = Some(self.mark(at));
                self.tally.latency = Histogram::new();
            }
            if at >= schedule.next_look {
                schedule.next_look = at + LOOK_NANOSECONDS;
                rss_max_kb = system::usage(self.load.server_pid).rss_kb.max(rss_max_kb);
            }
            if self.is_over(&mut schedule, at)? {
                break at;
            }
            if !schedule.killed {
                self.send(&mut pace, at)?;
            }
            self.receive(&mut pace)?;
        };
        let mark = mark.unwrap_or_else(|| self.mark(start));
        Ok(Measured {
            seconds: seconds(mark.at, finish),
            sent: self.tally.sent - mark.sent,
            received: self.tally.received - mark.received,
            acks: self.tally.acks - mark.acks,
            stalls: pace.stalls,
            server_start: mark.server,
            server_end: system::usage(self.load.server_pid),
            own_cpu: system::own_cpu() - mark.own_cpu,
            rss_max_kb,
        })
    }

    fn mark(&self, at: u64) -> Mark {
        Mark {
            at,
            sent: self.tally.sent,
            received: self.tally.received,
            acks: self.tally.acks,
            server: system::usage(self.load.server_pid),
            own_cpu: system::own_cpu(),
        }
    }

    /// At the end of the time or, if the server is to be killed, when it is dead.
    fn is_over(&self, schedule: &mut Schedule, at: u64) -> Result<bool> {
        let Some(kill_at) = schedule.kill_at else {
            return Ok(at >= schedule.end);
        };
        if at >= kill_at && !schedule.killed {
            system::kill(self.load.server_pid)?;
            schedule.killed = true;
        }
        let publishers = &self.connections[..self.load.publishers];
        let gone = || publishers.iter().all(|publisher| publisher.closed);
        Ok(schedule.killed && (at > kill_at + KILL_GRACE_NANOSECONDS || gone()))
    }

    fn send(&mut self, pace: &mut Pace, at: u64) -> Result<()> {
        let count = self.load.publishers;
        let mut budget = self.budget(pace, at);
        let mut full = 0;
        while budget > 0 && full < count {
            let index = pace.turn;
            pace.turn = if index + 1 == count { 0 } else { index + 1 };
            let connection = &mut self.connections[index];
            if self.load.is_flood()
                && (self.blocked[index] || connection.unsent_bytes() > FLOOD_QUEUE_BYTES)
            {
                full += 1;
                continue;
            }
            self.publishers[index].publish(connection.out(), pace.stamp(at));
            self.tally.sent += 1;
            budget -= 1;
        }
        for index in 0..count {
            let connection = &mut self.connections[index];
            let waits = self.blocked[index] || connection.closed || connection.unsent_bytes() == 0;
            if !waits && !connection.flush() {
                self.blocked[index] = true;
                self.poll.write_interest(&connection.socket, index, true)?;
            }
        }
        Ok(())
    }

    /// How many publications may be sent now.
    fn budget(&self, pace: &Pace, at: u64) -> u64 {
        if self.load.rate > 0.0 {
            pace.due_by(at)
        } else if self.load.window == 0 {
            u64::MAX
        } else {
            let done = if self.load.acknowledged {
                self.tally.acks
            } else {
                (self.tally.received + pace.given_up) / self.load.fan().max(1)
            };
            (self.load.window as u64).saturating_sub(self.tally.sent.saturating_sub(done))
        }
    }

    fn receive(&mut self, pace: &mut Pace) -> Result<()> {
        let ready = self.poll.wait(pace.wait_nanoseconds());
        if ready == 0 {
            self.note_stall(pace);
        }
        for index in 0..ready {
            self.serve(self.poll.ready(index))?;
            pace.last_progress = now();
        }
        Ok(())
    }

    fn serve(
        &mut self,
        Ready {
            token,
            readable,
            writable,
        }: Ready,
    ) -> Result<()> {
        let connection = &mut self.connections[token];
        if writable && connection.flush() && !connection.closed {
            self.blocked[token] = false;
            self.poll.write_interest(&connection.socket, token, false)?;
        }
        if !readable {
            return Ok(());
        }
        let tally = &mut self.tally;
        let mut publisher = self.publishers.get_mut(token);
        loop {
            let mut time = ReadTime::default();
            let read = connection.read(&mut self.scratch, &mut |event| {
                tally.record(event, &mut time, publisher.as_deref_mut());
            });
            if read < self.scratch.len() {
                break;
            }
        }
        if connection.unsent_bytes() > 0 && token >= self.load.publishers {
            connection.flush();
        }
        if connection.closed {
            self.poll.remove(&connection.socket)?;
        }
        Ok(())
    }

    /// A window that stays shut has lost messages in it.
    fn note_stall(&self, pace: &mut Pace) {
        let at = now();
        let closed_loop = self.load.rate == 0.0 && self.load.window > 0;
        if !closed_loop || at - pace.last_progress <= STALL_NANOSECONDS {
            return;
        }
        if !self.load.acknowledged {
            pace.given_up = (self.tally.sent * self.load.fan()).saturating_sub(self.tally.received);
        }
        pace.stalls += 1;
        pace.last_progress = at;
    }
}

impl Schedule {
    fn new(load: &super::Load, start: u64) -> Self {
        let after = |from: u64, seconds: f64| from + (seconds * 1e9) as u64;
        let warm_end = after(start, load.warm_seconds);
        Self {
            warm_end,
            end: after(warm_end, load.seconds),
            kill_at: load.kill_after.map(|seconds| after(start, seconds)),
            killed: false,
            next_look: start,
        }
    }
}

impl Pace {
    fn new(rate: f64, start: u64) -> Self {
        Self {
            step: if rate > 0.0 { 1e9 / rate } else { 0.0 },
            due: start as f64,
            turn: 0,
            given_up: 0,
            stalls: 0,
            last_progress: start,
        }
    }

    /// Publications that are due, at a fixed rate.
    fn due_by(&self, at: u64) -> u64 {
        let behind = at as f64 - self.due;
        if behind < 0.0 {
            0
        } else {
            ((behind / self.step) as u64 + 1).min(CATCH_UP_MAX)
        }
    }

    /// The time that the next publication counts as sent.
    fn stamp(&mut self, at: u64) -> f64 {
        let at = at as f64;
        if self.step == 0.0 {
            return at;
        }
        let due = self.due;
        self.due += self.step;
        // Woken a little late: the true time. Behind schedule: the time it should have been
        // sent, so that a backlog is not omitted from the latency.
        if at - due < self.step { at } else { due }
    }

    fn wait_nanoseconds(&self) -> u64 {
        if self.step == 0.0 {
            return WAIT_NANOSECONDS;
        }
        ((self.due - now() as f64).max(0.0) as u64).min(WAIT_NANOSECONDS)
    }
}

const WAIT_NANOSECONDS: u64 = 20_000_000;
const LOOK_NANOSECONDS: u64 = 100_000_000;
const STALL_NANOSECONDS: u64 = 250_000_000;
const KILL_GRACE_NANOSECONDS: u64 = 2_000_000_000;
/// What a flooding publisher keeps queued.
const FLOOD_QUEUE_BYTES: usize = 65536;
/// Publications sent at once by a publisher that has fallen behind its rate.
const CATCH_UP_MAX: u64 = 10_000;
