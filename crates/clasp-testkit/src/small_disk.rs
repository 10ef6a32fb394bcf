//! A small file system of a test's own, to be filled: what a disk that is full does can only be seen on one (T-DUR-04).

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that is a file system of some kilobytes, as long as it is held.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Makes the folder one. Nothing where only root may mount, or nobody: then the test says so, and has shown nothing.
    ///
    /// # Panics
    /// The same where the variable `CLASP_TESTS_MOUNT` is set: there a test that shows nothing is a failure.
    pub fn mount(folder: &Path, kib: u32) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]);
        let status = mount.arg(folder).status();
        let is_mounted = status.is_ok_and(|status| status.success());
        assert!(
            is_mounted || std::env::var_os("CLASP_TESTS_MOUNT").is_none(),
            "a small file system has to be mounted, and this user may not: give the right, or unset CLASP_TESTS_MOUNT"
        );
        is_mounted.then(|| Self(folder.to_owned()))
    }

    /// Takes all room that is left but so many kilobytes, as often as one likes.
    ///
    /// # Panics
    /// The file system does not do what it is there for.
    pub fn fill(&self, left_kib: u64) {
        let mut filler = OpenOptions::new();
        let filler = filler.create(true).append(true).open(self.filler());
        let mut filler = filler.expect("a file can be made");
        let full = loop {
            if let Err(error) = filler.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        let length = filler.metadata().expect("it is there").len();
        let kept = length.saturating_sub(left_kib * 1024);
        filler.set_len(kept).expect("a file can be cut");
    }

    /// Gives back what was taken, as often as one likes.
    ///
    /// # Panics
    /// The file system does not do what it is there for.
    pub fn make_room(&self) {
        match fs::remove_file(self.filler()) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed.expect("a file can be removed"),
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    /// Also when the test fails. Whoever still has a file open keeps nobody from it.
    fn drop(&mut self) {
        // Nothing is lost if it stays: it is memory.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_disk_is_full_until_there_is_room_and_gone_when_the_test_fails() {
        let folder = std::env::temp_dir().join(format!("small-disk-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder can be made");
        let Some(disk) = SmallDisk::mount(&folder, 256) else {
            fs::remove_dir(&folder).expect("nothing is in it");
            println!("skipped: this user cannot mount a tmpfs");
            return;
        };
        let is_there = || fs::exists(folder.join("file")).expect("it can be looked for");
        let failed = catch_unwind(|| {
            let disk = disk;
            let write = |kib: usize| fs::write(folder.join("file"), vec![0; kib * 1024]);
            for _ in 0..2 {
                disk.fill(100);
                write(100).expect("there is room");
                assert!(write(101 + 4).is_err(), "there is more than that");
                disk.make_room();
                write(200).expect("there is room again");
            }
            assert!(!is_there(), "the test fails");
        });
        assert!(failed.is_err());
        assert!(!is_there(), "it is still mounted");
        fs::remove_dir(&folder).expect("nothing is left in it");
    }
}
