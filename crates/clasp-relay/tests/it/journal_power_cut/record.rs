//! What a relay does to the files of its folder, in order, as recorder.c notes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{QUIET, Relay, command};

/// One thing that was done. An inode is the number of a file or of the folder.
pub(super) enum Step {
    Created {
        inode: u64,
        name: String,
    },
    Written {
        inode: u64,
        offset: u64,
        bytes: Vec<u8>,
    },
    CutTo {
        inode: u64,
        length: u64,
    },
    SyncBegun {
        inode: u64,
        which: u64,
    },
    SyncReturned {
        which: u64,
    },
    Renamed {
        from: String,
        to: String,
    },
    Removed {
        name: String,
    },
}

/// The recorder, ready to be loaded into relays.
pub(super) struct Recorder {
    library: PathBuf,
    record: PathBuf,
    _folder: TempDir,
}

impl Recorder {
    pub(super) fn build() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let library = folder.path().join("recorder.so");
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/journal_power_cut/recorder.c");
        // SQLite is built with the same compiler.
        let built = Command::new("cc")
            .args(["-O1", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .status();
        assert!(built.expect("cc can be started").success());
        Self {
            library,
            record: folder.path().join("record"),
            _folder: folder,
        }
    }

    /// From here on, nothing was done.
    pub(super) fn forget(&self) {
        std::fs::write(&self.record, []).expect("the record can be written");
    }

    /// A relay with this journal, that adds what it does in the folder of it.
    pub(super) fn start(&self, file: &Path, more: &[&str]) -> Relay {
        let folder = file.parent().expect("a file has a folder");
        let folder = folder.canonicalize().expect("the folder is there");
        let file = file.to_str().expect("the path is UTF-8");
        let mut command = command(&[QUIET, &["--journal", file], more].concat());
        command
            .env("LD_PRELOAD", &self.library)
            .env("RECORD", &self.record)
            .env("RECORDED_FOLDER", folder);
        Relay::start_command(command)
    }

    /// All that was done since it was told to forget. A kill may have cut the last entry, which then was not done.
    pub(super) fn steps(&self) -> Vec<Step> {
        let record = std::fs::read(&self.record).expect("there is a record");
        let mut rest = &record[..];
        std::iter::from_fn(|| step(&mut rest)).collect()
    }
}

/// The first entry, which is taken off.
fn step(rest: &mut &[u8]) -> Option<Step> {
    let (head, behind) = rest.split_at_checked(ENTRY_BYTES)?;
    let short = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    let (payload, behind) = behind.split_at_checked(short(4) as usize)?;
    *rest = behind;
    let (inode, number) = (long(8), long(16));
    let name = || base(payload);
    // As recorder.c numbers them.
    Some(match short(0) {
        1 => Step::Created {
            inode,
            name: name(),
        },
        2 => Step::Written {
            inode,
            offset: number,
            bytes: payload.to_vec(),
        },
        3 => Step::CutTo {
            inode,
            length: number,
        },
        4 => Step::SyncBegun {
            inode,
            which: number,
        },
        5 => Step::SyncReturned { which: number },
        6 => {
            let mut names = payload.split(|byte| *byte == 0).map(base);
            let mut next = || names.next().expect("two names");
            Step::Renamed {
                from: next(),
                to: next(),
            }
        }
        7 => Step::Removed { name: name() },
        kind => unreachable!("recorder.c knows no kind {kind}"),
    })
}

/// There is one folder only.
fn base(path: &[u8]) -> String {
    let path = Path::new(std::str::from_utf8(path).expect("the path is UTF-8"));
    let name = path.file_name().expect("a path has a name");
    name.to_str().expect("it was UTF-8").to_owned()
}

const ENTRY_BYTES: usize = 24;
