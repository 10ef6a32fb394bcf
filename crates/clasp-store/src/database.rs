//! One database file: taken for this server, checked, and brought to the present version.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{Damage, StoreError};
use crate::journal::failpoints::{self, Point};
use crate::limits::{BUSY_TIMEOUT, LARGE_BYTES};
use crate::lock::{Lock, LockError};
use crate::row_checksum::{self, Checked};

/// What a database is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Users and tokens.
    Accounts,
    /// Entities.
    Registry,
    /// What was done, in order.
    Journal,
}

impl Kind {
    /// The option that names the file.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Accounts => "--auth-db",
            Self::Registry => "--registry-db",
            Self::Journal => "--journal",
        }
    }

    /// Whether a database of CLASP 4.5 becomes ours where it is. A journal is copied into a new file.
    const fn goes_on(self) -> bool {
        !matches!(self, Self::Journal)
    }

    /// What SQLite files of ours are marked with, so that one is not taken for the other.
    const fn mark(self) -> i64 {
        match self {
            Self::Accounts => 0x434c_6163,
            Self::Registry => 0x434c_7265,
            Self::Journal => 0x434c_6a6f,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Accounts => "auth database",
            Self::Registry => "registry",
            Self::Journal => "journal",
        })
    }
}

/// A step from one version to the next.
pub(crate) struct Migration {
    pub(crate) sql: &'static str,
    /// What SQL alone cannot say.
    pub(crate) then: fn(&Transaction<'_>) -> rusqlite::Result<()>,
}

/// How a database has to be.
pub(crate) struct Layout {
    pub(crate) kind: Kind,
    pub(crate) migrations: &'static [Migration],
    /// Questions that every database of this kind can answer.
    pub(crate) probes: &'static [&'static str],
    /// Tables of which each row has a checksum.
    pub(crate) checked: &'static [Checked],
}

impl Layout {
    fn version(&self) -> i64 {
        self.migrations.len() as i64
    }
}

/// An open database that no other server has.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) connection: Connection,
    /// Let go of behind the connection.
    _lock: Lock,
}

impl Database {
    /// Opens the file, makes it if it is not there, and waits for the disk.
    ///
    /// # Errors
    /// It is in use, cannot be opened, or is not a whole database of this kind.
    pub(crate) fn open(path: &Path, layout: &Layout) -> Result<Self, StoreError> {
        Self::take(path, layout).map_err(|error| error.at(layout.kind, path))
    }

    fn take(path: &Path, layout: &Layout) -> Result<Self, StoreError> {
        let kind = layout.kind;
        let opening = |source| StoreError::Open {
            kind,
            path: path.to_owned(),
            source,
        };
        let place = resolve(path).map_err(opening)?;
        let lock = Lock::take(&beside(&place, "lock")).map_err(|error| match error {
            LockError::Held(holder) => StoreError::InUse {
                kind,
                path: path.to_owned(),
                holder,
            },
            LockError::Io(source) => opening(source),
        })?;
        let file = Named { path, place, kind };
        if !file.place.try_exists().map_err(opening)? {
            file.create(layout)?;
        }
        Ok(Self {
            connection: file.open(layout)?,
            _lock: lock,
        })
    }
}

/// A file by the name that it was given, and where that leads.
struct Named<'a> {
    path: &'a Path,
    place: PathBuf,
    kind: Kind,
}

