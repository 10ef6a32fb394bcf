//! One publisher and its subscribers, for a while.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use clasp_client::{Client, Refusal, Subscription, Update};
use clasp_proto::{Publish, Signal, Value};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::commands::bench::histogram::Histogram;
use crate::error::CommandError;
use crate::output::Progress;

/// What flows.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) subscribers: usize,
    pub(crate) pace: Pace,
    /// Bytes of a value.
    pub(crate) size: usize,
    pub(crate) measured: Duration,
}

/// When the next message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// When fewer than this many are on their way.
    Window(u64),
    /// So many times a second, whatever happens to those before.
    Rate(u32),
}

/// What came of it. Counts are of the measured time only.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) sent: u64,
    /// Of all subscribers together.
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// From the first measured message to the last delivery.
    pub(crate) duration: Duration,
    pub(crate) delays: Histogram,
    /// What the router did not want.
    pub(crate) refused: Option<Refusal>,
}

impl Flow {
    /// Runs the flow.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) async fn run(
        &self,
        publisher: &Client,
        address: &str,
        subscriptions: Vec<Subscription>,
        label: &str,
    ) -> Result<Measured, CommandError> {
        let mut running = Running::new(self, subscriptions);
        let progress = Progress::new(label);
        let mut shown = running.begin;
        while Instant::now() < running.end {
            running.collect();
            if let Some(stamp) = running.due(self.pace) {
                running.note_sent(stamp);
                let publication = publication(address, running.micros(stamp), self.size);
                publisher.publish_unconfirmed(publication).await?;
            } else {
                running.wait(self.pace).await;
            }
            if shown.elapsed() > PROGRESS_EVERY {
                shown = Instant::now();
                progress.show(running.done());
            }
        }
        running.drain().await;
        Ok(running.into_measured())
    }
}

/// A flow on its way.
#[derive(Debug)]
struct Running {
    subscriptions: Vec<Subscription>,
    begin: Instant,
    /// From here on it counts.
    counted_from: Instant,
    end: Instant,
    /// All messages, those that do not count included.
    all_sent: u64,
    all_delivered: u64,
    sent: u64,
    delivered: u64,
    last_delivery: Instant,
    /// Deliveries that the window no longer waits for.
    written_off: u64,
    /// When this task last came back from waiting.
    woken: Instant,
    delays: Histogram,
}

impl Running {
    fn new(flow: &Flow, subscriptions: Vec<Subscription>) -> Self {
        let begin = Instant::now();
        let counted_from = begin + WARM_UP;
        Self {
            subscriptions,
            begin,
            counted_from,
            end: counted_from + flow.measured,
            all_sent: 0,
            all_delivered: 0,
            sent: 0,
            delivered: 0,
            last_delivery: counted_from,
            written_off: 0,
            woken: begin,
            delays: Histogram::new(),
        }
    }

    /// The time stamp of the next message if it may be sent now.
    fn due(&self, pace: Pace) -> Option<Instant> {
        let now = Instant::now();
        match pace {
            Pace::Window(window) => {
                let subscribers = self.subscriptions.len() as u64;
                let under_way = self.under_way().saturating_sub(self.written_off);
                (under_way < window * subscribers).then_some(now)
            }
            Pace::Rate(rate) => {
                let due = self.scheduled(rate);
                // Waking up late is this program's fault and does not count; being held up by the connection does.
                (due <= now).then(|| due.max(self.woken))
            }
        }
    }

    fn scheduled(&self, rate: u32) -> Instant {
        self.begin + Duration::from_secs_f64(self.all_sent as f64 / f64::from(rate))
    }

    fn note_sent(&mut self, stamp: Instant) {
        self.all_sent += 1;
        self.sent += u64::from(stamp >= self.counted_from);
    }

    /// Deliveries that are still to come, or never will.
    fn under_way(&self) -> u64 {
        self.all_sent * self.subscriptions.len() as u64 - self.all_delivered
    }

