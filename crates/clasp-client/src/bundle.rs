//! Several sets and publications as one.

use std::time::Duration;

use clasp_proto::{Address, AddressError, Bundle, Message, Publish, Set, Signal, Value};

use crate::client::Client;
use crate::driver::now;
use crate::error::ClientError;
use crate::session::{Answer, Request};

/// Sets and publications that the router carries out together, in this order, or not at all; made by [`Client::bundle`].
#[derive(Debug)]
#[must_use = "a bundle does nothing until it is sent"]
pub struct BundleCall {
    client: Client,
    bundle: Bundle,
    wrong: Option<AddressError>,
}

impl BundleCall {
    pub(crate) fn new(client: Client) -> Self {
        let bundle = Bundle {
            timestamp: None,
            messages: Vec::new(),
        };
        Self {
            client,
            bundle,
            wrong: None,
        }
    }

    /// Adds a set.
    pub fn set(self, address: &str, value: impl Into<Value>) -> Self {
        self.set_with(Set {
            address: address.to_owned(),
            value: value.into(),
            ..Set::default()
        })
    }

    /// Adds an event.
    pub fn emit(self, address: &str, value: impl Into<Value>) -> Self {
        self.publish(Publish {
            address: address.to_owned(),
            signal: Some(Signal::Event),
            value: Some(value.into()),
            ..Publish::default()
        })
    }

    /// Adds a set with all its options: revision, lock, unlock, ttl.
    pub fn set_with(self, set: Set) -> Self {
        let address = set.address.clone();
        self.member(&address, Message::Set(set))
    }

    /// Adds a publication of any signal.
    pub fn publish(self, publish: Publish) -> Self {
        let address = publish.address.clone();
        self.member(&address, Message::Publish(publish))
    }

    /// Carried out when the router's clock shows this, in microseconds since the Unix epoch; see [`Client::router_time`].
    pub fn at(mut self, router_time: u64) -> Self {
        self.bundle.timestamp = Some(router_time);
        self
    }

    /// Sends the bundle and waits until it has been carried out; the answer is the revision of its last set.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal names the address of the member it is about.
    pub async fn send(self) -> Result<Option<u64>, ClientError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong.into());
        }
        let patience = self.client.call_timeout() + self.delay();
        let request = Request::Bundle(self.bundle);
        let answer = self
            .client
            .call_within(patience, |waiter| {
                crate::shared::Command::Request(request, Some(waiter))
            })
            .await?;
        match answer {
            Answer::Accepted { revision } => Ok(revision),
            // The session machine answers a BUNDLE with nothing else.
            _ => Ok(None),
        }
    }

    fn member(mut self, address: &str, message: Message) -> Self {
        if let Err(wrong) = Address::check(address) {
            self.wrong.get_or_insert(wrong);
        }
        self.bundle.messages.push(message);
        self
    }

    fn delay(&self) -> Duration {
        let at = self.bundle.timestamp.unwrap_or(0);
        Duration::from_micros(at.saturating_sub(self.client.router_time().min(now())))
    }
}
