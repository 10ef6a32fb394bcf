//! A SUBSCRIBE with its options, sent when it is awaited.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use clasp_proto::{Pattern, Subscribe, SubscribeOptions, TypeMask};

use crate::client::Client;
use crate::error::ClientError;
use crate::session::Request;
use crate::shared::Command;
use crate::subscription::{Feed, Subscription};

/// A SUBSCRIBE that is sent when it is awaited; made by [`Client::subscribe`].
#[derive(Debug)]
#[must_use = "a subscription begins when it is awaited"]
pub struct SubscribeCall {
    client: Client,
    pattern: String,
    types: TypeMask,
    options: SubscribeOptions,
}

impl SubscribeCall {
    pub(crate) fn new(client: Client, pattern: &str) -> Self {
        Self {
            client,
            pattern: pattern.to_owned(),
            types: TypeMask::ALL,
            options: SubscribeOptions::default(),
        }
    }

    /// Only these kinds of signals; all unless set.
    pub fn types(mut self, types: TypeMask) -> Self {
        self.types = types;
        self
    }

    /// At most this many updates a second for each address; the latest value of a param always arrives.
    pub fn max_rate(mut self, updates_per_second: u32) -> Self {
        self.options.max_rate = Some(updates_per_second);
        self
    }

    /// Only changes of a number by at least this much.
    pub fn epsilon(mut self, change: f64) -> Self {
        self.options.epsilon = Some(change);
        self
    }

    async fn send(self) -> Result<Subscription, ClientError> {
        let pattern = Pattern::parse(&self.pattern)?;
        let open = self.client.open_subscription()?;
        let feed = Arc::new(Feed::default());
        let id = self.client.next_subscription();
        let message = Subscribe {
            id,
            pattern: self.pattern.clone(),
            types: self.types,
            options: self.options,
        };
        // Made before the router is asked: when the call fails, dropping it takes everything back.
        let subscription = Subscription {
            id,
            pattern: self.pattern,
            feed: Arc::clone(&feed),
            commands: self.client.commands(),
            _open: open,
        };
        let request = Request::Subscribe(message, pattern);
        let command = |waiter| Command::Subscribe(request, waiter, id, feed);
        let within = self.client.call_timeout();
        self.client.call_within(within, command).await?;
        Ok(subscription)
    }
}

impl IntoFuture for SubscribeCall {
    type Output = Result<Subscription, ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
