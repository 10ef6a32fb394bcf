//! Who has a file: two servers would each undo what the other wrote, or not see what it revoked.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// The right to write the file, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    /// Nothing where the disk knows no locks.
    _held: Option<File>,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Another server has it: what that one has written of itself.
    Held(String),
    /// The file of the lock cannot be made.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock of a server, by a file of its own: the other one may be replaced again and again.
    ///
    /// # Errors
    /// Another server has it, or its file cannot be made.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {
                name_holder(&mut file).map_err(LockError::Io)?;
                Ok(Self { _held: Some(file) })
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held(holder(&mut file))),
            Err(TryLockError::Error(error)) => {
                let path = path.display();
                tracing::warn!(%error, "cannot lock {path}: another server with this file would not be noticed");
                Ok(Self { _held: None })
            }
        }
    }
}

fn name_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    write!(file, "process {}", std::process::id())
}

/// What there is of a name; the other one may be writing it.
fn holder(file: &mut File) -> String {
    let mut holder = String::new();
    let read = file.take(HOLDER_BYTES_MAX).read_to_string(&mut holder);
    match read {
        Ok(1..) => holder,
        _ => "another process".to_owned(),
    }
}

/// A word and a number.
const HOLDER_BYTES_MAX: u64 = 64;
