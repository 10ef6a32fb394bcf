//! Bounds of what a server keeps, each with its reason.

use std::time::Duration;

/// Tokens of one subject: more than it has devices. The oldest makes room.
pub const TOKENS_PER_SUBJECT_MAX: usize = 1000;

/// Tokens in all, some hundred bytes each: what a flood of guests from many addresses may take of a disk.
pub const TOKENS_MAX: usize = 1_000_000;

/// Accounts in all, likewise.
pub const USERS_MAX: usize = 1_000_000;

/// Entities in all, likewise.
pub const ENTITIES_MAX: usize = 1_000_000;

/// Capability links revoked at a time. Only administrators revoke.
pub const REVOKED_MAX: usize = 1_000_000;

/// Sources of failed logins that are remembered at a time. Each has cost a password hash, so that
/// a window never sees as many; the one that began first makes room.
pub const FAILURES_MAX: usize = 100_000;

/// Expired tokens that are removed at a time: some milliseconds, in which nobody else is answered.
pub(crate) const PRUNED_ROWS_MAX: usize = 1000;

/// Rows that one question answers.
pub const PAGE_ROWS_MAX: usize = 1000;

/// How long somebody who looks into a database with other tools may hold us up.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
