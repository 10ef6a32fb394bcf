//! Client: the handle users hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clasp_proto::{
    Address, Announce, Code, Param, Pattern, Publish, Set, Signal, SignalDefinition, Timeline,
    Value,
};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::builder::Builder;
use crate::bundle::BundleCall;
use crate::clock::ClockReading;
use crate::driver::{Running, now};
use crate::error::{ClientError, Disconnect, Refusal};
use crate::gesture::Gesture;
use crate::limits::SUBSCRIPTIONS_MAX;
use crate::session::{Answer, Request, Ticket};
use crate::set::SetCall;
use crate::shared::{Command, Commands, Shared, Waiter};
use crate::status::{Status, StatusChanges};
use crate::subscribe::SubscribeCall;

/// A connection to a CLASP router. Cheap to clone; the connection ends when the last clone and the last
/// [`Subscription`](crate::Subscription) are dropped, or on [`Client::close`].
///
/// Calls that the router answers wait for that answer and fail with the router's reason. After a lost connection, calls
/// wait for the new one, up to their timeout; calls that were under way fail with [`ClientError::Disconnected`].
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    commands: Commands,
    shared: Arc<Shared>,
    status: watch::Receiver<Status>,
    call_timeout: Duration,
    last_subscription: AtomicU32,
    /// Each open subscription holds a clone, which is how they are counted.
    open_subscriptions: Arc<()>,
    last_gesture: AtomicU32,
}

/// Connecting and looking around.
impl Client {
    /// Connects with default options; the same as `Client::builder(url).connect()`.
    ///
    /// # Errors
    /// Nobody answers, it is not a CLASP router, or it wants a token.
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        Self::builder(url).connect().await
    }

    /// Options for a connection to a url like `ws://localhost:7330`.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn new(running: Running, call_timeout: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                commands: running.commands,
                shared: running.shared,
                status: running.status,
                call_timeout,
                last_subscription: AtomicU32::new(0),
                open_subscriptions: Arc::new(()),
                last_gesture: AtomicU32::new(0),
            }),
        }
    }

    /// The id of the current session, the last one while there is none.
    pub fn session(&self) -> String {
        self.inner.shared.known().welcome.session.clone()
    }

    /// The name the router gave itself.
    pub fn router_name(&self) -> String {
        self.inner.shared.known().welcome.name.clone()
    }

    /// Where the connection stands.
    pub fn status(&self) -> Status {
        self.inner.status.borrow().clone()
    }

    /// The changes of the status from now on.
    pub fn status_changes(&self) -> StatusChanges {
        StatusChanges::new(self.inner.status.clone())
    }

    /// The last error of the router that no call was to blame for, such as a refused [`Client::stream`].
    pub fn last_refusal(&self) -> Option<Refusal> {
        self.inner.shared.known().last_refusal.clone()
    }

    /// The router's clock as known so far; see [`Client::sync`].
    pub fn clock(&self) -> ClockReading {
        self.inner.shared.known().clock
    }

    /// What the router's clock shows now, in microseconds since the Unix epoch.
    pub fn router_time(&self) -> u64 {
        now().saturating_add_signed(self.clock().offset_us as i64)
    }

    /// Sends what was asked for, says goodbye and waits until the connection is closed. Other clones fail from then on.
    pub async fn close(self) {
        self.inner.commands.close().await;
    }
}

/// Params.
impl Client {
    /// Sets a param and waits until the router has accepted it; the answer is the new revision.
    /// Options are set before awaiting: `client.set("/a", 1).lock().await`.
    pub fn set(&self, address: &str, value: impl Into<Value>) -> SetCall {
        SetCall::new(self.clone(), address, value.into())
    }

    /// Sets a param without asking whether it was accepted, as fast as the connection takes it.
    ///
    /// # Errors
    /// The address is invalid, or there is no connection.
    pub async fn set_unconfirmed(
        &self,
        address: &str,
        value: impl Into<Value>,
    ) -> Result<(), ClientError> {
        Address::check(address)?;
        self.cast(Request::Set(Set {
            address: address.to_owned(),
            value: value.into(),
            ..Set::default()
        }))
        .await
    }

    /// Asks the router for a param; `None` when it does not exist or may not be read.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get(&self, address: &str) -> Result<Option<Param>, ClientError> {
        Address::check(address)?;
        match self.call(Request::Get(address.to_owned())).await {
            Ok(Answer::Param(param)) => Ok(Some(param)),
            Ok(_) => Ok(None),
            Err(ClientError::Refused(refusal)) if refusal.is(Code::AddressNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The last value of a param the router told of, without asking it.
    /// Right after connecting that may still be nothing: the router tells all params after its welcome.
    pub fn cached(&self, address: &str) -> Option<Param> {
        self.inner.shared.cache().param(address)
    }
}

/// Publications.
impl Client {
    /// Publishes an event and waits until the router has accepted it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn emit(&self, address: &str, value: impl Into<Value>) -> Result<(), ClientError> {
        self.publish(self.publication(address, Signal::Event, Some(value.into())))
            .await
    }

    /// Publishes one value of a stream, without waiting for the router.
    ///
    /// # Errors
    /// The address is invalid, or there is no connection.
    pub async fn stream(&self, address: &str, value: impl Into<Value>) -> Result<(), ClientError> {
        let publication = self.publication(address, Signal::Stream, Some(value.into()));
        self.publish_unconfirmed(publication).await
    }

    /// A gesture at an address, to be started, moved and ended.
    pub fn gesture(&self, address: &str) -> Gesture {
        let id = self.inner.last_gesture.fetch_add(1, Ordering::Relaxed) + 1;
        Gesture::new(self.clone(), address, id)
    }

    /// Publishes a timeline and waits until the router has accepted it. It travels as the value of the publication.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn timeline(&self, address: &str, timeline: &Timeline) -> Result<(), ClientError> {
        let value = timeline.to_value();
        self.publish(self.publication(address, Signal::Timeline, Some(value)))
            .await
    }

