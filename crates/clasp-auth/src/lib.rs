//! Tokens, keys and passwords of CLASP; the only crate with signatures and password hashes.
