//! CLASP client library.
