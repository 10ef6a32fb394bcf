//! Oracle and simulation for tests of the router: random sessions, operations, slow readers and
//! clock jumps from one seed, and a second router that is slow and obviously right to compare with. And what other tests
//! share: random numbers, and a small disk.

mod oracle;
mod random;
pub mod sim;
mod small_disk;

/// Whether an address matches a pattern, by the plainest recursion; both start with `/`.
pub use oracle::matches;
pub use random::Random;
pub use small_disk::SmallDisk;
