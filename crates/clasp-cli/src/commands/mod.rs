//! One file for each command.

pub(crate) mod bench;
pub(crate) mod completions;
mod connect;
pub(crate) mod crypto;
pub(crate) mod discover;
pub(crate) mod emit;
pub(crate) mod entity;
pub(crate) mod get;
pub(crate) mod identity;
pub(crate) mod info;
pub(crate) mod journal;
pub(crate) mod key;
mod moment;
pub(crate) mod publish;
mod relay;
pub(crate) mod replay;
pub(crate) mod server;
pub(crate) mod set;
pub(crate) mod sub;
pub(crate) mod token;
pub(crate) mod top;
mod value;
