//! A copy of a journal as it is at one moment, also of one that is being written.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};

use super::checkpoint;
use super::error::JournalError;
use super::file::{connect_to_read, judge};
use super::new_file::Aside;
use super::origin::Origin;
use super::verify;

/// Copies the journal into a new file. The writer goes on; it only cannot begin its log anew until this is done.
///
/// # Errors
/// The journal cannot be read or ends too early, or the copy cannot be written; then there is no new file.
pub fn backup(from: &Path, to: &Path) -> Result<(), JournalError> {
    let aside = Aside::of(to)?;
    let source = connect_to_read(from)?;
    let judge = |error| judge(from, error);
    let noted = verify::noted(&source, from)?;
    // While this moment is being read, no change restarts the copy.
    let moment = source.unchecked_transaction().map_err(judge)?;
    let origin = verify::whole(&moment, from, noted)?;
    let mut copy = aside.create_database()?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    {
        let backup = Backup::new(&moment, &mut copy)?;
        while backup.step(PAGES).map_err(judge)? != StepResult::Done {
            std::thread::yield_now();
        }
    }
    // Another journal from here on: what was noted beside the first says nothing of it.
    let identity = Origin::new(&copy)?.identity;
    let is_open = false;
    Origin {
        identity,
        is_open,
        ..origin
    }
    .write(&copy)?;
    checkpoint::move_all(&copy)?;
    copy.close().map_err(|(_, error)| error)?;
    aside.finish()
}

/// A megabyte at a time.
const PAGES: i32 = 256;
