//! The one task that owns the link: carries calls to the session machine and its frames to the router,
//! and makes a lost connection again. The only place of this crate that spawns.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use clasp_proto::Close;
use clasp_transport::{Link, LinkError};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::backoff::Backoff;
use crate::cache::Cache;
use crate::connect::{Target, connect, farewell};
use crate::error::{ClientError, Disconnect, Refusal};
use crate::limits::{COMMAND_BATCH_MAX, WRITE_TIMEOUT};
use crate::session::{Event, Request, Session, Ticket};
use crate::shared::{Command, Commands, Inbox, Known, Outcome, Shared, Waiter, queues};
use crate::status::Status;
use crate::subscription::Feed;
use crate::update::Update;

/// What handles keep of a running driver.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) commands: Commands,
    pub(crate) shared: Arc<Shared>,
    pub(crate) status: watch::Receiver<Status>,
}

/// Connects, and starts the task that keeps the connection.
pub(crate) async fn start(target: Target, cache: Cache) -> Result<Running, ClientError> {
    let mut session = Session::new(target.greeting.clone());
    let (link, welcome) = connect(&target, &mut session).await?;
    let known = Known {
        welcome,
        clock: session.clock(),
        last_refusal: None,
    };
    let shared = Arc::new(Shared::new(cache, known));
    let (commands, inbox) = queues();
    let (status_sender, status) = watch::channel(Status::Connected);
    let driver = Driver {
        backoff: Backoff::new(target.reconnect.clone()),
        target,
        session,
        inbox,
        held: Vec::new(),
        shared: Arc::clone(&shared),
        status: status_sender,
        waiters: HashMap::new(),
        feeds: HashMap::new(),
        farewell: None,
    };
    tokio::spawn(driver.run(link));
    Ok(Running {
        commands,
        shared,
        status,
    })
}

/// The local clock in microseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is as wrong as one at 1970.
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

/// See the top of the file.
#[derive(Debug)]
struct Driver {
    target: Target,
    session: Session,
    inbox: Inbox,
    /// Commands taken from the inbox while there was no connection.
    held: Vec<Command>,
    shared: Arc<Shared>,
    status: watch::Sender<Status>,
    backoff: Backoff,
    waiters: HashMap<Ticket, oneshot::Sender<Outcome>>,
    feeds: HashMap<u32, Arc<Feed>>,
    /// What the router said last, if that may be why it ends the session.
    farewell: Option<Refusal>,
}

/// Why the driver stops serving a link.
#[derive(Debug)]
enum End {
    /// The user has had enough; the sender tells when the link is closed.
    Closed(Option<oneshot::Sender<()>>),
    Lost(Disconnect),
}

impl Driver {
    async fn run(mut self, mut link: Link) {
        let (reason, done) = loop {
            let end = self.serve(&mut link).await;
            let reason = match end {
                End::Lost(reason) => self.explained(reason),
                End::Closed(done) => {
                    self.part(&mut link).await;
                    break (Disconnect::Closed, done);
                }
            };
            drop(link);
            self.lost(&reason);
            match self.reconnect(reason).await {
                Ok(again) => link = again,
                Err(end) => break end,
            }
        };
        self.finish(&reason);
        if let Some(done) = done {
            // Nobody waiting for the end any more is fine.
            done.send(()).ok();
        }
    }

    /// Serves one link until it ends.
    async fn serve(&mut self, link: &mut Link) -> End {
        let held = std::mem::take(&mut self.held);
        held.into_iter().for_each(|command| self.command(command));
        let mut batch = Vec::with_capacity(COMMAND_BATCH_MAX);
        let mut heard = Instant::now();
        let mut asked = false;
        loop {
            if let Err(reason) = self.flush(link).await {
                return End::Lost(reason);
            }
            let quiet = self.target.quiet;
            let patience = if asked { 2 * quiet } else { quiet };
            tokio::select! {
                frame = link.recv() => match frame {
                    Ok(Some(frame)) => {
                        heard = Instant::now();
                        asked = false;
                        self.receive(&frame);
                    }
                    Ok(None) => return End::Lost(farewell(link)),
                    Err(error) => return End::Lost(Disconnect::Link(Arc::new(error))),
                },
                _ = self.inbox.queue.recv_many(&mut batch, COMMAND_BATCH_MAX), if self.session.has_room() => {
                    batch.drain(..).for_each(|command| self.command(command));
                }
                closing = self.inbox.closing.recv() => return End::Closed(closing),
                () = sleep_until(heard + patience) => {
                    if asked {
                        return End::Lost(Disconnect::Quiet);
                    }
                    asked = true;
                    self.request(Request::Sync, None);
                }
                // What is due is among what is written next.
                () = again(self.session.again_due()) => {}
            }
        }
    }

