//! Features: what a server does besides serving sessions, one module each; none knows another.

pub(crate) mod snapshot;
