//! A process that ends while it takes over the accounts of CLASP 4.5 leaves them as they were (T-DUR-02).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use clasp_store::AuthStore;
use clasp_store::journal::Point;
use clasp_store::journal::failpoints::{Action, set};
use rusqlite::Connection;

#[test]
fn t_dur_02_accounts_survive_an_end_in_their_take_over() {
    for round in 0..ROUNDS {
        let what = format!("round {round}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.db");
        // Both ways in which SQLite keeps what is not finished.
        let mode = ["DELETE", "WAL"][round / STEPS % 2];
        write_as_4_5(&path, mode, 1 + round * 40);
        let before = rows(&path);
        // One after the other may end, and the next at a later step.
        for passes in round % STEPS..STEPS {
            take_over(&path, passes);
            let left = copy_of(folder.path());
            assert_eq!(rows(&left.path().join("auth.db")), before, "{what}");
        }
        let store = AuthStore::open(&path).unwrap();
        for (id, username) in &before.users {
            let user = store.user(username).unwrap().unwrap();
            assert_eq!(&user.id, id, "{what}");
            let in_small_letters = username.to_lowercase();
            assert!(store.is_username(&in_small_letters).unwrap(), "{what}");
        }
    }
}

/// Takes the accounts over until it ends at its point.
#[test]
#[ignore = "the child of the test above"]
fn child_with_accounts() {
    let (Some(path), Ok(passes)) = (std::env::var_os(PATH), std::env::var(PASSES)) else {
        return;
    };
    set(Point::Migration, passes.parse().unwrap(), Action::Abort);
    let opened = AuthStore::open(Path::new(&path));
    panic!("it has not ended: {opened:?}");
}

fn take_over(path: &Path, passes: usize) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "migration::child_with_accounts", "--ignored"])
        .env(PATH, path)
        .env(PASSES, passes.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // A test that fails ends with a code, and so would one that is not found.
    assert_eq!(child.unwrap().code(), None, "ended by a signal");
}

fn write_as_4_5(path: &Path, mode: &str, users: usize) {
    let mut connection = Connection::open(path).unwrap();
    let asked = connection
        .pragma_update_and_check(None, "journal_mode", mode, |row| row.get::<_, String>(0));
    assert_eq!(asked.unwrap(), mode.to_lowercase());
    let step = connection.transaction().unwrap();
    step.execute_batch(
        "CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT UNIQUE NOT NULL, \
         password_hash TEXT NOT NULL, created_at INTEGER NOT NULL)",
    )
    .unwrap();
    for number in 0..users {
        let (id, name) = (format!("u-{number}"), format!("User{number}"));
        let row = (id, name, "$argon2id$".repeat(10), number);
        step.execute("INSERT INTO users VALUES (?1, ?2, ?3, ?4)", row)
            .unwrap();
    }
    step.commit().unwrap();
}

/// What a program of 4.5 finds.
#[derive(Debug, PartialEq, Eq)]
struct Rows {
    marks: [i64; 2],
    /// Statements that made all that there is.
    shape: Vec<String>,
    users: BTreeMap<String, String>,
}

fn rows(path: &Path) -> Rows {
    let connection = Connection::open(path).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    let marks = ["application_id", "user_version"].map(|name| pragma(name).unwrap());
    let all = |sql: &str| {
        let mut rows = connection.prepare(sql).unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap()
            .collect::<Result<BTreeMap<String, String>, _>>()
            .unwrap()
    };
    let shape = all("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL");
    Rows {
        marks,
        shape: shape.into_values().collect(),
        users: all("SELECT id, username FROM users"),
    }
}

/// So that whoever looks does not tidy what the next start has to.
fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

const PATH: &str = "ACCOUNTS_KILL_PATH";
const PASSES: &str = "ACCOUNTS_KILL_PASSES";
const ROUNDS: usize = 20;
/// Steps from the shape of 4.5 to that of today; each ends with the point.
const STEPS: usize = 3;
