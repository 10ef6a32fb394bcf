//! One file for each command.

pub(crate) mod bench;
pub(crate) mod completions;
mod connect;
pub(crate) mod discover;
pub(crate) mod emit;
pub(crate) mod get;
pub(crate) mod info;
pub(crate) mod publish;
pub(crate) mod server;
pub(crate) mod set;
pub(crate) mod sub;
pub(crate) mod top;
mod value;
