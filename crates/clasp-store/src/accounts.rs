//! Accounts: who may log in. The store that they share with tokens begins here.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use crate::database::{Database, Kind, Layout, Migration};
use crate::digest::Digest;
use crate::error::StoreError;
use crate::limits::{PRUNED_ROWS_MAX, TOKENS_MAX, USERS_MAX};
use crate::row_checksum::Checked;
use crate::tokens::{self, TOKEN_COLUMNS, Token};

/// Users, their tokens, what was revoked, and who failed to log in.
#[derive(Debug)]
pub struct AuthStore {
    database: Database,
    /// How many there are, so that nobody has to count them.
    users: usize,
    pub(crate) tokens: usize,
    pub(crate) tokens_max: usize,
}

/// Somebody with a name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// What its rights are bound to.
    pub id: String,
    /// What it logs in with, as it was registered.
    pub username: String,
    /// In the text form of password hashes.
    pub password_hash: String,
    /// Seconds since 1970.
    pub created_at: u64,
}

/// Who registers.
pub type NewUser = User;

/// What came of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The account and its first token are on the disk.
    New {
        /// Tokens that had to make room.
        displaced: Vec<Digest>,
    },
    /// There is an account with this id or this name.
    Taken,
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("User")
            .field("id", &self.id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl AuthStore {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// It is in use, cannot be opened, or is not a whole database of accounts.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::open(path, &LAYOUT)?;
        let count = |table| count(&database.connection, table);
        let (users, tokens) = (count("users")?, count("tokens")?);
        Ok(Self {
            database,
            users,
            tokens,
            tokens_max: TOKENS_MAX,
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.database.connection
    }

    pub(crate) fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        let connection = &mut self.database.connection;
        Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Adds an account together with its first token, if nobody has its id or its name.
    ///
    /// # Errors
    /// The database does not work, or is full.
    pub fn register(
        &mut self,
        user: &NewUser,
        token: (&Digest, &Token),
    ) -> Result<Registered, StoreError> {
        if self.users >= USERS_MAX {
            return Err(StoreError::Full {
                things: "accounts",
                max: USERS_MAX,
            });
        }
        let displaced = self.make_room(token.1.created_at)?;
        let step = self.begin()?;
        let taken = step
            .prepare_cached("SELECT 1 FROM users WHERE id = ?1 OR username = ?2")?
            .exists([&user.id, &user.username])?;
        if taken {
            return Ok(Registered::Taken);
        }
        step.prepare_cached(
            "INSERT INTO users (id, username, password_hash, created_at, username_folded, checksum) \
             VALUES (?1, ?2, ?3, ?4, ?5, row_checksum(?1, ?2, ?3, ?4, ?5))",
        )?
        .execute(params![
            user.id,
            user.username,
            user.password_hash,
            user.created_at,
            fold(&user.username)
        ])?;
        tokens::insert(&step, token.0, token.1)?;
        step.commit()?;
        self.users += 1;
        self.tokens += 1;
        Ok(Registered::New { displaced })
    }

    /// The account with this name, written as it was registered.
    ///
    /// # Errors
    /// The database does not work.
    pub fn user(&self, username: &str) -> Result<Option<User>, StoreError> {
        let mut question = self.connection().prepare_cached(
            "SELECT id, username, password_hash, created_at, \
             checksum IS row_checksum(id, username, password_hash, created_at, username_folded) \
             FROM users WHERE username = ?1",
        )?;
        match question.query_row([username], user).optional()? {
            Some((_, false)) => Err(StoreError::BrokenRow { table: "users" }),
            found => Ok(found.map(|(user, _)| user)),
        }
    }

    /// Whether an account has this id.
    ///
    /// # Errors
    /// The database does not work.
    pub fn is_user_id(&self, id: &str) -> Result<bool, StoreError> {
        let mut question = self
            .connection()
            .prepare_cached("SELECT 1 FROM users WHERE id = ?1")?;
        Ok(question.exists([id])?)
    }

    /// Whether an account has this name in small or capital letters.
    ///
    /// # Errors
    /// The database does not work.
    pub fn is_username(&self, name: &str) -> Result<bool, StoreError> {
        let mut question = self
            .connection()
            .prepare_cached("SELECT 1 FROM users WHERE username_folded = ?1")?;
        Ok(question.exists([fold(name)])?)
    }

    /// Replaces a hash that has become too cheap.
    ///
    /// # Errors
    /// The database does not work.
    pub fn replace_password_hash(&mut self, id: &str, hash: &str) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "UPDATE users SET password_hash = ?2, \
                 checksum = row_checksum(id, username, ?2, created_at, username_folded) \
                 WHERE id = ?1",
            )?
            .execute([id, hash])?;
        Ok(())
    }

    /// Forgets what has expired, some of it at a time, lest others wait for long; gives the number of tokens, 0 if none
    /// is left.
    ///
    /// # Errors
    /// The database does not work.
    pub fn prune(&mut self, now_s: u64) -> Result<usize, StoreError> {
        let step = self.begin()?;
        step.execute("DELETE FROM revoked WHERE until < ?1", [now_s])?;
        let before = step.total_changes();
        step.execute(
            "DELETE FROM tokens WHERE rowid IN \
             (SELECT rowid FROM tokens WHERE expires_at < ?1 LIMIT ?2)",
            params![now_s, PRUNED_ROWS_MAX],
        )?;
        // With those that went with their parents.
        let pruned = (step.total_changes() - before) as usize;
        step.commit()?;
        self.tokens = self.tokens.saturating_sub(pruned);
        Ok(pruned)
    }
}

