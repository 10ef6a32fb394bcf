//! The server as a whole, over loopback: one file per behaviour.

#![expect(
    clippy::panic,
    reason = "a test that fails panics, also in its harness"
)]

mod admission;
mod bad_frames;
mod deadlines;
mod drain;
mod flood;
mod harness;
mod noise;
mod plain_http;
mod sequence;
mod start;
