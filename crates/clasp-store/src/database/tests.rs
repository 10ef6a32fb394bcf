//! Databases: which are opened, and what is said of those that are not.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::accounts::AuthStore;
use crate::accounts::tests::{new_user, token};
use crate::entities::{EntityStatus, EntityStore};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.db");
    (folder, path)
}

fn refusal(path: &Path) -> String {
    AuthStore::open(path).unwrap_err().to_string()
}

fn execute(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
#[cfg(unix)]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = folder();
    let _store = AuthStore::open(&path).unwrap();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert!(mode == 0o600 || name.ends_with(".lock"), "{name} {mode:o}");
        files.push(name);
    }
    files.sort();
    let expected = ["some.db", "some.db-shm", "some.db-wal", "some.db.lock"];
    assert_eq!(files, expected);
}

#[test]
fn what_is_on_the_disk_is_there_for_good() {
    let (_folder, path) = folder();
    let database = AuthStore::open(&path).unwrap();
    let pragma = |name| {
        let connection = database.connection();
        let value = connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
        format!("{:?}", value.unwrap())
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("synchronous"), "Integer(2)");
    assert_eq!(pragma("foreign_keys"), "Integer(1)");
    assert_eq!(pragma("busy_timeout"), "Integer(5000)");
}

#[test]
fn a_second_server_is_refused_and_learns_who_has_it() {
    let (folder, path) = folder();
    let store = AuthStore::open(&path).unwrap();
    let refused = refusal(&path);
    let holder = format!("in use by process {}", std::process::id());
    assert!(
        refused.contains(&holder) && refused.contains("--auth-db"),
        "{refused}"
    );
    #[cfg(unix)]
    {
        let other = folder.path().join("other.db");
        std::os::unix::fs::symlink(&path, &other).unwrap();
        assert!(refusal(&other).contains(&holder), "by another name");
    }
    drop((store, folder));
}

#[test]
fn a_database_of_4_5_is_taken_over() {
    let (_folder, path) = folder();
    execute(
        &path,
        "CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT UNIQUE NOT NULL, \
         password_hash TEXT NOT NULL, created_at INTEGER NOT NULL); \
         INSERT INTO users VALUES ('u-1', 'Zo\u{cb}', '$hash', 1600000000);",
    );
    for _ in 0..2 {
        let store = AuthStore::open(&path).unwrap();
        let user = store.user("Zo\u{cb}").unwrap().unwrap();
        assert_eq!((user.id.as_str(), user.created_at), ("u-1", 1_600_000_000));
        assert!(store.is_username("zo\u{eb}").unwrap());
    }
}

#[test]
fn tokens_of_before_they_had_families_are_their_own() {
    let (_folder, path) = folder();
    execute(&path, include_str!("../../migrations/accounts_1.sql"));
    execute(&path, include_str!("../../migrations/accounts_2.sql"));
    for number in [1, 2] {
        let row = format!("x'{number:064}', 'u-1', NULL, '[]', NULL, 1, 'user', NULL");
        execute(&path, &format!("INSERT INTO tokens VALUES ({row})"));
    }
    let mark = Kind::Accounts.mark();
    let version = format!("PRAGMA application_id = {mark}; PRAGMA user_version = 2");
    execute(&path, &version);
    let mut store = AuthStore::open(&path).unwrap();
    let mut first = [0; 32];
    first[31] = 1;
    assert_eq!(store.token(&first).unwrap().unwrap().family, None);
    assert_eq!(store.remove_token(&first).unwrap(), [first]);
    assert!(store.has_token("u-1", 2).unwrap(), "the other one");
}

#[test]
fn a_registry_of_4_5_is_taken_over() {
    let (_folder, path) = folder();
    execute(
        &path,
        "CREATE TABLE entities (id TEXT PRIMARY KEY, entity_type TEXT NOT NULL, name TEXT NOT NULL, \
         public_key BLOB NOT NULL, created_at INTEGER NOT NULL, metadata TEXT DEFAULT '{}', \
         tags TEXT DEFAULT '[]', namespaces TEXT DEFAULT '[]', scopes TEXT DEFAULT '[]', \
         status TEXT DEFAULT 'active'); \
         CREATE INDEX idx_entities_status ON entities(status); \
         INSERT INTO entities (id, entity_type, name, public_key, created_at) \
         VALUES ('clasp:a', 'device', 'Lamp', zeroblob(32), 1600000000);",
    );
    let store = EntityStore::open(&path).unwrap();
    let entity = store.entity("clasp:a").unwrap().unwrap();
    assert_eq!(entity.status, EntityStatus::Active);
    assert_eq!(entity.name, "Lamp");
}

