//! Places at which a test may let the journal fail or the process end.

/// A place in the life of a record, a snapshot or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before a record is taken.
    BeforeAppend,
    /// When it waits for the disk.
    AfterAppend,
    /// Before records are committed.
    BeforeFsync,
    /// When they are durable, and nobody knows.
    AfterFsync,
    /// Before it is told that they are.
    BeforeAck,
    /// Between two steps of a compaction.
    Compaction,
    /// Before a snapshot whose parts are written becomes the newest.
    Snapshot,
    /// After a step to another version, and before a new file takes its name.
    Migration,
}
