//! Lets a test end the process, or fail a write, at a named point; in a build for tests only.

use parking_lot::Mutex;
use rusqlite::ffi;

pub use super::point::Point;

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The process ends at once, as if killed.
    Abort,
    /// The disk does not keep what was written.
    SyncError,
    /// The disk is full.
    Full,
}

/// Lets this happen at the point once it has been passed so many times; once only.
pub fn set(point: Point, passes: u32, action: Action) {
    SET.lock().push(Armed {
        point,
        passes,
        action,
    });
}

/// Forgets all that was set.
pub fn clear() {
    SET.lock().clear();
}

pub(super) fn pass(point: Point) {
    let _ = check(point);
}

pub(crate) fn check(point: Point) -> rusqlite::Result<()> {
    let code = match due(point) {
        None => return Ok(()),
        Some(Action::Abort) => std::process::abort(),
        Some(Action::SyncError) => ffi::SQLITE_IOERR_FSYNC,
        Some(Action::Full) => ffi::SQLITE_FULL,
    };
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
}

#[derive(Debug)]
struct Armed {
    point: Point,
    passes: u32,
    action: Action,
}

static SET: Mutex<Vec<Armed>> = Mutex::new(Vec::new());

fn due(point: Point) -> Option<Action> {
    let mut set = SET.lock();
    let at = set.iter().position(|armed| armed.point == point)?;
    if set[at].passes > 0 {
        set[at].passes -= 1;
        return None;
    }
    Some(set.remove(at).action)
}
