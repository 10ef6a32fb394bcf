//! How far the journal was acknowledged, in a file beside it: the log of SQLite ends at its first broken page as if
//! nothing had followed, so without this a damaged end would look like a shorter journal.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::error::{Fault, JournalError};
use crate::database::{create_private, sync_folder, with_ending};

/// The open file.
#[derive(Debug)]
pub(super) struct Watermark {
    file: File,
    path: PathBuf,
    identity: Identity,
}

/// What tells a journal from others, so that a file that was left behind by another one is not believed.
pub(super) type Identity = [u8; 16];

impl Watermark {
    /// Notes that all up to here is durable, in a file that is made aside and takes its name when it is whole: a power
    /// cut leaves that or the one before. From here on the note is written over, which is one sector of the disk.
    pub(super) fn begin(
        journal: &Path,
        identity: Identity,
        sequence: u64,
    ) -> Result<Self, JournalError> {
        let path = beside(journal);
        let new = with_ending(&path, ".new");
        let io = |source| JournalError::Io {
            path: path.clone(),
            source,
        };
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let file = create_private(&new).map_err(io)?;
        let mut watermark = Self {
            file,
            path: path.clone(),
            identity,
        };
        watermark.note(sequence)?;
        watermark.sync()?;
        fs::rename(&new, &path).map_err(io)?;
        sync_folder(&path).map_err(io)?;
        Ok(watermark)
    }

    /// Notes that all up to here is durable. Not synced: what is noted is on the disk already, and the system keeps
    /// the note when the process is killed.
    pub(super) fn note(&mut self, sequence: u64) -> Result<(), JournalError> {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(MARK);
        bytes[8..24].copy_from_slice(&self.identity);
        bytes[24..32].copy_from_slice(&sequence.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..32]);
        bytes[32..].copy_from_slice(&checksum.to_le_bytes());
        write_at_start(&mut self.file, &bytes).map_err(|source| self.cannot_write(source))
    }

    pub(super) fn sync(&self) -> Result<(), JournalError> {
        let synced = self.file.sync_data();
        synced.map_err(|source| self.cannot_write(source))
    }

    fn cannot_write(&self, source: io::Error) -> JournalError {
        JournalError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(unix)]
fn write_at_start(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn write_at_start(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)
}

/// What was noted beside this journal; nothing if that was another one, or there is no note.
pub(super) fn read(journal: &Path, identity: Identity) -> Result<Option<u64>, JournalError> {
    let path = beside(journal);
    let mut bytes = Vec::new();
    let opened =
        File::open(&path).and_then(|file| file.take(BYTES as u64 + 1).read_to_end(&mut bytes));
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(JournalError::Io { path, source }),
        Ok(_) => {}
    }
    let sequence = bytes.first_chunk().and_then(parse);
    let (found, sequence) =
        sequence
            .filter(|_| bytes.len() == BYTES)
            .ok_or_else(|| JournalError::Damaged {
                path: journal.to_owned(),
                fault: Fault::Watermark,
            })?;
    Ok((found == identity).then_some(sequence))
}

fn parse(bytes: &[u8; BYTES]) -> Option<(Identity, u64)> {
    let (identity, sequence, checksum) = (&bytes[8..24], &bytes[24..32], &bytes[32..]);
    let is_whole =
        bytes.starts_with(MARK) && checksum == crc32fast::hash(&bytes[..32]).to_le_bytes();
    let sequence = u64::from_le_bytes(sequence.try_into().ok()?);
    is_whole.then_some((identity.try_into().ok()?, sequence))
}

fn beside(journal: &Path) -> PathBuf {
    with_ending(journal, "-durable")
}

const MARK: &[u8; 8] = b"claspwm1";
const BYTES: usize = 36;
