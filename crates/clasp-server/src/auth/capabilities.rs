//! Capability tokens: rights that somebody signed whom this server trusts.

use clasp_auth::capability::{self, CapabilityError, Verified};

use crate::plan::authentication::CapabilityPlan;

/// Whose signatures count.
#[derive(Debug)]
pub(crate) struct Capabilities {
    plan: Option<CapabilityPlan>,
}

/// Why a capability token is none here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoCapability {
    /// Nobody here believes any.
    NotAsked,
    Wrong(CapabilityError),
}

impl Capabilities {
    pub(super) fn new(plan: Option<CapabilityPlan>) -> Self {
        Self { plan }
    }

    /// What the token allows. Some signatures are checked, at most as many as a chain may have links.
    pub(crate) fn verify(&self, text: &str, now_s: u64) -> Result<Verified, NoCapability> {
        let plan = self.plan.as_ref().ok_or(NoCapability::NotAsked)?;
        capability::verify(text, &plan.anchors, &plan.rules, now_s).map_err(NoCapability::Wrong)
    }
    /// The same of one that may only be handed on: it can be revoked as well.
    pub(crate) fn verify_for_revocation(
        &self,
        text: &str,
        now_s: u64,
    ) -> Result<Verified, NoCapability> {
        let plan = self.plan.as_ref().ok_or(NoCapability::NotAsked)?;
        capability::verify_for_revocation(text, &plan.anchors, &plan.rules, now_s)
            .map_err(NoCapability::Wrong)
    }
}
