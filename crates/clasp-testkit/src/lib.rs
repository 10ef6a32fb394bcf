//! Oracle and simulation for tests of the router: random sessions, operations, slow readers and
//! clock jumps from one seed, and a second router that is slow and obviously right to compare with.

mod oracle;
mod random;
pub mod sim;

/// Whether an address matches a pattern, by the plainest recursion; both start with `/`.
pub use oracle::matches;
