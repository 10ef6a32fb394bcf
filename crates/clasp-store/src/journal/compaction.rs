//! Removes old records, once a snapshot holds what they did; in steps that hold up nobody.

use std::sync::mpsc::SyncSender;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::JournalError;
use super::failpoints::{self, Point};
use super::origin::Origin;
use super::pins::Held;
use crate::limits::{COMPACTION_BATCHES, READERS_PATIENCE, SNAPSHOT_PART_BYTES};

/// The state at a sequence number, as the caller has written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The state holds all records up to this one, and none after it.
    pub sequence: u64,
    /// When it was made, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// Opaque.
    pub state: Vec<u8>,
}

/// What a compaction has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Batches of records.
    pub batches: usize,
    /// The sequence number before the first record that is left.
    pub floor: u64,
}

/// A compaction under way.
#[derive(Debug)]
pub(super) struct Compaction {
    snapshot: Snapshot,
    before: u64,
    stage: Stage,
    done: Compacted,
    /// Since when readers keep it from going on.
    waits_since: Option<Instant>,
    is_hurried: bool,
    reply: SyncSender<Result<Compacted, JournalError>>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Begin,
    Part { id: i64, part: usize },
    Seal { id: i64 },
    Sweep { id: i64 },
    Aim,
    Remove { last: u64 },
    Done,
}

impl Compaction {
    /// Removes batches that end before this sequence number, and never what the snapshot does not hold.
    pub(super) fn new(
        snapshot: Snapshot,
        before: u64,
        reply: SyncSender<Result<Compacted, JournalError>>,
    ) -> Self {
        let before = before.min(snapshot.sequence.saturating_add(1));
        Self {
            snapshot,
            before,
            stage: Stage::Begin,
            done: Compacted::default(),
            waits_since: None,
            is_hurried: false,
            reply,
        }
    }

    /// Where it is, to go back to if the transaction fails.
    pub(super) fn mark(&self) -> (Stage, Compacted) {
        (self.stage, self.done)
    }

    pub(super) fn go_back(&mut self, (stage, done): (Stage, Compacted)) {
        (self.stage, self.done) = (stage, done);
    }

    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// True while it can do nothing but wait for those who read.
    pub(super) fn waits(&self) -> bool {
        self.waits_since.is_some()
    }

    /// Waits for nobody any more.
    pub(super) fn hurry(&mut self) {
        self.is_hurried = true;
    }

    pub(super) fn finish(self, result: Result<(), JournalError>) {
        // Nobody has to wait for it.
        let _ = self.reply.send(result.map(|()| self.done));
    }

    /// Does a little of it inside a transaction; gives about how many pages it has changed.
    pub(super) fn step(
        &mut self,
        change: &Connection,
        origin: &mut Origin,
        held: &mut Held<'_>,
    ) -> rusqlite::Result<usize> {
        failpoints::check(Point::Compaction)?;
        match self.stage {
            Stage::Begin => self.begin(change),
            Stage::Part { id, part } => self.write_part(change, id, part),
            Stage::Seal { id } => self.seal(change, id),
            Stage::Sweep { id } => self.sweep(change, id),
            Stage::Aim => self.aim(change, origin, held),
            Stage::Remove { last } => self.remove(change, origin, last.min(held.last())),
            Stage::Done => Ok(0),
        }
    }

    fn parts(&self) -> usize {
        self.snapshot.state.len().div_ceil(SNAPSHOT_PART_BYTES)
    }

    /// Parts of a snapshot that was given up take room that this one may need.
    fn begin(&mut self, change: &Connection) -> rusqlite::Result<usize> {
        if newest_sequence(change)?.is_some_and(|newest| newest > self.snapshot.sequence) {
            // It came late: what the newer one holds may have been removed.
            self.stage = Stage::Done;
            return Ok(0);
        }
        let mut delete = change.prepare_cached(
            "DELETE FROM snapshot_parts WHERE rowid IN (SELECT rowid FROM snapshot_parts WHERE snapshot NOT IN (SELECT id FROM snapshots) LIMIT 4)",
        )?;
        if delete.execute([])? == 0 {
            let id = next_id(change)?;
            self.stage = Stage::Part { id, part: 0 };
        }
        Ok(4)
    }

    fn write_part(&mut self, change: &Connection, id: i64, part: usize) -> rusqlite::Result<usize> {
        let Some(content) = self.snapshot.state.chunks(SNAPSHOT_PART_BYTES).nth(part) else {
            self.stage = Stage::Seal { id };
            return Ok(0);
        };
        let mut insert = change.prepare_cached(
            "INSERT INTO snapshot_parts (snapshot, part, content) VALUES (?1, ?2, ?3)",
        )?;
        insert.execute(params![id, part, content])?;
        self.stage = Stage::Part { id, part: part + 1 };
        Ok(content.len() / 4096 + 2)
    }

