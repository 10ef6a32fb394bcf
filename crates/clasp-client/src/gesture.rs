//! A gesture from its start to its end.

use clasp_proto::{Phase, Publish, Signal, Value};

use crate::client::Client;
use crate::error::ClientError;

/// A gesture at an address, such as a finger on a fader; made by [`Client::gesture`].
///
/// Several gestures can be under way at one address, each has its own id. The router may leave out moves that follow one
/// another faster than it forwards them, the latest always arrives.
#[derive(Debug, Clone)]
pub struct Gesture {
    client: Client,
    address: String,
    id: u32,
}

impl Gesture {
    pub(crate) fn new(client: Client, address: &str, id: u32) -> Self {
        Self {
            client,
            address: address.to_owned(),
            id,
        }
    }

    /// The id that tells this gesture from others at its address.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Begins the gesture.
    ///
    /// # Errors
    /// The address is invalid, or there is no connection.
    pub async fn start(&self, value: impl Into<Value>) -> Result<(), ClientError> {
        self.publish(Phase::Start, Some(value.into())).await
    }

    /// Moves on.
    ///
    /// # Errors
    /// As for [`Gesture::start`].
    pub async fn move_to(&self, value: impl Into<Value>) -> Result<(), ClientError> {
        self.publish(Phase::Move, Some(value.into())).await
    }

    /// Ends the gesture.
    ///
    /// # Errors
    /// As for [`Gesture::start`].
    pub async fn end(self, value: impl Into<Value>) -> Result<(), ClientError> {
        self.publish(Phase::End, Some(value.into())).await
    }

    /// Ends the gesture as if it had not been meant.
    ///
    /// # Errors
    /// As for [`Gesture::start`].
    pub async fn cancel(self) -> Result<(), ClientError> {
        self.publish(Phase::Cancel, None).await
    }

    async fn publish(&self, phase: Phase, value: Option<Value>) -> Result<(), ClientError> {
        let publication = Publish {
            phase: Some(phase),
            id: Some(self.id),
            ..self
                .client
                .publication(&self.address, Signal::Gesture, value)
        };
        self.client.publish_unconfirmed(publication).await
    }
}
