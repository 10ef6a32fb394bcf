//! A SET with its options, sent when it is awaited.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use clasp_proto::{Address, Set, Ttl, Value};

use crate::client::Client;
use crate::error::ClientError;
use crate::session::{Answer, Request};

/// A SET that is sent when it is awaited; made by [`Client::set`]. Its answer is the new revision.
#[derive(Debug)]
#[must_use = "a set is sent when it is awaited"]
pub struct SetCall {
    client: Client,
    set: Set,
}

impl SetCall {
    pub(crate) fn new(client: Client, address: &str, value: Value) -> Self {
        let set = Set {
            address: address.to_owned(),
            value,
            ..Set::default()
        };
        Self { client, set }
    }

    /// Refused unless the param is at this revision; 0 is refused unless it does not exist yet.
    pub fn revision(mut self, revision: u64) -> Self {
        self.set.revision = Some(revision);
        self
    }

    /// Others cannot set the param until it is unlocked or this session ends.
    pub fn lock(mut self) -> Self {
        self.set.lock = true;
        self
    }

    /// Gives up the lock with this change.
    pub fn unlock(mut self) -> Self {
        self.set.unlock = true;
        self
    }

    /// When the param expires; a set without this keeps what an earlier one said.
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.set.ttl = Some(ttl);
        self
    }
}

impl IntoFuture for SetCall {
    type Output = Result<u64, ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            Address::check(&self.set.address)?;
            match self.client.call(Request::Set(self.set)).await? {
                Answer::Accepted { revision } => Ok(revision.unwrap_or_default()),
                // The session machine answers a SET with nothing else.
                _ => Ok(0),
            }
        })
    }
}
