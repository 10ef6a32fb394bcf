//! The relay as a program: one file per behaviour.

mod harness;
mod process;
mod reference;
mod settings;