    /// Writes what the session has to say, in one go.
    async fn flush(&mut self, link: &mut Link) -> Result<(), Disconnect> {
        let frames = self.session.take_outgoing(now());
        if frames.is_empty() {
            return Ok(());
        }
        match send(link, &frames).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(last_words(link, error).await),
            None => Err(Disconnect::Stalled),
        }
    }

    /// Closes the link after everything that was asked for before.
    async fn part(&mut self, link: &mut Link) {
        while let Ok(command) = self.inbox.queue.try_recv() {
            self.command(command);
        }
        if self.flush(link).await.is_ok() {
            let farewell = link.close(Close::Normal.number(), Close::Normal.reason());
            // A router that does not take the farewell does not need it.
            drop(timeout(WRITE_TIMEOUT, farewell).await);
        }
    }

    /// A router says why it ends a session before it closes the link, which may have no place for that.
    /// protocol/errors.md 2.1
    fn explained(&mut self, reason: Disconnect) -> Disconnect {
        match (reason, self.farewell.take()) {
            (Disconnect::ByRouter { code, reason }, Some(farewell)) if reason.is_empty() => {
                let reason = farewell.message;
                Disconnect::ByRouter { code, reason }
            }
            (reason, _) => reason,
        }
    }

    /// Fails what waited for an answer, and keeps of the queue what still makes sense in the next session.
    fn lost(&mut self, reason: &Disconnect) {
        self.status.send_replace(Status::Reconnecting {
            reason: reason.clone(),
            attempts: 0,
        });
        tracing::info!(%reason, "connection lost");
        self.session.disconnected();
        self.events(Some(reason));
        while let Ok(command) = self.inbox.queue.try_recv() {
            // A publication nobody asks about is for the moment it was made.
            if !matches!(command, Command::Request(_, None)) {
                self.held.push(command);
            }
        }
    }

    /// Makes the connection again, or tells why not.
    async fn reconnect(
        &mut self,
        mut reason: Disconnect,
    ) -> Result<Link, (Disconnect, Option<oneshot::Sender<()>>)> {
        loop {
            let Some(delay) = self.backoff.next_delay(random()) else {
                return Err((reason, None));
            };
            tokio::select! {
                () = sleep(delay) => {}
                closing = self.inbox.closing.recv() => return Err((Disconnect::Closed, closing)),
            }
            let outcome = tokio::select! {
                outcome = connect(&self.target, &mut self.session) => outcome,
                closing = self.inbox.closing.recv() => return Err((Disconnect::Closed, closing)),
            };
            match outcome {
                Ok((link, welcome)) => {
                    self.backoff.reset();
                    self.shared.known().welcome = welcome;
                    self.status.send_replace(Status::Connected);
                    tracing::info!(url = self.target.url, "connected again");
                    return Ok(link);
                }
                Err(error) => reason = self.attempt_failed(error),
            }
            if reason.is_final() {
                return Err((reason, None));
            }
        }
    }

    fn attempt_failed(&mut self, error: ClientError) -> Disconnect {
        tracing::debug!(%error, "could not connect again");
        self.session.disconnected();
        let reason = Disconnect::from_attempt(error);
        self.status.send_replace(Status::Reconnecting {
            reason: reason.clone(),
            attempts: self.backoff.attempts(),
        });
        reason
    }

    /// Nothing will come any more: tells everybody who waits.
    fn finish(&mut self, reason: &Disconnect) {
        self.status.send_replace(Status::Closed {
            reason: reason.clone(),
        });
        self.session.disconnected();
        self.events(Some(reason));
        for feed in self.feeds.values() {
            feed.end(None);
        }
    }
}

/// Between calls, session and subscriptions.
impl Driver {
    fn command(&mut self, command: Command) {
        match command {
            Command::Request(request, waiter) => self.request(request, waiter),
            Command::Subscribe(request, waiter, id, feed) => {
                if !waiter.sender.is_closed() {
                    self.feeds.insert(id, feed);
                    self.request(request, Some(waiter));
                }
            }
            Command::Unsubscribe(id) => self.unsubscribe(id),
            Command::Abandon(ticket) => {
                self.waiters.remove(&ticket);
                self.session.abandon(ticket);
            }
        }
    }

    fn request(&mut self, request: Request, waiter: Option<Waiter>) {
        let Some(Waiter { ticket, sender }) = waiter else {
            if let Err(error) = self.session.request(request, None, now()) {
                tracing::warn!(%error, "dropped a publication that fits no frame");
            }
            return;
        };
        // A caller that gave up while there was no connection does not want it done any more.
        if sender.is_closed() {
            return;
        }
        match self.session.request(request, Some(ticket), now()) {
            Ok(()) => {
                self.waiters.insert(ticket, sender);
            }
            Err(error) => drop(sender.send(Err(error.into()))),
        }
    }

    fn unsubscribe(&mut self, id: u32) {
        if self.feeds.remove(&id).is_some() {
            self.shared.cache().forget_subscription(id);
        }
        self.request(Request::Unsubscribe(id), None);
    }

