//! Up and down by one version: every database is readable or refused, and never half altered (T-DUR-11).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clasp_store::journal::{Durability, Journal, Options, Place};
use clasp_store::{AuthStore, EntityStore, Kind, StoreError};
use rusqlite::Connection;

/// How the databases of one kind have been.
struct Form {
    kind: Kind,
    open: fn(&Path) -> Result<(), String>,
    /// What made each version from the one before; version 0 is one of CLASP 4.5.
    steps: &'static [&'static str],
    /// What 4.5 wrote into it.
    row: &'static str,
    /// Shows that it is there.
    count: &'static str,
    /// Stands in the way of the last step.
    obstacle: &'static str,
}

const FORMS: [Form; 3] = [
    Form {
        kind: Kind::Journal,
        open: open_journal,
        steps: &[include_str!("../migrations/journal_1.sql")],
        row: "",
        count: "SELECT count(*) FROM origin",
        obstacle: "",
    },
    Form {
        kind: Kind::Accounts,
        open: |path| AuthStore::open(path).map(drop).map_err(told),
        steps: &[
            include_str!("../migrations/accounts_1.sql"),
            include_str!("../migrations/accounts_2.sql"),
            include_str!("../migrations/accounts_3.sql"),
            include_str!("../migrations/accounts_4.sql"),
        ],
        row: "INSERT INTO users (id, username, password_hash, created_at) VALUES ('u-1', 'Zo', '$hash', 16)",
        count: "SELECT count(*) FROM users WHERE id = 'u-1' AND username = 'Zo' AND created_at = 16",
        obstacle: "ALTER TABLE users ADD COLUMN checksum INTEGER",
    },
    Form {
        kind: Kind::Registry,
        open: |path| EntityStore::open(path).map(drop).map_err(told),
        steps: &[
            include_str!("../migrations/registry_1.sql"),
            include_str!("../migrations/registry_2.sql"),
            include_str!("../migrations/registry_3.sql"),
        ],
        row: "INSERT INTO entities (id, entity_type, name, public_key, created_at) \
              VALUES ('clasp:a', 'device', 'Lamp', zeroblob(32), 16)",
        count: "SELECT count(*) FROM entities WHERE id = 'clasp:a' AND name = 'Lamp' AND created_at = 16",
        obstacle: "ALTER TABLE entities ADD COLUMN checksum INTEGER",
    },
];

fn open_journal(path: &Path) -> Result<(), String> {
    let options = Options {
        place: Place::File {
            path: path.to_owned(),
            durability: Durability::Fsync,
        },
        batch_size: 1,
        flush: Duration::ZERO,
    };
    let journal = Journal::open(&options, Box::new(|_| {}));
    journal
        .and_then(|journal| journal.close())
        .map_err(|error| error.to_string())
}

fn told(error: StoreError) -> String {
    error.to_string()
}

/// A database in a folder of its own.
struct Made {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Made {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("some.db");
        Self {
            _folder: folder,
            path,
        }
    }

    /// Changes it from outside, and closes it, or leaves it as a kill does: with all of the change in the log.
    fn change(self, sql: &str, is_killed: bool) -> Self {
        let connection = Connection::open(&self.path).expect("it can be opened");
        if !is_killed {
            connection.execute_batch(sql).expect("it can be changed");
            connection.close().expect("it can be closed");
            return self;
        }
        let apart = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;";
        let changed = connection.execute_batch(&format!("{apart} {sql}"));
        changed.expect("it can be changed");
        let left = Self::new();
        for (name, bytes) in self.contents() {
            let place = left.path.with_file_name(name);
            fs::write(place, bytes).expect("there is room");
        }
        assert!(
            left.contents()
                .iter()
                .any(|(name, bytes)| { name.ends_with("-wal") && !bytes.is_empty() })
        );
        left
    }

