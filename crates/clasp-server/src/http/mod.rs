//! HTTP beside CLASP: one file serves it, the others are routes.

pub(crate) mod auth;
pub(crate) mod health;
pub(crate) mod journal;
pub(crate) mod metrics;
pub(crate) mod serve;
pub(crate) mod sessions;
