//! One CLASP connection, from its first byte to its last: upgrade, HELLO, then reading and
//! writing in one task until one side ends it.

mod arrival;
mod dispatch;
mod durable;
mod end;
mod farewell;
mod greeting;
mod input;
mod output;
mod pong;
mod replay;

pub(crate) use arrival::Arrival;
pub(crate) use greeting::PROTOCOL_VERSION;

use std::future::Future as _;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use clasp_proto::Binding;
use clasp_router::{Closed, Session, Tick};
use clasp_transport::Stream;
use tokio::io::AsyncWrite;
use tokio::task::coop::unconstrained;
use tokio::time::{Sleep, timeout};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use self::durable::Durable;
use self::end::End;
use self::greeting::Greeted;
use self::input::Input;
use self::output::Output;
use self::pong::Pongs;
use self::replay::Replays;
use crate::admission::{Admitted, Arrived, Queued};
use crate::counters::{Counted, Ending};
use crate::limits::{
    EXPIRY_CHECK_INTERVAL, QUEUED_TIME_MAX, REPLAYS_WAITING_MAX, STALL_MAX, STALL_RECHECK,
    WRITE_DEADLINE,
};
use crate::shared::Shared;

/// Serves a connection until it ends. Its log lines are in a span that names peer, protocol and session; at the levels
/// that a busy server logs at, there are neither.
pub(crate) async fn serve(
    arrival: Arrival,
    peer: SocketAddr,
    shared: Arc<Shared>,
    arrived: Arrived,
) {
    let Arrived { connected, queued } = arrived;
    let protocol = arrival.protocol();
    let span = tracing::debug_span!("connection", %peer, %protocol, session = Empty);
    let mut witness = Witness {
        peer,
        session: None,
    };
    let conversation = async {
        // What is needed until WELCOME, which is most with TLS, is given back then: sessions are many and long.
        let admitted = match Box::pin(admit(&arrival, peer, queued, &shared)).await {
            Ok(admitted) => admitted,
            Err(Unserved::Silent) => return greeting::give_up(arrival, &shared).await,
            Err(Unserved::NoPlace) => return arrival.turn_away(&shared),
        };
        let Admitted { pending, .. } = admitted;
        let displaced = pending.displaced();
        let greeted = tokio::select! {
            greeted = Box::pin(greeting::greet((arrival, peer), &shared, pending)) => greeted,
            () = displaced => return,
        };
        let Some(greeted) = greeted else {
            return;
        };
        let id = Arc::clone(&greeted.attached.session.id);
        Span::current().record("session", &*id);
        witness.session = Some(id);
        tracing::debug!(name = %greeted.name, "session begins");
        let end = Connection::new(greeted, &shared).run().await;
        tracing::debug!(%end, "session ends");
    };
    conversation.instrument(span).await;
    drop(connected);
}

/// Why a connection gets no place.
enum Unserved {
    /// Its peer says nothing.
    Silent,
    /// There is none, or the server is about to stop.
    NoPlace,
}

/// Waits until the peer says something, and then for a place, and counts what came of it. // protocol/limits.md 4.1
async fn admit(
    arrival: &Arrival,
    peer: SocketAddr,
    queued: Queued,
    shared: &Shared,
) -> Result<Admitted, Unserved> {
    tokio::select! {
        spoken = timeout(arrival.silence_max(shared), arrival.speaks()) => {
            spoken.map_err(|_| Unserved::Silent)?;
        }
        () = queued.displaced() => {}
        () = shared.shutdown.begun() => {}
    }
    let place = timeout(QUEUED_TIME_MAX, shared.admission.admit(peer.ip(), queued));
    let admitted = tokio::select! {
        admitted = place => admitted.ok().flatten(),
        () = shared.shutdown.begun() => None,
    };
    // Asked only now: who has a place later than that is not told of the shutdown.
    let Some(admitted) = admitted.filter(|_| !shared.shutdown.has_begun()) else {
        shared.counters.count(Counted::TurnedAway);
        return Err(Unserved::NoPlace);
    };
    shared.counters.count(Counted::Accepted);
    if admitted.displaced {
        shared.counters.count(Counted::Displaced);
    }
    Ok(admitted)
}

/// Tells whose connection it was that found a broken invariant.
struct Witness {
    peer: SocketAddr,
    session: Option<Arc<str>>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let session = self.session.as_deref();
            tracing::error!(peer = %self.peer, session, "a connection panics");
        }
    }
}