    /// Its files, but for those that say nothing of what is in it.
    fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let folder = self.path.parent().expect("it is in a folder");
        let entries = fs::read_dir(folder).expect("the folder can be read");
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().expect("a file has a name");
            let name = name.to_string_lossy().into_owned();
            if !name.ends_with("-shm") && !name.ends_with(".lock") {
                files.push((name, fs::read(path).expect("it can be read")));
            }
        }
        files.sort();
        files
    }

    fn number(&self, question: &str) -> i64 {
        let connection = Connection::open(&self.path).expect("it can be opened");
        let answer = connection.query_row(question, [], |row| row.get(0));
        answer.expect("a number")
    }

    fn check_refused(&self, form: &Form, expected: &str, what: &str) {
        let before = self.contents();
        for _ in 0..2 {
            let refused = (form.open)(&self.path).expect_err(what);
            assert!(refused.contains(expected), "{what}: {refused}");
            let after = self.contents();
            let names = |files: &[(String, Vec<u8>)]| -> Vec<_> {
                files
                    .iter()
                    .map(|(name, bytes)| (name.clone(), bytes.len()))
                    .collect()
            };
            assert_eq!(names(&after), names(&before), "{what}");
            assert!(after == before, "{what}: it was altered");
        }
    }
}

impl Form {
    fn newest(&self) -> Made {
        let made = Made::new();
        (self.open)(&made.path).expect("a new one");
        made
    }

    /// As a server of that version left it, without what its program added to the SQL.
    fn of_version(&self, version: usize, more: &str, is_killed: bool) -> Made {
        let mut sql = self.steps[..version.max(1)].concat();
        sql += &format!("{}; {more};", self.row);
        if version > 0 {
            let mark = self.newest().number("PRAGMA application_id");
            sql += &format!("PRAGMA application_id = {mark}; PRAGMA user_version = {version};");
        }
        Made::new().change(&sql, is_killed)
    }
}

#[test]
fn t_dur_11_a_version_to_come_is_refused_and_left_as_it_is() {
    for form in &FORMS {
        let newest = form.newest().number("PRAGMA user_version");
        assert_eq!(newest, form.steps.len() as i64, "{}", form.kind);
        for is_killed in [false, true] {
            let next = newest + 1;
            // It has what nobody here knows of.
            let sql = format!("CREATE TABLE to_come (x); PRAGMA user_version = {next}");
            let made = form.newest().change(&sql, is_killed);
            let expected = format!("has version {next}, expected at most {newest}");
            let what = format!("{} of version {next}, killed: {is_killed}", form.kind);
            made.check_refused(form, &expected, &what);
        }
    }
}

#[test]
fn t_dur_11_an_older_version_is_taken_over_with_what_is_in_it() {
    for form in FORMS.iter().filter(|form| !form.row.is_empty()) {
        for (version, is_killed) in (0..form.steps.len()).flat_map(|it| [(it, false), (it, true)]) {
            let what = format!("{} of version {version}, killed: {is_killed}", form.kind);
            let made = form.of_version(version, "", is_killed);
            for _ in 0..2 {
                let opened = (form.open)(&made.path);
                assert_eq!(opened, Ok(()), "{what}");
                assert_eq!(made.number(form.count), 1, "{what}");
                let version = made.number("PRAGMA user_version");
                assert_eq!(version, form.steps.len() as i64, "{what}");
            }
        }
    }
}

#[test]
fn t_dur_11_what_cannot_be_taken_over_as_a_whole_is_not_begun() {
    for form in FORMS.iter().filter(|form| !form.obstacle.is_empty()) {
        for (version, is_killed) in (0..form.steps.len()).flat_map(|it| [(it, false), (it, true)]) {
            let what = format!("{} of version {version}, killed: {is_killed}", form.kind);
            let made = form.of_version(version, form.obstacle, is_killed);
            made.check_refused(form, &format!("is no {}", form.kind), &what);
        }
    }
}

#[test]
fn t_dur_11_a_journal_of_4_5_is_refused_and_left_as_it_is() {
    for is_killed in [false, true] {
        let sql = "CREATE TABLE journal_entries (seq INTEGER PRIMARY KEY); INSERT INTO journal_entries VALUES (1)";
        let made = Made::new().change(sql, is_killed);
        made.check_refused(&FORMS[0], "is a journal of CLASP 4.5", "a journal of 4.5");
    }
}
