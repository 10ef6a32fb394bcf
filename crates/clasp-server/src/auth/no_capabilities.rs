//! Stand-in for capability tokens in a build without that feature: a plan that asks for them is refused.

use clasp_auth::capability::{CapabilityError, Verified};

use crate::plan::authentication::CapabilityPlan;

/// Nobody's signatures count.
#[derive(Debug)]
pub(crate) struct Capabilities;

/// Why a capability token is none here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(dead_code, reason = "without the feature none is wrong")]
pub(crate) enum NoCapability {
    /// Nobody here believes any.
    NotAsked,
    Wrong(CapabilityError),
}

impl Capabilities {
    pub(super) fn new(_: Option<CapabilityPlan>) -> Self {
        Self
    }

    /// None is believed.
    pub(crate) fn verify(&self, _: &str, _: u64) -> Result<Verified, NoCapability> {
        Err(NoCapability::NotAsked)
    }
    /// Nor can any be revoked.
    pub(crate) fn verify_for_revocation(&self, _: &str, _: u64) -> Result<Verified, NoCapability> {
        Err(NoCapability::NotAsked)
    }
}
