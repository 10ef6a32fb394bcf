//! Accounts: who is added, who is refused, and what a restart leaves.

mod damage;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::tokens::Holder;

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const DAY: u64 = 86_400;

/// A folder with a database of one test.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("auth.db")
    }

    pub(crate) fn store(&self) -> AuthStore {
        AuthStore::open(&self.path()).unwrap()
    }
}

pub(crate) fn token(subject: &str) -> Token {
    Token {
        subject: Some(subject.to_owned()),
        username: None,
        scopes: vec!["read:/**".to_owned()],
        expires_at: Some(NOW + DAY),
        created_at: NOW,
        holder: Holder::User,
        parent: None,
        family: None,
    }
}

pub(crate) fn new_user(id: &str, username: &str) -> NewUser {
    User {
        id: id.to_owned(),
        username: username.to_owned(),
        password_hash: "$hash".to_owned(),
        created_at: NOW,
    }
}

#[test]
fn neither_id_nor_name_is_given_twice() {
    let folder = Folder::new();
    let mut store = folder.store();
    for (number, id, username, is_new) in [
        (1, "u-1", "alice", true),
        (2, "u-2", "alice", false),
        (3, "u-1", "bob", false),
        (4, "u-2", "Alice", true),
    ] {
        let registered = store.register(&new_user(id, username), (&[number; 32], &token(id)));
        let registered = registered.unwrap() != Registered::Taken;
        assert_eq!(registered, is_new, "{id} {username}");
        let has_token = store.token(&[number; 32]).unwrap().is_some();
        assert_eq!(has_token, is_new, "{id} {username}");
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = Folder::new();
    let mut store = folder.store();
    let user = new_user("u-1", "\u{c9}mile");
    store.register(&user, (&[1; 32], &token("u-1"))).unwrap();
    store.replace_password_hash("u-1", "$better").unwrap();
    drop(store);
    let store = folder.store();
    let found = store.user("\u{c9}mile").unwrap().unwrap();
    assert_eq!(
        (found.id.as_str(), found.password_hash.as_str()),
        ("u-1", "$better")
    );
    assert!(store.user("\u{e9}mile").unwrap().is_none(), "as registered");
    assert!(store.is_username("\u{e9}MILE").unwrap(), "in any case");
    assert!(store.is_user_id("u-1").unwrap() && !store.is_user_id("u-2").unwrap());
    assert_eq!(store.token(&[1; 32]).unwrap(), Some(token("u-1")));
}

#[test]
fn a_log_shows_no_hash() {
    assert!(!format!("{:?}", new_user("u-1", "alice")).contains("$hash"));
}
