//! Lets a test end the process, or fail or stop a write, at a named point; in a build for tests only.

use parking_lot::{Condvar, Mutex};
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
    /// The disk stands still, until [`clear`].
    Stall,
}

/// Lets this happen at the point once it has been passed so many times; once only.
pub fn set(point: Point, passes: u32, action: Action) {
    SET.lock().armed.push(Armed {
        point,
        passes,
        action,
    });
}

/// Forgets all that was set; what stands still goes on.
pub fn clear() {
    let mut set = SET.lock();
    set.armed.clear();
    set.cleared += 1;
    CLEARED.notify_all();
}

pub(super) fn pass(point: Point) {
    let _ = check(point);
}

pub(crate) fn check(point: Point) -> rusqlite::Result<()> {
    let code = match due(point) {
        None | Some(Action::Stall) => return Ok(()),
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

#[derive(Debug)]
struct Set {
    armed: Vec<Armed>,
    cleared: u64,
}

static SET: Mutex<Set> = Mutex::new(Set {
    armed: Vec::new(),
    cleared: 0,
});
static CLEARED: Condvar = Condvar::new();

/// What is to happen now; returns from a stall when that is over.
fn due(point: Point) -> Option<Action> {
    let mut set = SET.lock();
    let at = set.armed.iter().position(|armed| armed.point == point)?;
    if set.armed[at].passes > 0 {
        set.armed[at].passes -= 1;
        return None;
    }
    let action = set.armed.remove(at).action;
    if action == Action::Stall {
        let cleared = set.cleared;
        CLEARED.wait_while(&mut set, |set| set.cleared == cleared);
    }
    Some(action)
}
