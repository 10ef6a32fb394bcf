//! The server as a whole, over loopback: one file per behaviour.

#![expect(
    clippy::panic,
    reason = "a test that fails panics, also in its harness"
)]

mod admission;
mod bad_frames;
mod bad_input;
mod cut_off;
mod deadlines;
mod drain;
mod flood;
mod harness;
mod noise;
mod open_files;
mod plain_http;
mod sequence;
mod slow_reader;
mod start;