    /// Waits for an update, or until the next message is due.
    async fn wait(&mut self, pace: Pace) {
        let until = match pace {
            Pace::Window(_) => Instant::now() + QUIET,
            Pace::Rate(rate) => self.scheduled(rate),
        };
        let until = until.min(self.end);
        let is_late = tokio::select! {
            () = self.some() => false,
            () = sleep_until(until) => true,
        };
        if is_late && matches!(pace, Pace::Window(_)) {
            // A router that drops messages must not stop the flow.
            self.written_off = self.under_way();
        }
        self.woken = Instant::now();
    }

    /// Takes in what is still under way, until nothing has come for a moment.
    async fn drain(&mut self) {
        let deadline = Instant::now() + DRAIN_MAX;
        while self.under_way() > 0 {
            let quiet = deadline.min(Instant::now() + QUIET);
            if timeout_at(quiet, self.some()).await.is_err() {
                break;
            }
        }
    }

    /// Waits for at least one update and takes in all that are there.
    async fn some(&mut self) {
        poll_fn(|context| {
            let before = self.all_delivered;
            for index in 0..self.subscriptions.len() {
                while let Poll::Ready(Some(update)) = self.subscriptions[index].poll_update(context)
                {
                    self.received(&update);
                }
            }
            if self.all_delivered > before {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Takes in what is there, without waiting.
    fn collect(&mut self) {
        for index in 0..self.subscriptions.len() {
            while let Some(update) = self.subscriptions[index].try_next() {
                self.received(&update);
            }
        }
    }

    fn received(&mut self, update: &Update) {
        let now = Instant::now();
        self.all_delivered += 1;
        let stamp = stamp(&update.value).map(|micros| self.begin + Duration::from_micros(micros));
        if let Some(stamp) = stamp.filter(|stamp| *stamp >= self.counted_from) {
            self.delivered += 1;
            self.last_delivery = now;
            self.delays.record(now.saturating_duration_since(stamp));
        }
    }

    fn micros(&self, stamp: Instant) -> u64 {
        // Rounded up, so that a message that counts when sent counts when received.
        u64::try_from((stamp - self.begin).as_nanos().div_ceil(1000)).unwrap_or(u64::MAX)
    }

    fn done(&self) -> f64 {
        let whole = (self.end - self.begin).as_secs_f64();
        self.begin.elapsed().as_secs_f64() / whole
    }

    fn into_measured(self) -> Measured {
        let expected = self.sent * self.subscriptions.len() as u64;
        Measured {
            sent: self.sent,
            delivered: self.delivered,
            lost: expected.saturating_sub(self.delivered),
            duration: self.last_delivery - self.counted_from,
            delays: self.delays,
            refused: None,
        }
    }
}

/// An event whose value says when it was sent.
fn publication(address: &str, micros: u64, size: usize) -> Publish {
    let value = if size <= NUMBER_BYTES {
        Value::Float(micros as f64)
    } else {
        let mut bytes = vec![0; size];
        bytes[..NUMBER_BYTES].copy_from_slice(&micros.to_be_bytes());
        Value::Bytes(bytes)
    };
    Publish {
        address: address.to_owned(),
        signal: Some(Signal::Event),
        value: Some(value),
        ..Publish::default()
    }
}

/// When a message was sent, in microseconds after the beginning.
fn stamp(value: &Value) -> Option<u64> {
    match value {
        Value::Float(micros) => Some(*micros as u64),
        Value::Bytes(bytes) => bytes
            .first_chunk()
            .map(|micros| u64::from_be_bytes(*micros)),
        _ => None,
    }
}

/// What is not counted at the beginning: buffers grow, caches fill.
const WARM_UP: Duration = Duration::from_millis(400);

/// No delivery for this long ends the wait for stragglers.
const QUIET: Duration = Duration::from_millis(300);

/// The longest wait for stragglers.
const DRAIN_MAX: Duration = Duration::from_secs(8);

const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Bytes of a number.
const NUMBER_BYTES: usize = 8;
