//! The relay as a program: one file per behaviour.

mod app_config;
mod certificate;
mod core_flags;
mod descriptors;
#[cfg(feature = "rendezvous")]
mod discovery;
mod drain;
mod harness;
mod inherited_defects;
#[cfg(feature = "journal")]
mod journal;
mod logs;
mod persistence;
mod process;
mod reference;
mod settings;
mod start_errors;
mod storm;
