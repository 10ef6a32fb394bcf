//! The command as its users meet it: real processes, real sockets.

#![expect(
    clippy::panic,
    reason = "a test that fails panics, also in what it has in common with others"
)]

mod commands;
mod config;
mod discover;
mod harness;
mod reconnect;
mod reference;
mod server;
mod top;
