//! The CLASP router as a pure state machine; no I/O, no clock, no runtime.
