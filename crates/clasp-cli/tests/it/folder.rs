//! A folder for the files of one test, and commands that run in it.

use std::fs;

use tempfile::TempDir;

use crate::harness::{Ended, clasp};

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    /// Runs a command in this folder, which is also where it keeps its configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = clasp(arguments);
        command.current_dir(self.0.path());
        command.env("XDG_CONFIG_HOME", self.0.path().join("config"));
        let output = command.output();
        output.expect("the command can be started").into()
    }

    /// The one line that a command prints, which has to succeed.
    #[track_caller]
    pub(crate) fn line(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        let mut lines = ended.stdout.lines();
        let line = lines.next().expect("a line of result").to_owned();
        assert_eq!(lines.next(), None, "{arguments:?}");
        line
    }

    /// The public key of a new key file with this name.
    pub(crate) fn key(&self, name: &str) -> String {
        let ended = self.run(&["key", "generate", "--out", name]);
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{ended:?}");
        self.line(&["key", "show", name])
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect("the file is there")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("the file can be written");
    }

    /// The permissions of a file or folder.
    #[cfg(unix)]
    pub(crate) fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(self.0.path().join(name));
        metadata.expect("it is there").permissions().mode() & 0o777
    }
}

/// Fails unless the command failed with this exit code and a message that has all of these.
#[track_caller]
pub(crate) fn failed(ended: &Ended, code: i32, told: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{ended:?}");
    for part in told {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
}
