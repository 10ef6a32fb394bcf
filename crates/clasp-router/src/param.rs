//! A param: a value with a revision, a writer, a lock and a time to live.
//!
//! [`apply`] is a pure function of the param and a record: what was admitted once leads to the
//! same state wherever the record is applied again.

use std::sync::Arc;
use std::time::Duration;

use clasp_proto::limits::{ADDRESS_BYTES_MAX, FRAME_PAYLOAD_MAX};
use clasp_proto::{Encoded, Ttl};

use crate::refusal::Refusal;
use crate::session::Session;
use crate::time::{Now, Tick, Timestamp};

/// The stored state of one address.
#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub(crate) value: Stored,
    pub(crate) revision: u64,
    pub(crate) written_at: Timestamp,
    pub(crate) writer: Arc<str>,
    pub(crate) holder: Option<Arc<Session>>,
    /// What a SET asked for; without it the default of the router holds.
    pub(crate) ttl: Option<Ttl>,
    pub(crate) expires_at: Tick,
}

/// A value as it came, kept encoded; small ones in place. Copies of a large one share its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored(Place);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Small {
        code: u8,
        len: u8,
        body: [u8; SMALL_BYTES_MAX],
    },
    Large {
        code: u8,
        body: Arc<[u8]>,
    },
}

/// How two writes of one address are reconciled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The write that arrives last holds.
    #[default]
    Lww,
    /// Only a greater number replaces a number.
    Max,
    /// Only a smaller number replaces a number.
    Min,
    /// Only the session that holds the lock may write, once somebody holds it.
    Lock,
    /// Keys of a map are merged into the map that is there.
    Merge,
}

/// A write that was admitted: all that its application depends on, besides the state.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) value: Encoded<'a>,
    pub(crate) expected: Option<u64>,
    pub(crate) lock: bool,
    pub(crate) unlock: bool,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) writer: &'a Arc<Session>,
    pub(crate) strategy: Strategy,
    /// What holds for a param without a time to live of its own.
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) now: Now,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) revision: u64,
    /// The address had no param before.
    pub(crate) is_new: bool,
    /// What the write did to the lock of its writer.
    pub(crate) lock: LockChange,
}

/// What a write did to the lock of its writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockChange {
    /// The writer became the holder.
    Taken,
    /// The writer was the holder, and is no more.
    Freed,
    /// Neither.
    None,
}

/// Applies `record` to `param`. `forgotten` is the highest revision that an address of this
/// shard had when it was forgotten: a param made anew starts above it.
pub(crate) fn apply(
    param: &mut Option<Param>,
    record: &Record<'_>,
    forgotten: u64,
) -> Result<Applied, Refusal> {
    let revision = param.as_ref().map_or(0, |held| held.revision);
    check_revision(record.expected, revision)?;
    check_lock(record, param.as_ref())?;
    let value = reconcile(record, param.as_ref())?;
    let is_new = param.is_none();
    let next = if is_new { forgotten + 1 } else { revision + 1 };
    // Nobody but the writer can be the holder now: others were refused above.
    let was_held = param.as_ref().is_some_and(|held| held.holder.is_some());
    let is_held = record.lock || (was_held && !record.unlock);
    let ttl = record
        .ttl
        .or_else(|| param.as_ref().and_then(|held| held.ttl));
    let expires_at = expiry(record, ttl, param.as_ref());
    *param = Some(Param {
        value,
        revision: next,
        written_at: record.now.wall,
        writer: Arc::clone(&record.writer.id),
        holder: is_held.then(|| Arc::clone(record.writer)),
        ttl,
        expires_at,
    });
    let lock = match (was_held, is_held) {
        (false, true) => LockChange::Taken,
        (true, false) => LockChange::Freed,
        _ => LockChange::None,
    };
    Ok(Applied {
        revision: next,
        is_new,
        lock,
    })
}

impl Param {
    /// The holder has this lock no more: its param is gone.
    pub(crate) fn give_lock_back(&self, address: &str) {
        if let Some(holder) = &self.holder {
            holder.held.lock().locks.remove(address);
        }
    }

    pub(crate) fn is_expired(&self, now: Tick) -> bool {
        self.expires_at <= now
    }

    /// A read keeps a param with a sliding time to live alive: then true.
    /// // protocol/router.md 6.13
    #[must_use]
    pub(crate) fn was_read(&mut self, now: Tick) -> bool {
        let Some(Ttl::Sliding(seconds)) = self.ttl else {
            return false;
        };
        self.expires_at = now.after(Duration::from_secs(u64::from(seconds)));
        true
    }
}