/// A session in the router, for as long as this lives. // protocol/router.md 14.3, 14.4
struct Attached<'a> {
    shared: &'a Shared,
    session: Arc<Session>,
    /// How it ends, once that is known.
    ending: Ending,
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        self.shared.roster.leave(&self.session);
        self.shared.router.detach(&self.session);
        self.shared.counters.count(Counted::Ended(self.ending));
    }
}

/// A greeted connection. It is one future, polled for whichever half can go on.
struct Connection<'a> {
    attached: Attached<'a>,
    binding: Binding,
    stream: Stream,
    input: Input,
    output: Output,
    /// Sessions that this one feeds faster than they read: reading waits for them.
    pressed: Vec<Arc<Session>>,
    held_back_since: Option<Tick>,
    durable: Durable,
    replays: Replays,
    pongs: Pongs,
    heard_at: Tick,
    has_asked: bool,
    timer: Pin<Box<Sleep>>,
    timer_at: Tick,
}

impl<'a> Connection<'a> {
    fn new(greeted: Greeted<'a>, shared: &'a Shared) -> Self {
        Self {
            binding: greeted.binding,
            stream: greeted.stream,
            input: Input::new(greeted.reader, greeted.received),
            output: Output::default(),
            attached: greeted.attached,
            pressed: Vec::new(),
            held_back_since: None,
            durable: Durable::default(),
            replays: Replays::default(),
            pongs: Pongs::default(),
            heard_at: shared.clock.tick(),
            has_asked: false,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            timer_at: Tick::default(),
        }
    }

    async fn run(mut self) -> End {
        let end = std::future::poll_fn(|cx| self.poll(cx)).await;
        // Nobody asks for their pages any more, which others may wait behind.
        self.replays = Replays::default();
        self.attached.ending = end.ending();
        if end.is_cut() {
            // Nothing more is done for it, however long the last words take.
            let Attached {
                shared, session, ..
            } = &self.attached;
            shared.router.end(session, Closed::Revoked);
            shared.router.detach(session);
        }
        if matches!(end, End::Slow) {
            let Attached {
                shared, session, ..
            } = &self.attached;
            shared.metrics.add_discarded(session.outbox.queued_bytes());
        }
        self.farewell(&end).await;
        end
    }