impl Named<'_> {
    /// Makes a database aside and puts it in its place when it is whole: an empty file is never ours.
    fn create(&self, layout: &Layout) -> Result<(), StoreError> {
        let opening = |source| self.cannot_open(source);
        if self.has_log() {
            return Err(self.damaged(Damage::LogAlone));
        }
        let new = beside(&self.place, "new");
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(opening(error)),
            _ => {}
        }
        create_private(&new).map_err(opening)?;
        let mut connection = connect(&new).map_err(|error| self.judge(error))?;
        migrate(&mut connection, layout, 0)?;
        connection.close().map_err(|(_, error)| error)?;
        failpoints::check(Point::Migration)?;
        std::fs::rename(&new, &self.place).map_err(opening)?;
        sync_folder(&self.place).map_err(opening)
    }

    fn open(&self, layout: &Layout) -> Result<Connection, StoreError> {
        let metadata = self.place.metadata();
        let metadata = metadata.map_err(|source| self.cannot_open(source))?;
        if metadata.is_file() && metadata.len() == 0 {
            return Err(self.damaged(Damage::Empty));
        }
        self.warn_if_open_to_others(&metadata);
        self.tell_if_large(&metadata);
        let mut connection = connect(&self.place).map_err(|error| self.judge(error))?;
        // What is refused stays as it is, with the log that a kill has left beside it: whose it is reads that.
        move_log_on_close(&connection, !self.has_log())?;
        self.check(&connection).map_err(|error| match error {
            // What it says of its own tables makes no sense.
            StoreError::Database(error) if is_wrong_sql(&error) => {
                let found = error.to_string();
                self.damaged(Damage::Inconsistent { found })
            }
            StoreError::Database(error) => self.judge(error),
            error => error,
        })?;
        let version = self.version(&connection, layout)?;
        migrate(&mut connection, layout, version).map_err(|error| match error {
            // Tables of the names of 4.5, and without its columns.
            StoreError::Database(error) if is_wrong_sql(&error) => self.foreign(),
            error => error,
        })?;
        for probe in layout.probes {
            connection.prepare(probe).map_err(|_| self.foreign())?;
        }
        for checked in layout.checked {
            let is_whole = checked.is_whole(&connection);
            if !is_whole.map_err(|error| self.judge(error))? {
                let table = checked.table;
                return Err(self.damaged(Damage::Row { table }));
            }
        }
        // Last of all: it changes the file, which may have turned out to be somebody else's.
        prepare(&connection).map_err(|error| self.judge(error))?;
        move_log_on_close(&connection, true)?;
        Ok(connection)
    }

    /// Changes that are not in the file yet.
    fn has_log(&self) -> bool {
        let log = std::fs::metadata(with_ending(&self.place, "-wal"));
        log.is_ok_and(|log| log.len() > 0)
    }

    /// Looks at every page: better late for a start than wrong for good.
    fn check(&self, connection: &Connection) -> Result<(), StoreError> {
        let verdict: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" {
            return Ok(());
        }
        let found = verdict.lines().next().unwrap_or_default().to_owned();
        Err(self.damaged(Damage::Inconsistent { found }))
    }

    /// The version that it has; 0 is one of CLASP 4.5.
    fn version(&self, connection: &Connection, layout: &Layout) -> Result<i64, StoreError> {
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let (mark, version) = (pragma("application_id")?, pragma("user_version")?);
        let is_ours = mark == self.kind.mark();
        let is_older = mark == 0 && version == 0 && self.kind.goes_on();
        if !is_ours && !is_older {
            return Err(self.foreign());
        }
        if version > layout.version() {
            return Err(StoreError::Newer {
                kind: self.kind,
                path: self.path.to_owned(),
                found: version,
                expected: layout.version(),
            });
        }
        Ok(version.max(0))
    }

    /// A start that takes long says why.
    fn tell_if_large(&self, metadata: &std::fs::Metadata) {
        if metadata.len() >= LARGE_BYTES {
            let (kind, path) = (self.kind, self.path.display());
            let mebibytes = metadata.len() >> 20;
            tracing::info!(mebibytes, "checking all of the {kind} {path}");
        }
    }

    #[cfg(unix)]
    fn warn_if_open_to_others(&self, metadata: &std::fs::Metadata) {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            let (kind, path) = (self.kind, self.path.display());
            tracing::warn!("the {kind} {path} can be read by other users: chmod 600 {path}");
        }
    }

    #[cfg(not(unix))]
    fn warn_if_open_to_others(&self, _: &std::fs::Metadata) {}

    /// Whose fault it is that a file did not become a database.
    fn judge(&self, error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => self.damaged(Damage::NoDatabase),
            Some(ErrorCode::DatabaseCorrupt) => {
                let found = error.to_string();
                self.damaged(Damage::Inconsistent { found })
            }
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                self.cannot_open(io::Error::other(error))
            }
            _ => error.into(),
        }
    }

    fn cannot_open(&self, source: io::Error) -> StoreError {
        StoreError::Open {
            kind: self.kind,
            path: self.path.to_owned(),
            source,
        }
    }

    fn damaged(&self, damage: Damage) -> StoreError {
        StoreError::Damaged {
            kind: self.kind,
            path: self.path.to_owned(),
            damage,
        }
    }

    fn foreign(&self) -> StoreError {
        StoreError::Foreign {
            kind: self.kind,
            path: self.path.to_owned(),
        }
    }
}

fn is_wrong_sql(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqlInputError { .. })
        || error.sqlite_error_code() == Some(ErrorCode::Unknown)
}

/// Where the file is or would be, so that two names of one file have one lock.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize()?;
    Ok(folder.join(name))
}

pub(crate) fn beside(place: &Path, ending: &str) -> PathBuf {
    with_ending(place, &format!(".{ending}"))
}

pub(crate) fn with_ending(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Nobody else reads it, from its first moment on. What SQLite puts beside it gets the same mode.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// A name is on the disk when its folder is.
pub(crate) fn sync_folder(place: &Path) -> io::Result<()> {
    // A bare name is one of the working directory.
    let folder = place.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // What is said to be done has to survive a power cut: an account, and all the more a revocation.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    row_checksum::define(&connection)?;
    Ok(connection)
}

/// Moves the log into the database: what was taken away does not come back when the log is damaged, of which SQLite reads
/// what lies before the damage as if nothing had followed.
pub(crate) fn empty_log(connection: &Connection) {
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = moved {
        tracing::warn!(%error, "the log of a database cannot be moved into it: that is done later");
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}

/// Whether the last one to close it moves the log into the file, as SQLite does by itself.
pub(crate) fn move_log_on_close(connection: &Connection, moves: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !moves)?;
    Ok(())
}

/// All steps or none, so that a database that turns out to be another one stays as it is.
fn migrate(connection: &mut Connection, layout: &Layout, version: i64) -> Result<(), StoreError> {
    if version == layout.version() {
        return Ok(());
    }
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in layout.migrations.iter().skip(version as usize) {
        change.execute_batch(migration.sql)?;
        (migration.then)(&change)?;
        failpoints::check(Point::Migration)?;
    }
    change.pragma_update(None, "application_id", layout.kind.mark())?;
    change.pragma_update(None, "user_version", layout.version())?;
    Ok(change.commit()?)
}

#[cfg(test)]
mod tests;
