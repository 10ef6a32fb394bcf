//! Gates: asked before an operation, in a fixed order; the first refusal ends the matter. And
//! asked again how much of an address a session is shown.

use crate::operation::{Caller, Operation};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::view::View;

/// Asked before an operation is applied, and before anything is shown.
///
/// All but [`Self::admit`] and [`Self::lookups`] may be called while shards are locked. None may
/// call the router.
pub trait Gate: Send + Sync {
    /// Lets an operation pass, or says why not. Asked once for every operation, for a bundle once
    /// for each of its members, and again when it waited for its time.
    ///
    /// # Errors
    ///
    /// The refusal that is sent to the caller.
    fn admit(&self, caller: &Caller<'_>, operation: &Operation<'_>) -> Result<(), Refusal> {
        let _ = (caller, operation);
        Ok(())
    }

    /// Adds the addresses whose params decide whether a write may be done. If there are some,
    /// [`Self::admit_in_view`] is asked too. They may depend on the caller and the write only.
    /// // protocol/router.md 17.6
    fn lookups(&self, caller: &Caller<'_>, write: &Operation<'_>, lookups: &mut Vec<String>) {
        let _ = (caller, write, lookups);
    }

    /// The same as [`Self::admit`], for a write that depends on params: nothing changes them
    /// until the write is applied. Asked twice where more had to be locked after the first time.
    ///
    /// # Errors
    ///
    /// The refusal that is sent to the caller.
    fn admit_in_view(
        &self,
        caller: &Caller<'_>,
        write: &Operation<'_>,
        view: &View<'_>,
    ) -> Result<(), Refusal> {
        let _ = (caller, write, view);
        Ok(())
    }

    /// The most that any veil of this gate depends on. A gate that says less than the default
    /// spares the router from locking all shards for a snapshot.
    fn sight(&self) -> Sight {
        Sight::ByState
    }

    /// How much of an address is shown at all. Asked once and remembered: it has to be the same
    /// for as long as the router lives.
    fn veil(&self, address: &str) -> Veil {
        let _ = address;
        Veil::default()
    }

    /// Whether `session` is shown what happens at an address, if the veil says that this depends
    /// on it. The view holds what the veil promised: params only for [`Sight::ByState`].
    fn shows(&self, session: &Session, address: &str, view: &View<'_>) -> bool {
        let _ = (session, address, view);
        true
    }

    /// Whether a member of a map is left out of what is shown of an address, if the veil says
    /// that something is.
    fn leaves_out(&self, address: &str, member: &str) -> bool {
        let _ = (address, member);
        false
    }
}

/// How much of an address is shown. // protocol/router.md 17.7, 17.8
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Veil {
    /// Who sees it.
    pub sight: Sight,
    /// True if parts of values are left out.
    pub is_redacted: bool,
}

/// On what it depends who sees an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// On nothing: everybody who may read it.
    #[default]
    Open,
    /// On the session.
    BySession,
    /// On the session and on params.
    ByState,
}

impl Veil {
    /// What is shown where two gates each let only so much through.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            sight: self.sight.max(other.sight),
            is_redacted: self.is_redacted || other.is_redacted,
        }
    }
}
