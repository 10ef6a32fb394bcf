//! The relay as a program: one file per behaviour.

#![expect(
    clippy::panic,
    reason = "a test that fails panics, also in its harness"
)]

mod certificate;
mod core_flags;
mod descriptors;
mod harness;
mod logs;
mod process;
mod reference;
mod settings;
mod start_errors;