#[test]
fn what_cannot_be_used_is_refused_and_left_as_it_is() {
    for (what, make, expected) in UNUSABLE {
        let (_folder, path) = folder();
        make(&path);
        let before = fs::read(&path).ok();
        let refused = refusal(&path);
        assert!(refused.contains(expected), "{what}: {refused}");
        assert!(fs::read(&path).ok() == before, "{what}: it was changed");
    }
}

#[test]
fn changes_without_their_database_are_not_put_into_a_new_one() {
    let (_folder, path) = folder();
    fs::write(with_ending(&path, "-wal"), "changes").unwrap();
    let refused = refusal(&path);
    assert!(refused.contains("only its log is there"), "{refused}");
    assert!(!path.exists());
}

#[test]
fn a_start_that_was_cut_off_is_made_good() {
    let (_folder, path) = folder();
    fs::write(beside(&path, "new"), "half").unwrap();
    assert!(AuthStore::open(&path).is_ok());
    assert!(!beside(&path, "new").exists());
    let nowhere = path.with_file_name("no folder").join("some.db");
    assert!(refusal(&nowhere).starts_with("cannot open the auth database"));
}

/// A row says nothing any more that was not written by us, at the start or later. T-DUR-06
#[test]
fn a_changed_row_is_believed_neither_at_the_start_nor_later() {
    for (table, change) in [
        ("users", "UPDATE users SET password_hash = 'other'"),
        ("users", "UPDATE users SET username_folded = ''"),
        ("users", "UPDATE users SET checksum = NULL"),
        ("tokens", "UPDATE tokens SET scopes = '[\"admin:/**\"]'"),
        ("tokens", "UPDATE tokens SET expires_at = NULL"),
        ("tokens", "UPDATE tokens SET created_at = created_at + 1"),
        ("revoked", "UPDATE revoked SET digest = zeroblob(32)"),
        ("revoked", "UPDATE revoked SET until = 1"),
    ] {
        let (_folder, path) = folder();
        let mut store = AuthStore::open(&path).unwrap();
        let registered = store.register(&new_user("u-1", "alice"), (&[1; 32], &token("u-1")));
        registered.unwrap();
        store.revoke(&[2; 32], None).unwrap();
        store.connection().execute(change, []).unwrap();
        let answers = match table {
            "users" => store.user("alice").map(drop),
            "tokens" => store.token(&[1; 32]).map(drop),
            // Nobody reads more of it than that it is there.
            _ => Err(StoreError::BrokenRow { table: "revoked" }),
        };
        let is_refused = matches!(answers, Err(StoreError::BrokenRow { .. }));
        assert!(is_refused, "{change}: {answers:?}");
        drop(store);
        let expected = format!("is damaged: a row of {table} is not as it was written");
        let refused = refusal(&path);
        assert!(refused.contains(&expected), "{change}: {refused}");
    }
    let (_folder, path) = folder();
    let store = EntityStore::open(&path).unwrap();
    drop(store);
    execute(
        &path,
        "INSERT INTO entities (id, entity_type, name, public_key, created_at) VALUES ('clasp:a', 'device', 'Lamp', zeroblob(32), 1)",
    );
    let refused = EntityStore::open(&path).unwrap_err().to_string();
    assert!(
        refused.contains("a row of entities is not as it was written"),
        "{refused}"
    );
}

/// What it is, how it is made, and what is said of it.
type Unusable = (&'static str, fn(&Path), &'static str);

const UNUSABLE: [Unusable; 9] = [
    (
        "empty",
        |path| fs::write(path, "").unwrap(),
        "is damaged: it is empty",
    ),
    (
        "text",
        |path| fs::write(path, "accounts\n".repeat(200)).unwrap(),
        "is damaged: it is no database",
    ),
    (
        "folder",
        |path| fs::create_dir(path).unwrap(),
        "cannot open the auth database",
    ),
    (
        "cut",
        |path| {
            drop(AuthStore::open(path).unwrap());
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
        },
        "is damaged: ",
    ),
    (
        "overwritten",
        |path| {
            drop(AuthStore::open(path).unwrap());
            let mut bytes = fs::read(path).unwrap();
            bytes[4096 * 2..4096 * 4].fill(0x55);
            fs::write(path, bytes).unwrap();
        },
        "is damaged: ",
    ),
    (
        "of a version to come",
        |path| {
            drop(AuthStore::open(path).unwrap());
            execute(path, "PRAGMA user_version = 99");
        },
        "has version 99, expected at most 4",
    ),
    (
        "of another program",
        |path| {
            execute(
                path,
                "CREATE TABLE users (name TEXT); PRAGMA user_version = 3",
            )
        },
        "is no auth database: give another file with --auth-db",
    ),
    (
        "of another program without version",
        |path| execute(path, "CREATE TABLE users (name TEXT)"),
        "is no auth database",
    ),
    (
        "the registry",
        |path| drop(EntityStore::open(path).unwrap()),
        "is no auth database",
    ),
];
