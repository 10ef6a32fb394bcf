//! The server as a whole, over loopback: one file per behaviour.

#![expect(
    clippy::panic,
    reason = "a test that fails panics, also in its harness"
)]

mod accounts;
mod admission;
mod anonymous;
mod answers;
mod app_config;
mod auth_port;
mod authority;
mod bad_frames;
mod bad_input;
mod cut_off;
mod deadlines;
mod discovery;
mod drain;
#[cfg(feature = "registry")]
mod entities;
mod flood;
mod harness;
mod health;
#[cfg(feature = "journal")]
mod journal;
#[cfg(feature = "journal")]
mod journal_kill;
#[cfg(feature = "journal")]
mod journal_readers;
#[cfg(feature = "journal")]
mod journal_stall;
mod login_storm;
mod metrics;
mod metrics_page;
mod noise;
mod open_files;
mod order;
mod outbox_closed;
mod persistence;
mod persistence_faults;
mod plain_http;
#[cfg(feature = "rendezvous")]
mod rendezvous;
mod scope_matrix;
mod secure;
mod sequence;
mod session_end;
mod sessions;
mod slow_reader;
mod start;
mod stuck_readers;
mod token;
mod token_end;
mod token_misuse;
mod tokens;
