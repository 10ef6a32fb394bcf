//! Ways in: one module per protocol family.

pub(crate) mod clasp;
