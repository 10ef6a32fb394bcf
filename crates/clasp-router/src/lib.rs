//! The CLASP router as a pure state machine; no I/O, no clock, no runtime.
//!
//! A router keeps a tree of addressed values, lets sessions change them, and tells every session
//! that asked. Whoever has work calls it: a connection makes a [`Batch`] of what its peer sent
//! together, a timer calls [`Router::advance`] at the [`Router::deadline`]. What is to be sent
//! to a session gathers in its [`Outbox`], framed and ready for the socket.
//!
//! The contract of the run loop: whoever submits or advances does nothing else; the sessions
//! that were woken drain their own outboxes.

mod alarm;
mod announce;
mod batch;
mod bundle;
mod config;
mod delivery;
mod export;
mod filter;
mod gate;
mod gesture;
mod index;
pub mod limits;
mod operation;
mod outbox;
mod owed;
mod param;
mod peer;
mod pressed;
mod rate;
mod refusal;
mod restore;
mod rights;
mod route;
mod router;
mod run;
mod session;
mod shard;
mod slot;
mod snapshot;
mod sync;
mod tally;
mod tap;
mod time;
mod view;

pub use batch::{Batch, Work};
pub use config::{RouterConfig, WhenFull};
pub use export::{Export, ExportedParam};
pub use gate::{Gate, Sight, Veil};
pub use operation::{Bundle, Caller, Operation, Query, Receipt};
pub use outbox::{Closed, Drained, Outbox, Piece};
pub use param::{Stored, Strategy};
pub use refusal::Refusal;
pub use restore::{RestoreError, Restored};
pub use router::{Inspection, Router};
pub use session::{NewSession, Session, SessionKey};
pub use tally::{FANOUT_BOUNDS, Tally};
pub use tap::{Commit, Kept, Tap, Written};
pub use time::{Now, Tick, Timestamp};
pub use view::View;
