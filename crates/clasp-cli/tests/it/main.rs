//! The command as its users meet it: real processes, real sockets.

#![expect(
    clippy::panic,
    reason = "a test that fails panics, also in what it has in common with others"
)]

mod capability;
mod commands;
mod config;
mod discover;
mod entity;
mod fake_relay;
mod folder;
mod harness;
mod journal;
mod key;
mod reconnect;
mod reference;
mod server;
mod token;
mod top;
