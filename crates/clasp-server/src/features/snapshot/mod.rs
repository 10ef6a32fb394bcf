//! Snapshots of the params in a file, so that they survive a restart (docs/persistence.md).
//!
//! [`load`] is asked once at the start, [`Snapshots`] writes from then on. `encode` and `decode`
//! know the text of a file and no disk, `file` knows the disk and no text.

mod decode;
mod encode;
mod error;
mod file;
mod format;
mod load;
mod writer;

pub(crate) use decode::{Decoded, decode};
pub(crate) use encode::write as encode;
pub use error::{Damage, SnapshotError};
pub(crate) use load::{load, take_over};
pub use writer::SnapshotStatus;
pub(crate) use writer::{Snapshots, finish, run, save_before_drain};

#[cfg(test)]
mod tests;
