//! The file of the snapshots on its disk: read as a whole, replaced as a whole.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use crate::limits::LINKS_MAX;

/// Where snapshots are.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    /// As given, for people.
    pub(super) named: PathBuf,
    /// The file itself: links are followed once, so that the link stays and its target is replaced.
    target: PathBuf,
    /// What is written before it takes the place of the target.
    pub(super) temporary: PathBuf,
    /// What a server locks as long as the target is its own.
    pub(super) lock: PathBuf,
    folder: PathBuf,
}

impl SnapshotFile {
    /// Finds the place; there need not be a file yet.
    pub(super) fn find(named: &Path) -> io::Result<Self> {
        let target = follow(named);
        let no_file = || io::Error::from(ErrorKind::InvalidInput);
        let name = target.file_name().ok_or_else(no_file)?;
        let folder = fs::canonicalize(folder_of(&target))?;
        if !folder.is_dir() {
            return Err(io::Error::from(ErrorKind::NotADirectory));
        }
        Ok(Self {
            named: named.to_owned(),
            temporary: folder.join(with_suffix(name, ".tmp")),
            lock: folder.join(with_suffix(name, ".lock")),
            target: folder.join(name),
            folder,
        })
    }

    /// The content, if there is a file.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.target) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.target.exists()
    }

    /// Finds out whether a snapshot could be written, without touching the one that is there.
    pub(super) fn try_write(&self) -> io::Result<()> {
        self.make_temporary()?.sync_all()?;
        fs::remove_file(&self.temporary)
    }

    /// Gives the file another name that tells when; returns that.
    pub(super) fn set_aside(&self, at_seconds: u64) -> io::Result<PathBuf> {
        let name = self.target.file_name().unwrap_or_default();
        let aside = (at_seconds..)
            .map(|second| with_suffix(name, &format!(".corrupt-{second}")))
            .map(|name| self.folder.join(name))
            .find(|aside| !aside.exists())
            .unwrap_or_default();
        fs::rename(&self.target, &aside)?;
        self.sync_folder()?;
        Ok(aside)
    }

    /// Replaces the file: whoever looks, and whenever the power fails, finds the old one or the new one.
    pub(super) fn replace<T>(
        &self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
    ) -> io::Result<T> {
        let replaced = self.write_and_rename(write);
        if replaced.is_err() {
            // It may be what fills the disk. Without it there is nothing to tidy.
            fs::remove_file(&self.temporary).ok();
        }
        replaced
    }

    fn write_and_rename<T>(
        &self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
    ) -> io::Result<T> {
        let file = self.make_temporary()?;
        if let Some(permissions) = self.permissions()? {
            file.set_permissions(permissions)?;
        }
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        let written = write(&mut out)?;
        out.into_inner()?.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.sync_folder()?;
        Ok(written)
    }

    /// A new file, whatever a crash has left behind under its name.
    fn make_temporary(&self) -> io::Result<File> {
        match fs::remove_file(&self.temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        keep_private(&mut options);
        options.open(&self.temporary)
    }

    /// Those of the file that is there: somebody may have chosen who reads it.
    fn permissions(&self) -> io::Result<Option<Permissions>> {
        match fs::metadata(&self.target) {
            Ok(metadata) => Ok(Some(metadata.permissions())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A name is safe when its folder is.
    fn sync_folder(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Where a path leads to, also if there is nothing yet at the end of its links.
fn follow(named: &Path) -> PathBuf {
    let mut path = named.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            // It is no link, or there is nothing.
            Err(_) => break,
        }
    }
    path
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn with_suffix(name: &OsStr, suffix: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(suffix);
    name
}

/// Params may hold what not every user of the machine should read.
#[cfg(unix)]
fn keep_private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn keep_private(_: &mut OpenOptions) {}

/// Few calls of the system for a file of some megabytes.
const BUFFER_BYTES: usize = 256 * 1024;