impl Stored {
    /// A copy of a value.
    #[must_use]
    pub fn new(value: Encoded<'_>) -> Self {
        let (code, body) = (value.code(), value.body());
        if body.len() > SMALL_BYTES_MAX {
            return Self(Place::Large {
                code,
                body: body.into(),
            });
        }
        let mut small = [0; SMALL_BYTES_MAX];
        small[..body.len()].copy_from_slice(body);
        Self(Place::Small {
            code,
            len: body.len() as u8,
            body: small,
        })
    }

    /// The value.
    #[must_use]
    pub fn encoded(&self) -> Encoded<'_> {
        match &self.0 {
            Place::Small { code, len, body } => {
                Encoded::from_stored(*code, &body[..usize::from(*len)])
            }
            Place::Large { code, body } => Encoded::from_stored(*code, body),
        }
    }
}

/// 0 asks that the address does not exist, n that it is at n. // protocol/router.md 6.5
fn check_revision(expected: Option<u64>, actual: u64) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != actual => Err(Refusal::RevisionConflict { expected, actual }),
        _ => Ok(()),
    }
}

/// Only the holder writes or unlocks a locked param. // protocol/router.md 6.6, 6.7
fn check_lock(record: &Record<'_>, param: Option<&Param>) -> Result<(), Refusal> {
    let holder = param.and_then(|param| param.holder.as_ref());
    match holder {
        Some(holder) if holder.key != record.writer.key => Err(Refusal::LockHeld {
            holder: Arc::clone(&holder.id),
        }),
        _ => Ok(()),
    }
}

/// The value to store, by the strategy of the address. // protocol/router.md 6.10
fn reconcile(record: &Record<'_>, param: Option<&Param>) -> Result<Stored, Refusal> {
    let new = record.value;
    let Some(held) = param else {
        return Ok(Stored::new(new));
    };
    let old = held.value.encoded();
    let keeps = match (record.strategy, new.as_f64(), old.as_f64()) {
        // 5 and 5.0 are the same number: neither is greater.
        (Strategy::Max, Some(new), Some(old)) => new <= old,
        (Strategy::Min, Some(new), Some(old)) => new >= old,
        _ => false,
    };
    if keeps {
        return Err(Refusal::Outdone);
    }
    if record.strategy == Strategy::Merge {
        return merge(old, new);
    }
    Ok(Stored::new(new))
}

fn merge(old: Encoded<'_>, new: Encoded<'_>) -> Result<Stored, Refusal> {
    use clasp_proto::Value;
    let (Value::Map(mut merged), Value::Map(added)) = (old.to_value(), new.to_value()) else {
        return Ok(Stored::new(new));
    };
    merged.extend(added);
    let mut bytes = Vec::new();
    clasp_proto::encode_value(&mut bytes, &Value::Map(merged))
        .map_err(|_| Refusal::ValueTooLarge)?;
    // protocol/router.md 6.15
    if bytes.len() > MERGED_BYTES_MAX {
        return Err(Refusal::ValueTooLarge);
    }
    let (value, _) = Encoded::parse_tagged(&bytes).map_err(|_| Refusal::ValueTooLarge)?;
    Ok(Stored::new(value))
}

// protocol/router.md 6.12, 6.13
fn expiry(record: &Record<'_>, ttl: Option<Ttl>, param: Option<&Param>) -> Tick {
    let now = record.now.tick;
    let in_seconds = |seconds: u32| now.after(Duration::from_secs(u64::from(seconds)));
    match ttl {
        Some(Ttl::Never) => Tick::NEVER,
        Some(Ttl::Sliding(seconds)) => in_seconds(seconds),
        // Absolute counts from the SET that carried it, later ones leave it alone.
        Some(Ttl::Absolute(seconds)) => match (record.ttl, param) {
            (None, Some(held)) => held.expires_at,
            _ => in_seconds(seconds),
        },
        None => record.default_ttl.map_or(Tick::NEVER, |ttl| now.after(ttl)),
    }
}

/// Numbers, booleans and short texts need no allocation of their own.
const SMALL_BYTES_MAX: usize = 21;

/// What is left of a SNAPSHOT for a merged value beside the longest address and session id: type
/// and count, two lengths, revision, option byte and timestamp.
const MERGED_BYTES_MAX: usize =
    FRAME_PAYLOAD_MAX - 3 - ADDRESS_BYTES_MAX - SESSION_ID_BYTES_MAX - 2 * 2 - 8 - 1 - 8;
/// A UUID has 36; other ids may be a little longer.
const SESSION_ID_BYTES_MAX: usize = 64;
