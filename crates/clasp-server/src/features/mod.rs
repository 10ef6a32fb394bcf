//! Features: what a server does besides serving sessions, one module each; none knows another, except that a journal
//! writes states down as snapshots do.

#[cfg(feature = "journal")]
pub(crate) mod journal;
#[cfg(not(feature = "journal"))]
#[path = "no_journal.rs"]
pub(crate) mod journal;
pub(crate) mod recovery_error;
pub(crate) mod snapshot;
