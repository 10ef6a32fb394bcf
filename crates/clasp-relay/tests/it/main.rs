//! The relay as a program: one file per behaviour.

mod app_config;
mod certificate;
mod core_flags;
mod descriptors;
#[cfg(feature = "rendezvous")]
mod discovery;
mod drain;
mod full_disk;
mod harness;
mod inherited_defects;
#[cfg(feature = "journal")]
mod journal;
#[cfg(feature = "journal")]
mod journal_backup;
#[cfg(feature = "journal")]
mod journal_damage;
#[cfg(feature = "journal")]
mod journal_figures;
#[cfg(feature = "journal")]
mod journal_full;
#[cfg(feature = "journal")]
mod journal_history;
#[cfg(all(feature = "journal", target_os = "linux"))]
mod journal_power_cut;
#[cfg(feature = "journal")]
mod journal_snapshot_file;
mod logs;
#[cfg(feature = "journal")]
mod long_journal;
mod persistence;
mod process;
mod reference;
mod settings;
mod start_errors;
mod storm;
#[cfg(feature = "journal")]
mod wire;
