//! The file of a journal: damage, copies, and journals made anew.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use clasp_store::journal::{self, Reader};

use crate::args::{JournalBackupArgs, JournalExportArgs, JournalImportArgs, JournalVerifyArgs};
use crate::error::CommandError;
use crate::output;

/// Says what a journal holds; damage is a failure.
pub(super) fn verify(args: &JournalVerifyArgs) -> Result<(), CommandError> {
    let report = journal::verify(&args.path)?;
    output::result(&format!(
        "{} records from {} to {} in {} batches",
        report.records,
        report.floor.saturating_add(1).min(report.latest),
        report.latest,
        report.batches
    ))?;
    if let Some(sequence) = report.snapshot {
        output::result(&format!("Snapshot at {sequence}"))?;
    }
    for fault in &report.faults {
        output::fail(&fault.to_string())?;
    }
    match report.faults.len() {
        0 => Ok(output::success("No damage found")?),
        faults => Err(CommandError::DamagedJournal {
            path: args.path.clone(),
            faults,
        }),
    }
}

pub(super) fn back_up(args: &JournalBackupArgs) -> Result<(), CommandError> {
    journal::backup(&args.path, &args.into)?;
    Ok(output::success(&format!(
        "Journal copied to {}",
        args.into.display()
    ))?)
}

pub(super) fn export(args: &JournalExportArgs) -> Result<(), CommandError> {
    let Some(into) = &args.into else {
        let reader = Reader::open(&args.path)?;
        let mut out = BufWriter::new(io::stdout().lock());
        reader.export(&mut out)?;
        return Ok(out.flush()?);
    };
    journal::export(&args.path, into)?;
    Ok(output::success(&format!(
        "Journal written to {}",
        into.display()
    ))?)
}

pub(super) fn import(args: &JournalImportArgs) -> Result<(), CommandError> {
    let failed = |source| CommandError::File {
        path: args.path.clone(),
        source,
    };
    let count = match is_database(&args.path).map_err(failed)? {
        true => journal::import_v45(&args.path, &args.into)?,
        false => {
            let file = File::open(&args.path).map_err(failed)?;
            journal::import(&mut BufReader::new(file), &args.into)?
        }
    };
    let into = args.into.display();
    Ok(output::success(&format!(
        "{count} records written to {into}"
    ))?)
}

/// True for a file of SQLite, which the lines of an export are not.
fn is_database(path: &Path) -> io::Result<bool> {
    let mut begin = BufReader::new(File::open(path)?);
    Ok(begin.fill_buf()?.starts_with(b"SQLite format 3\0"))
}