    /// Goes on with what can go on; ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            self.durable.settle(cx, &self.attached);
            self.replays.poll(cx, &self.attached);
            if let Err(end) = self.poll_write(cx) {
                return Poll::Ready(end);
            }
            match self.poll_read(cx) {
                // A flood: those who were just sent something have their turn before the rest of
                // it, else it would pile up in front of them.
                Poll::Ready(Ok(true)) => {
                    cx.waker().wake_by_ref();
                    break;
                }
                // Answers wait in the outbox now: write them before reading on.
                Poll::Ready(Ok(false)) => {}
                Poll::Ready(Err(end)) => return Poll::Ready(end),
                Poll::Pending => break,
            }
        }
        self.poll_timer(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let shared = self.attached.shared;
        let session = &self.attached.session;
        loop {
            if self.output.is_empty() {
                if session.wants_snapshot() {
                    input::with_work(shared, |work| {
                        shared.router.fill(session, shared.clock.now(), work);
                    });
                }
                self.pongs.settle(cx, &self.attached, &self.replays);
                match self.output.refill(session, cx.waker()) {
                    Some(reason) => return Err(reason.into()),
                    None if !self.output.is_empty() => {}
                    None => {
                        // TLS keeps what the socket did not take.
                        if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx) {
                            flushed?;
                        }
                        if session.wants_snapshot() {
                            // Others have their turn before the snapshot goes on.
                            cx.waker().wake_by_ref();
                        }
                        return Ok(());
                    }
                }
            } else if session.outbox.is_cut_off() {
                // What was taken before and is not written yet is not for this peer any more.
                let reason = session.outbox.closed();
                return Err(reason.map_or(End::Revoked, End::from));
            }
            match self.output.poll_write(cx, &mut self.stream, &self.attached) {
                Poll::Ready(result) => result?,
                Poll::Pending if session.outbox.closed() == Some(Closed::SlowConsumer) => {
                    return Err(End::Slow);
                }
                Poll::Pending => {
                    // A peer that takes nothing is found out by the timer.
                    let due = shared.clock.tick().after(WRITE_DEADLINE);
                    self.expect_timer(due);
                    return Ok(());
                }
            }
        }
    }

    /// Reads and does one batch; says if there is probably more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, End>> {
        if self.is_held_back(cx) {
            return Poll::Pending;
        }
        let session = &self.attached.session;
        self.input.replays_max = REPLAYS_WAITING_MAX.saturating_sub(self.replays.len());
        match self.input.poll(cx, &mut self.stream, &self.attached) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(end)) => Poll::Ready(Err(end)),
            Poll::Ready(Ok(received)) => {
                self.heard_at = received.at;
                self.has_asked = false;
                self.pressed = received.pressed;
                self.replays.extend(received.replays);
                self.pongs.extend(received.pongs_owed);
                if received.has_filled {
                    self.durable.note_filling();
                }
                if !received.control.is_empty() {
                    session.outbox.push_control(&received.control, received.at);
                }
                Poll::Ready(Ok(received.has_more))
            }
        }
    }

    /// True while reading waits: for subscribers that read, but not as fast as this peer sends,
    /// or for this peer itself to take its answers. // protocol/router.md 16.2
    fn is_held_back(&mut self, cx: &Context<'_>) -> bool {
        let (shared, waker) = (self.attached.shared, cx.waker());
        if self.durable.holds_back(&self.attached, waker) {
            // What the peer sends meanwhile is not heard.
            self.heard_at = shared.clock.tick();
            return true;
        }
        if !self.pressed.is_empty() {
            let now = shared.clock.tick();
            self.pressed
                .retain(|session| !session.outbox.has_room(now, waker));
            let since = *self.held_back_since.get_or_insert(now);
            if !self.pressed.is_empty() && now < since.after(STALL_MAX) {
                // What the peer sends meanwhile is not heard.
                self.heard_at = now;
                self.expect_timer(now.after(STALL_RECHECK));
                return true;
            }
            self.pressed.clear();
            self.held_back_since = None;
        }
        self.pongs.are_many() || !self.attached.session.outbox.has_room_for_answers(waker)
    }

    /// Makes the timer fire no later than `due`.
    fn expect_timer(&mut self, due: Tick) {
        if due < self.timer_at {
            self.set_timer(due);
        }
    }

    fn set_timer(&mut self, due: Tick) {
        self.timer_at = due;
        let at = self.attached.shared.clock.instant(due);
        let at = at.unwrap_or_else(|| std::time::Instant::now() + FAR);
        self.timer.as_mut().reset(at.into());
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        // A peer that never stops sending uses up what tokio grants a task for one turn.
        while pin!(unconstrained(self.timer.as_mut())).poll(cx).is_ready() {
            match self.check_liveness() {
                Ok(next) => self.set_timer(next),
                Err(end) => return Poll::Ready(end),
            }
            if self.has_asked || !self.pressed.is_empty() {
                // A ping waits to be written. Or room may have come without a word, or a
                // subscriber stands still now.
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }

    /// When to look again, or why the connection is over.
    /// // protocol/router.md 14.1, 14.2, 16.3, protocol/limits.md 4.6, 4.7, protocol/wire.md 9.6
    fn check_liveness(&mut self) -> Result<Tick, End> {
        let shared = self.attached.shared;
        let outbox = &self.attached.session.outbox;
        let now = shared.clock.tick();
        let expiry = self.check_expiry()?;
        let stalled = outbox.stalled_for(now);
        if stalled >= WRITE_DEADLINE {
            return Err(End::Slow);
        }
        let unwritten = match stalled {
            Duration::ZERO => Tick::NEVER,
            stalled => now.after(WRITE_DEADLINE - stalled),
        };
        let next = unwritten.min(expiry);
        let Some(timeout) = shared.plan.session_timeout else {
            return Ok(next);
        };
        let silent = Duration::from_micros(now.since(self.heard_at));
        if silent >= timeout {
            return Err(End::Silent);
        }
        if silent < timeout / 2 {
            return Ok(next.min(self.heard_at.after(timeout / 2)));
        }
        if !self.has_asked {
            self.has_asked = true;
            outbox.push_control(&output::ping(self.binding), now);
        }
        Ok(next.min(self.heard_at.after(timeout)))
    }

    /// When to look again whether the time of the session's token is over: at its end, and now and
    /// then before, since the wall clock may be set. // protocol/router.md 17.9
    fn check_expiry(&self) -> Result<Tick, End> {
        let Some(expires_at) = self.attached.session.principal.expires_at else {
            return Ok(Tick::NEVER);
        };
        let now = self.attached.shared.clock.now();
        let end = expires_at.saturating_add(1).saturating_mul(1_000_000);
        match end.checked_sub(now.wall.0) {
            None | Some(0) => Err(End::Expired),
            Some(left) => {
                let left = Duration::from_micros(left);
                Ok(now.tick.after(left.min(EXPIRY_CHECK_INTERVAL)))
            }
        }
    }
}

/// Beyond any timer.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
