//! What the handles of a client and its driver share, and how calls travel from one to the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clasp_proto::Welcome;
use tokio::sync::{mpsc, oneshot};

use crate::cache::Cache;
use crate::clock::ClockReading;
use crate::error::{ClientError, Refusal};
use crate::limits::COMMANDS_MAX;
use crate::session::{Answer, Request, Ticket};
use crate::subscription::Feed;

/// What handles can see of the driver's knowledge.
#[derive(Debug)]
pub(crate) struct Shared {
    cache: Mutex<Cache>,
    known: Mutex<Known>,
    last_ticket: AtomicU64,
}

/// What the driver knows of the router.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) welcome: Welcome,
    pub(crate) clock: ClockReading,
    pub(crate) last_refusal: Option<Refusal>,
}

impl Shared {
    pub(crate) fn new(cache: Cache, known: Known) -> Self {
        Self {
            cache: Mutex::new(cache),
            known: Mutex::new(known),
            last_ticket: AtomicU64::new(0),
        }
    }

    // What these locks guard is complete before anything can panic, so a poisoned lock is as good as any.

    pub(crate) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.last_ticket.fetch_add(1, Ordering::Relaxed))
    }
}

/// What comes back to a call.
pub(crate) type Outcome = Result<Answer, ClientError>;

/// One call on its way to the driver.
#[derive(Debug)]
pub(crate) enum Command {
    /// A request and who waits for its answer, if anybody does.
    Request(Request, Option<Waiter>),
    /// A subscription: like a request, and where its updates go.
    Subscribe(Request, Waiter, u32, Arc<Feed>),
    Unsubscribe(u32),
    Abandon(Ticket),
}

/// Who waits for an answer.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: Ticket,
    pub(crate) sender: oneshot::Sender<Outcome>,
}

/// The handles' ends of the queues to the driver, which ends when all of them are gone.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    queue: mpsc::Sender<Command>,
    closing: mpsc::Sender<oneshot::Sender<()>>,
}

/// The driver's ends.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) queue: mpsc::Receiver<Command>,
    /// Apart from the queue, which is not read while there is no connection.
    pub(crate) closing: mpsc::Receiver<oneshot::Sender<()>>,
}

/// Both ends of the queues between handles and driver.
pub(crate) fn queues() -> (Commands, Inbox) {
    let (queue, queue_end) = mpsc::channel(COMMANDS_MAX);
    let (closing, closing_end) = mpsc::channel(1);
    let inbox = Inbox {
        queue: queue_end,
        closing: closing_end,
    };
    (Commands { queue, closing }, inbox)
}

/// The driver has ended.
#[derive(Debug)]
pub(crate) struct Ended;

impl Commands {
    /// Waits for room in the queue.
    pub(crate) async fn send(&self, command: Command) -> Result<(), Ended> {
        self.queue.send(command).await.map_err(|_| Ended)
    }

    /// The caller gave up. Without room in the queue the entry stays until the session ends.
    pub(crate) fn abandon(&self, ticket: Ticket) {
        drop(self.queue.try_send(Command::Abandon(ticket)));
    }

    /// Nobody reads the subscription. Without room in the queue the driver finds out at the next update for it.
    pub(crate) fn unsubscribe(&self, id: u32) {
        drop(self.queue.try_send(Command::Unsubscribe(id)));
    }

    /// Ends the driver and waits for it.
    pub(crate) async fn close(&self) {
        let (sender, closed) = oneshot::channel();
        if self.closing.send(sender).await.is_ok() {
            // An error means that the driver is gone, which is what was asked for.
            drop(closed.await);
        }
    }
}
