//! max_rate and epsilon of a subscription, kept per address.

use clasp_proto::{Signal, SubscribeOptions};

use crate::session::SessionKey;
use crate::time::Tick;

/// What a subscription limits. // protocol/router.md 5.7, 5.8
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Microseconds between two values, 0 for any rate.
    interval: u64,
    /// Numbers nearer to the last one that was sent are not sent, 0 for all.
    epsilon: f64,
}

impl Limits {
    /// What `options` limit, if they do. A rate of 0 and an epsilon that is no positive number
    /// limit nothing.
    pub(crate) fn of(options: &SubscribeOptions) -> Option<Self> {
        let rate = options.max_rate.unwrap_or(0);
        let epsilon = options
            .epsilon
            .filter(|epsilon| *epsilon > 0.0)
            .unwrap_or(0.0);
        let interval = if rate == 0 {
            0
        } else {
            MICROS_PER_SECOND / u64::from(rate)
        };
        (interval > 0 || epsilon > 0.0).then_some(Self { interval, epsilon })
    }
}

/// What one session was last sent of one address, of params and of streams on their own.
#[derive(Debug)]
pub(crate) struct FilterState {
    pub(crate) session: SessionKey,
    pub(crate) signal: Signal,
    sent_at: Option<Tick>,
    sent_number: Option<f64>,
    /// The payload that waits for the next interval.
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    payload: Box<[u8]>,
    number: Option<f64>,
    due: Tick,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judgement {
    /// It goes out now.
    Send,
    /// It replaces what waits, and goes out at this time unless a newer one replaces it.
    Later(Tick),
    /// It says nothing new to this subscriber.
    Drop,
}

impl Judgement {
    /// The one of two subscriptions of a session that brings a message out sooner.
    pub(crate) fn best(self, other: Self) -> Self {
        match (self, other) {
            (Self::Send, _) | (_, Self::Send) => Self::Send,
            (Self::Later(left), Self::Later(right)) => Self::Later(left.min(right)),
            (Self::Later(due), Self::Drop) | (Self::Drop, Self::Later(due)) => Self::Later(due),
            (Self::Drop, Self::Drop) => Self::Drop,
        }
    }
}

impl FilterState {
    pub(crate) const fn new(session: SessionKey, signal: Signal) -> Self {
        Self {
            session,
            signal,
            sent_at: None,
            sent_number: None,
            pending: None,
        }
    }

    /// What `limits` say of a value that is `number`, if it is one.
    pub(crate) fn judge(&self, limits: Limits, number: Option<f64>, now: Tick) -> Judgement {
        let close = match (number, self.sent_number) {
            (Some(new), Some(old)) => (new - old).abs() < limits.epsilon,
            _ => false,
        };
        if close {
            return Judgement::Drop;
        }
        match self.sent_at {
            Some(sent) if now.since(sent) < limits.interval => {
                Judgement::Later(Tick(sent.0 + limits.interval))
            }
            _ => Judgement::Send,
        }
    }

    /// Notes that a value was sent; what waited is older and is dropped.
    pub(crate) fn sent(&mut self, number: Option<f64>, now: Tick) {
        self.sent_at = Some(now);
        self.sent_number = number;
        self.pending = None;
    }

    /// Keeps a value until `due`; true if none was kept until then before.
    pub(crate) fn keep(&mut self, payload: &[u8], number: Option<f64>, due: Tick) -> bool {
        let pending = Pending {
            payload: payload.into(),
            number,
            due,
        };
        let before = self.pending.replace(pending);
        before.is_none_or(|before| before.due != due)
    }

    /// A value near the last one that was sent makes a waiting one pointless.
    pub(crate) fn forget_pending(&mut self) {
        self.pending = None;
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes the payload that waited, if its time has come, as sent now. It has not when the
    /// alarm was set for a value that was replaced since.
    pub(crate) fn take_due(&mut self, now: Tick) -> Option<Box<[u8]>> {
        let pending = self.pending.take_if(|pending| pending.due <= now)?;
        self.sent_at = Some(now);
        self.sent_number = pending.number;
        Some(pending.payload)
    }
}

const MICROS_PER_SECOND: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_rate: Option<u32>, epsilon: Option<f64>) -> Option<Limits> {
        Limits::of(&SubscribeOptions {
            max_rate,
            epsilon,
            ..SubscribeOptions::default()
        })
    }

    #[test]
    fn odd_options_limit_nothing() {
        let odd = [
            (None, None),
            (Some(0), None),
            (None, Some(f64::NAN)),
            (None, Some(-1.0)),
            (Some(u32::MAX), Some(0.0)),
        ];
        for (max_rate, epsilon) in odd {
            assert_eq!(limits(max_rate, epsilon), None, "{max_rate:?} {epsilon:?}");
        }
    }

    // protocol/router.md 5.7, 5.8
    #[test]
    fn rate_sends_first_keeps_later_and_epsilon_drops_near() {
        let limits = limits(Some(10), Some(0.5)).expect("both limit");
        let mut state = FilterState::new(SessionKey(1), Signal::Param);
        assert_eq!(state.judge(limits, Some(1.0), Tick(0)), Judgement::Send);
        state.sent(Some(1.0), Tick(0));
        assert_eq!(state.judge(limits, Some(1.2), Tick(1)), Judgement::Drop);
        assert_eq!(
            state.judge(limits, Some(2.0), Tick(1)),
            Judgement::Later(Tick(100_000))
        );
        let due = Tick(100_000);
        assert!(state.keep(b"x", Some(2.0), due));
        assert!(!state.keep(b"y", Some(3.0), due));
        assert_eq!(state.take_due(Tick(99_999)), None);
        assert_eq!(state.take_due(due).as_deref(), Some(&b"y"[..]));
        assert_eq!(
            state.judge(limits, Some(3.1), Tick(300_000)),
            Judgement::Drop
        );
        assert_eq!(state.judge(limits, None, Tick(300_000)), Judgement::Send);
    }
}
