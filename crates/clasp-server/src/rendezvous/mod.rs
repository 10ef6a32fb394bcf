//! Rendezvous: devices tell where they are, over HTTP, and others look them up.

mod device;
pub(crate) mod http;
mod limits;
pub(crate) mod registrar;
mod secret;
mod table;
