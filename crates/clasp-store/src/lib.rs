//! What a CLASP server keeps in SQLite; the only crate with SQL.
//!
//! Everything here waits for the disk, and belongs on a thread that may.

mod accounts;
mod database;
mod digest;
mod entities;
mod error;
mod failures;
pub mod journal;
pub mod limits;
mod lock;
mod revoked;
mod row_checksum;
mod tokens;

pub use accounts::{AuthStore, NewUser, Registered, User};
pub use database::Kind;
pub use digest::Digest;
pub use entities::{Entity, EntityStatus, EntityStore, EntityType, StatusChange};
pub use error::{Damage, StoreError};
pub use failures::{Attempt, FailureLimit, Throttled};
pub use lock::{Lock, LockError};
pub use tokens::{Holder, Token};