    /// Sends any publication and waits until the router has accepted it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publish(&self, publication: Publish) -> Result<(), ClientError> {
        Address::check(&publication.address)?;
        self.call(Request::Publish(publication)).await.map(drop)
    }

    /// Sends any publication without waiting for the router. A refusal shows in [`Client::last_refusal`].
    ///
    /// # Errors
    /// The address is invalid, or there is no connection.
    pub async fn publish_unconfirmed(&self, publication: Publish) -> Result<(), ClientError> {
        Address::check(&publication.address)?;
        self.cast(Request::Publish(publication)).await
    }

    /// Several sets and publications that the router carries out together or not at all.
    pub fn bundle(&self) -> BundleCall {
        BundleCall::new(self.clone())
    }
}

/// Subscriptions, signals and the clock.
impl Client {
    /// Subscribes to what matches a pattern and waits until the router has accepted it.
    /// Options are set before awaiting: `client.subscribe("/lights/**").max_rate(30).await`.
    pub fn subscribe(&self, pattern: &str) -> SubscribeCall {
        SubscribeCall::new(self.clone(), pattern)
    }

    /// Announces signals, so that [`Client::query`] finds them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn announce(
        &self,
        namespace: &str,
        signals: Vec<SignalDefinition>,
    ) -> Result<(), ClientError> {
        let announce = Announce {
            namespace: namespace.to_owned(),
            signals,
            meta: None,
        };
        self.call(Request::Announce(announce)).await.map(drop)
    }

    /// The announced signals whose address matches a pattern.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn query(&self, pattern: &str) -> Result<Vec<SignalDefinition>, ClientError> {
        Pattern::parse(pattern)?;
        match self.call(Request::Query(pattern.to_owned())).await? {
            Answer::Signals(signals) => Ok(signals),
            _ => Ok(Vec::new()),
        }
    }

    /// Reads the router's clock, which is also a sign that it has handled everything sent before.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sync(&self) -> Result<ClockReading, ClientError> {
        match self.call(Request::Sync).await? {
            Answer::Clock(reading) => Ok(reading),
            _ => Ok(self.clock()),
        }
    }
}

/// How calls reach the driver.
impl Client {
    pub(crate) fn publication(
        &self,
        address: &str,
        signal: Signal,
        value: Option<Value>,
    ) -> Publish {
        Publish {
            address: address.to_owned(),
            signal: Some(signal),
            value,
            timestamp: Some(self.router_time()),
            ..Publish::default()
        }
    }

    pub(crate) fn commands(&self) -> Commands {
        self.inner.commands.clone()
    }

    /// One more open subscription, if there may be one.
    pub(crate) fn open_subscription(&self) -> Result<Arc<()>, ClientError> {
        let open = Arc::clone(&self.inner.open_subscriptions);
        // The client's own and this one do not count.
        if Arc::strong_count(&open) > SUBSCRIPTIONS_MAX + 1 {
            return Err(ClientError::TooManySubscriptions {
                max: SUBSCRIPTIONS_MAX,
            });
        }
        Ok(open)
    }

    /// Numbers are never used twice, so a late answer for an old subscription meets nobody. protocol/router.md 5.1
    pub(crate) fn next_subscription(&self) -> u32 {
        self.inner.last_subscription.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Sends a request that nobody waits for.
    pub(crate) async fn cast(&self, request: Request) -> Result<(), ClientError> {
        if let Some(reason) = self.inner.status.borrow().reason() {
            return Err(ClientError::Disconnected(reason.clone()));
        }
        let sent = self.inner.commands.send(Command::Request(request, None));
        sent.await.map_err(|_| self.ended())
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn call(&self, request: Request) -> Result<Answer, ClientError> {
        self.call_within(self.inner.call_timeout, |waiter| {
            Command::Request(request, Some(waiter))
        })
        .await
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.inner.call_timeout
    }

    pub(crate) async fn call_within(
        &self,
        within: Duration,
        command: impl FnOnce(Waiter) -> Command,
    ) -> Result<Answer, ClientError> {
        let ticket = self.inner.shared.ticket();
        let (sender, receiver) = oneshot::channel();
        let command = command(Waiter { ticket, sender });
        let mut unanswered = Unanswered {
            commands: &self.inner.commands,
            ticket: Some(ticket),
        };
        let answered = timeout(within, async {
            let sent = self.inner.commands.send(command).await;
            sent.map_err(|_| self.ended())?;
            receiver.await.unwrap_or_else(|_| Err(self.ended()))
        });
        match answered.await {
            Ok(outcome) => {
                unanswered.ticket = None;
                outcome
            }
            Err(_) => Err(match self.status().reason() {
                Some(reason) => ClientError::Disconnected(reason.clone()),
                None => ClientError::Timeout { within },
            }),
        }
    }

    fn ended(&self) -> ClientError {
        let reason = self.status().reason().cloned();
        ClientError::Disconnected(reason.unwrap_or(Disconnect::Closed))
    }
}

/// A call without an answer; dropped when its time is up or its future is dropped.
struct Unanswered<'a> {
    commands: &'a Commands,
    ticket: Option<Ticket>,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.commands.abandon(ticket);
        }
    }
}