    fn receive(&mut self, frame: &Bytes) {
        if let Some(refusal) = self.farewell.take() {
            // It was none: the session goes on.
            tracing::warn!(%refusal, "refused");
        }
        let read = self.session.receive(frame, now(), &mut self.shared.cache());
        if let Err(error) = read {
            // One frame that makes no sense is no reason to give up the others. protocol/wire.md 7
            tracing::warn!(%error, bytes = frame.len(), "ignored a frame that cannot be read");
        }
        self.events(None);
    }

    /// Passes on what came of a frame, or of a loss for this reason.
    fn events(&mut self, lost: Option<&Disconnect>) {
        while let Some(event) = self.session.next_event() {
            match event {
                Event::Answered { ticket, outcome } => {
                    self.answer(ticket, outcome.map_err(ClientError::Refused));
                }
                Event::Lost(ticket) => {
                    let reason = lost.cloned().unwrap_or(Disconnect::Closed);
                    self.answer(ticket, Err(ClientError::Disconnected(reason)));
                }
                Event::Updated {
                    subscriptions,
                    update,
                } => self.updated(&subscriptions, update),
                Event::SubscriptionRefused { id, refusal } => {
                    tracing::warn!(%refusal, "a subscription was not taken up again");
                    if let Some(feed) = self.feeds.remove(&id) {
                        feed.end(Some(refusal));
                    }
                }
                Event::Unclaimed(refusal) => {
                    self.shared.known().last_refusal = Some(refusal.clone());
                    self.unclaimed(refusal);
                }
                Event::ClockRead(clock) => self.shared.known().clock = clock,
                // The handshake is over before events come here.
                Event::Welcomed(_) | Event::Rejected(_) => {}
            }
        }
    }

    /// Some of these are said before the router closes the link, and are the reason then.
    fn unclaimed(&mut self, refusal: Refusal) {
        if refusal.may_end_session() {
            self.farewell = Some(refusal);
        } else {
            tracing::warn!(%refusal, "refused");
        }
    }

    fn answer(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(sender) = self.waiters.remove(&ticket) {
            // A caller that no longer listens has been told so already.
            drop(sender.send(outcome));
        }
    }

    fn updated(&mut self, subscriptions: &[u32], update: Update) {
        let mut unread = Vec::new();
        for id in subscriptions {
            let is_read = match self.feeds.get(id) {
                Some(feed) => feed.push(update.clone()),
                None => false,
            };
            if !is_read {
                unread.push(*id);
            }
        }
        for id in unread {
            self.unsubscribe(id);
        }
    }
}

/// Writes frames, however long that takes a slow link; `None` when the link took nothing for too long.
async fn send(link: &mut Link, frames: &[Bytes]) -> Option<Result<(), LinkError>> {
    let mut unsent = link.unsent_bytes() + frames.iter().map(Bytes::len).sum::<usize>();
    let mut frames = frames;
    loop {
        if let Ok(outcome) = timeout(WRITE_TIMEOUT, link.send_many(frames)).await {
            return Some(outcome);
        }
        // What was given stays with the link.
        frames = &[];
        if link.unsent_bytes() >= unsent {
            return None;
        }
        unsent = link.unsent_bytes();
    }
}

/// A router that ends a link may have said why before writing to it failed.
async fn last_words(link: &mut Link, error: LinkError) -> Disconnect {
    let read = async { while let Ok(Some(_)) = link.recv().await {} };
    drop(timeout(LAST_WORDS_TIME, read).await);
    match link.closed() {
        Some(_) => farewell(link),
        None => Disconnect::Link(Arc::new(error)),
    }
}

/// Until this time of the local clock.
async fn again(due: Option<u64>) {
    match due {
        Some(due) => sleep(Duration::from_micros(due.saturating_sub(now()))).await,
        None => std::future::pending().await,
    }
}

/// Any number, another one each time.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// How long to look for the reason of a link that broke while writing.
const LAST_WORDS_TIME: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use clasp_transport::{Stream, memory};
    use tokio::io::AsyncReadExt;
    use tokio::time::interval;

    use super::*;

    /// Sends more than the router takes in one write timeout and tells whether it went out.
    async fn check(router: impl AsyncFnOnce(Stream), expected: bool) {
        let (near, far) = memory::pair(ROOM_BYTES);
        let mut link = Link::length(near);
        let frames = [Bytes::from(vec![7; 8 * ROOM_BYTES])];
        let sent = tokio::select! {
            sent = send(&mut link, &frames) => sent,
            () = async { router(far).await; std::future::pending().await } => None,
        };
        assert_eq!(matches!(sent, Some(Ok(()))), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_router_is_waited_for_and_one_that_stands_still_is_not() {
        let slow = async |mut far: Stream| {
            let mut often = interval(WRITE_TIMEOUT / 2);
            let mut taken = vec![0; ROOM_BYTES];
            loop {
                often.tick().await;
                far.read_exact(&mut taken).await.unwrap();
            }
        };
        check(slow, true).await;
        let still = async |far: Stream| {
            std::future::pending::<()>().await;
            drop(far);
        };
        check(still, false).await;
    }

    const ROOM_BYTES: usize = 1024;
}
