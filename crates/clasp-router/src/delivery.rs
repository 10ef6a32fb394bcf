//! Delivery: hands runs of frames to the outboxes of a route, and remembers whom to wake.

use std::sync::Arc;
use std::task::Waker;

use clasp_proto::{Qos, Signal};

use crate::limits::PRESSED_MAX;
use crate::outbox::Pushed;
use crate::route::Route;
use crate::run::Run;
use crate::session::{Session, SessionKey};
use crate::tally::Tally;
use crate::time::Tick;

/// The buffers of a batch. Kept by whoever makes batches, so that a batch allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) tally: Tally,
    run: Run,
    to: Option<Destination>,
    single: Run,
    wakers: Vec<Waker>,
    pressed: Vec<Arc<Session>>,
}

/// Where a run goes.
#[derive(Debug)]
struct Destination {
    route: Arc<Route>,
    signal: Option<Signal>,
    except: Option<SessionKey>,
}

/// A message on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) qos: Qos,
    /// What type masks look at; a message without a signal passes every mask.
    pub(crate) signal: Option<Signal>,
    /// The publisher, who gets no copy.
    pub(crate) except: Option<SessionKey>,
}

impl Outgoing<'_> {
    /// The signal whose values max_rate and epsilon may leave out. A PUBLISH of signal param is no
    /// value of the param, and takes the place of none. // protocol/router.md 5.7, 8.1
    pub(crate) fn limitable(&self) -> Option<Signal> {
        let is_set = self.except.is_none();
        self.signal.filter(|signal| match signal {
            Signal::Param => is_set,
            Signal::Stream => true,
            Signal::Event | Signal::Gesture | Signal::Timeline => false,
        })
    }

    pub(crate) fn goes_to(&self, session: SessionKey) -> bool {
        self.except != Some(session)
    }
}

impl Delivery {
    /// Gathers a message for a route without limits; it is handed out with the next flush.
    pub(crate) fn gather(&mut self, route: &Arc<Route>, message: &Outgoing<'_>, now: Tick) {
        let fits = self.to.as_ref().is_some_and(|to| {
            Arc::ptr_eq(&to.route, route)
                && to.signal == message.signal
                && to.except == message.except
        });
        if !fits || self.run.is_full() {
            self.flush(now);
            self.to = Some(Destination {
                route: Arc::clone(route),
                signal: message.signal,
                except: message.except,
            });
        }
        self.run.frame(message.qos, message.payload);
        if self.run.is_full() {
            self.flush(now);
        }
    }

    /// Hands out what was gathered.
    pub(crate) fn flush(&mut self, now: Tick) {
        let Some(to) = self.to.take() else { return };
        if to.route.targets.len() > 1 {
            self.run.share();
        }
        let mut receivers = 0;
        for target in &to.route.targets {
            if target.takes(to.signal) && to.except != Some(target.session.key) {
                let pushed = target.session.outbox.push(&self.run, now);
                self.note(&target.session, pushed);
                receivers += 1;
            }
        }
        self.tally.fanned_out(receivers, self.run.count());
        self.run.clear();
    }

    /// Hands one frame to one session.
    pub(crate) fn send(&mut self, session: &Arc<Session>, message: &Outgoing<'_>, now: Tick) {
        let mut single = core::mem::take(&mut self.single);
        single.frame(message.qos, message.payload);
        self.push(session, &single, now);
        single.clear();
        self.single = single;
    }

    /// Hands frames to one session.
    pub(crate) fn push(&mut self, session: &Arc<Session>, run: &Run, now: Tick) {
        let pushed = session.outbox.push(run, now);
        self.note(session, pushed);
    }

    /// Has the writer of a session woken although it got nothing.
    pub(crate) fn remind(&mut self, session: &Session) {
        self.wakers.extend(session.outbox.waker());
    }

    /// Wakes the writers of all that got something, except the one that is running: `own`.
    pub(crate) fn wake(&mut self, own: Option<&Waker>) {
        for waker in self.wakers.drain(..) {
            if own.is_none_or(|own| !own.will_wake(&waker)) {
                waker.wake();
            }
        }
    }

    /// True if some outbox was found above half of its budget, while its reader reads.
    pub(crate) const fn is_pressed(&self) -> bool {
        !self.pressed.is_empty()
    }

    /// Sessions whose outboxes were above half of their budget, while their readers read.
    pub(crate) fn take_pressed(&mut self) -> Vec<Arc<Session>> {
        core::mem::take(&mut self.pressed)
    }

    fn note(&mut self, session: &Arc<Session>, pushed: Pushed) {
        self.wakers.extend(pushed.waker);
        self.wakers.extend(pushed.stalled);
        self.tally.superseded += pushed.superseded;
        self.tally.too_late += pushed.too_late as u64;
        self.tally.discarded_bytes += pushed.discarded_bytes as u64;
        if pushed.pressed
            && self.pressed.len() < PRESSED_MAX
            && !self.pressed.iter().any(|held| held.key == session.key)
        {
            self.pressed.push(Arc::clone(session));
        }
    }
}
