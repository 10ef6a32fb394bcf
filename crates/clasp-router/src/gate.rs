//! Gates: asked before an operation, in a fixed order; the first refusal ends the matter.

use crate::operation::{Caller, Operation};
use crate::refusal::Refusal;

/// Asked before an operation is applied. It may refuse it.
///
/// A gate is called without any lock of the router held, once for every operation and once for
/// every member of a bundle.
pub trait Gate: Send + Sync {
    /// Lets the operation pass, or says why not.
    ///
    /// # Errors
    ///
    /// The refusal that is sent to the caller.
    fn admit(&self, caller: &Caller<'_>, operation: &Operation<'_>) -> Result<(), Refusal>;
}
