//! Stand-in for the registry in a build without that feature: a plan that asks for one is refused.

use super::accounts::OpenError;
use super::identity::{Denial, Identity, InvalidToken};
use crate::plan::authentication::RegistryPlan;

/// Nobody is registered.
#[derive(Debug)]
pub(crate) struct Registry;

impl Registry {
    pub(super) fn open(_: Option<&RegistryPlan>) -> Result<Self, OpenError> {
        Ok(Self)
    }

    /// There is none.
    pub(super) fn is_open(&self) -> bool {
        false
    }

    pub(super) fn close(&self) {}

    /// Nobody is known.
    pub(super) async fn identify(&self, _: &str, _: u64, _: bool) -> Result<Identity, Denial> {
        Err(InvalidToken::Unrecognized.into())
    }
}
