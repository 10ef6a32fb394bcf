//! The command as its users meet it: real processes, real sockets.

mod commands;
mod config;
mod discover;
mod harness;
mod reconnect;
mod reference;
mod server;
mod top;
