//! The relay as a program: one file per behaviour.

mod descriptors;
mod harness;
mod logs;
mod process;
mod reference;
mod settings;