/// And whether it is as it was written.
fn user(row: &Row<'_>) -> rusqlite::Result<(User, bool)> {
    let user = User {
        id: row.get(0)?,
        username: row.get(1)?,
        password_hash: row.get(2)?,
        created_at: row.get(3)?,
    };
    Ok((user, row.get(4)?))
}

fn count(connection: &Connection, table: &'static str) -> Result<usize, StoreError> {
    let sql = format!("SELECT count(*) FROM {table}");
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

/// A name as it is compared with others.
fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// Names in small letters for the accounts of CLASP 4.5: SQLite knows small letters of ASCII only.
fn fold_usernames(step: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut names = step.prepare("SELECT id, username FROM users")?;
    let mut update = step.prepare("UPDATE users SET username_folded = ?2 WHERE id = ?1")?;
    let rows = names.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(String, String)> = rows.collect::<Result<_, _>>()?;
    for (id, username) in rows {
        update.execute([id, fold(&username)])?;
    }
    Ok(())
}

const LAYOUT: Layout = Layout {
    kind: Kind::Accounts,
    migrations: &[
        Migration {
            sql: include_str!("../migrations/accounts_1.sql"),
            then: |_| Ok(()),
        },
        Migration {
            sql: include_str!("../migrations/accounts_2.sql"),
            then: fold_usernames,
        },
        Migration {
            sql: include_str!("../migrations/accounts_3.sql"),
            then: |_| Ok(()),
        },
        Migration {
            sql: include_str!("../migrations/accounts_4.sql"),
            then: |_| Ok(()),
        },
    ],
    probes: &[
        "SELECT id, username, password_hash, created_at, username_folded FROM users",
        "SELECT digest, subject, username, scopes, expires_at, created_at, kind, parent, family FROM tokens",
        "SELECT digest, until FROM revoked",
        "SELECT source, count, since FROM failures",
        // Which needs what the tables say of each other.
        "DELETE FROM tokens WHERE digest = ?1",
    ],
    checked: &[
        Checked {
            table: "users",
            columns: "id, username, password_hash, created_at, username_folded",
        },
        Checked {
            table: "tokens",
            columns: TOKEN_COLUMNS,
        },
        Checked {
            table: "revoked",
            columns: "digest, until",
        },
    ],
};

#[cfg(test)]
pub(crate) mod tests;
