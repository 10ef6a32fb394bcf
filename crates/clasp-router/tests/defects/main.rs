//! What routers of this protocol got wrong, provoked: one file per section of
//! docs/protocol/router.md, one test per mistake.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails panics, also in what its checks share"
)]

mod address;
mod bundle;
mod door;
mod gesture;
mod kept;
mod pattern;
mod publish;
mod query;
mod rate;
mod restart;
mod rights;
mod session;
mod set;
mod signalling;
mod slow;
mod snapshot;
mod stage;
mod subscription;
mod threads;
mod ttl;
mod veil;