    /// From here on it is the newest.
    fn seal(&mut self, change: &Connection, id: i64) -> rusqlite::Result<usize> {
        failpoints::check(Point::Snapshot)?;
        let mut insert = change.prepare_cached(
            "INSERT INTO snapshots (id, sequence, at_us, parts, bytes, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute(params![
            id,
            self.snapshot.sequence,
            self.snapshot.at_us,
            self.parts(),
            self.snapshot.state.len(),
            checksum(&self.snapshot),
        ])?;
        self.stage = Stage::Sweep { id };
        Ok(1)
    }

    /// Older snapshots, and then their parts.
    fn sweep(&mut self, change: &Connection, id: i64) -> rusqlite::Result<usize> {
        change.execute("DELETE FROM snapshots WHERE id < ?1", [id])?;
        let mut delete = change.prepare_cached(
            "DELETE FROM snapshot_parts WHERE rowid IN (SELECT rowid FROM snapshot_parts WHERE snapshot < ?1 LIMIT 4)",
        )?;
        if delete.execute([id])? == 0 {
            self.stage = Stage::Aim;
        }
        Ok(4)
    }

    /// Batches without a summary stay: the writer is about to put them together.
    fn aim(
        &mut self,
        change: &Connection,
        origin: &Origin,
        held: &mut Held<'_>,
    ) -> rusqlite::Result<usize> {
        let before = i64::try_from(self.before).unwrap_or(i64::MAX);
        let mut select =
            change.prepare_cached("SELECT max(last) FROM summaries WHERE last < ?1")?;
        let last: Option<u64> = select.query_row([before], |row| row.get(0))?;
        self.done.floor = origin.floor.unwrap_or(0);
        self.stage = Stage::Done;
        if let Some(last) = last {
            held.give_up(last);
            self.stage = Stage::Remove { last };
        }
        Ok(0)
    }

    /// What is up to `free` as far as nobody reads it.
    fn remove(
        &mut self,
        change: &Connection,
        origin: &mut Origin,
        free: u64,
    ) -> rusqlite::Result<usize> {
        let mut select = change.prepare_cached(
            "SELECT count(*), max(last) FROM (SELECT last FROM summaries WHERE last <= ?1 ORDER BY last LIMIT ?2)",
        )?;
        let (count, last): (usize, Option<u64>) = select
            .query_row(params![free, COMPACTION_BATCHES], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if let Some(last) = last {
            change
                .prepare_cached("DELETE FROM batches WHERE last <= ?1")?
                .execute([last])?;
            change
                .prepare_cached("DELETE FROM summaries WHERE last <= ?1")?
                .execute([last])?;
            origin.floor = Some(last);
            origin.write(change)?;
        }
        self.done.batches += count;
        self.done.floor = origin.floor.unwrap_or(0);
        self.wait_or_end(count);
        Ok(count + 2)
    }

    /// It has come to its end, or to a reader. Whoever reads for too long keeps what it reads, which nobody else is shown any more;
    /// the next one removes it.
    fn wait_or_end(&mut self, count: usize) {
        if self.stage
            == (Stage::Remove {
                last: self.done.floor,
            })
        {
            self.stage = Stage::Done;
        }
        if count > 0 {
            self.waits_since = None;
            return;
        }
        let since = *self.waits_since.get_or_insert_with(Instant::now);
        if self.is_hurried || since.elapsed() >= READERS_PATIENCE {
            self.stage = Stage::Done;
        }
    }
}

/// What the newest snapshot holds.
pub(super) fn newest_sequence(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row("SELECT max(sequence) FROM snapshots", [], |row| row.get(0))
}

/// The newest snapshot that is whole, or the sequence number of one that is damaged. Inside a transaction of the caller.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Option<Result<Snapshot, u64>>> {
    let newest = "SELECT id, sequence, at_us, parts, bytes, checksum FROM snapshots ORDER BY id DESC LIMIT 1";
    let row = connection.query_row(newest, [], |row| {
        let snapshot = Snapshot {
            sequence: row.get(1)?,
            at_us: row.get(2)?,
            state: Vec::new(),
        };
        let (parts, bytes, checksum): (usize, usize, u32) = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((row.get::<_, i64>(0)?, snapshot, parts, bytes, checksum))
    });
    let Some((id, mut snapshot, parts, bytes, expected)) = row.optional()? else {
        return Ok(None);
    };
    let mut select = connection.prepare_cached(
        "SELECT part, content FROM snapshot_parts WHERE snapshot = ?1 ORDER BY part",
    )?;
    let mut rows = select.query([id])?;
    let mut count = 0;
    let mut in_order = true;
    while let Some(row) = rows.next()? {
        in_order &= row.get::<_, usize>(0)? == count;
        count += 1;
        let content = row.get_ref(1)?.as_blob()?;
        snapshot.state.extend_from_slice(content);
    }
    let is_whole = in_order
        && count == parts
        && snapshot.state.len() == bytes
        && checksum(&snapshot) == expected;
    Ok(Some(if is_whole {
        Ok(snapshot)
    } else {
        Err(snapshot.sequence)
    }))
}

fn next_id(connection: &Connection) -> rusqlite::Result<i64> {
    let newest = "SELECT max(coalesce((SELECT max(id) FROM snapshots), 0), \
                  coalesce((SELECT max(snapshot) FROM snapshot_parts), 0)) + 1";
    connection.query_row(newest, [], |row| row.get(0))
}

fn checksum(snapshot: &Snapshot) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&snapshot.sequence.to_le_bytes());
    hasher.update(&snapshot.at_us.to_le_bytes());
    hasher.update(&snapshot.state);
    hasher.finalize()
}
