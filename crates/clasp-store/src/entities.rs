//! Entities: who has been registered with a key, and whether it is still believed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension as _, Row, TransactionBehavior, params};

use crate::database::{Database, Kind, Layout, Migration, empty_log};
use crate::error::StoreError;
use crate::limits::{ENTITIES_MAX, PAGE_ROWS_MAX};
use crate::row_checksum::Checked;

/// The columns in the order in which [`Stored`] reads them.
macro_rules! columns {
    () => {
        "id, entity_type, name, public_key, created_at, metadata, tags, namespaces, scopes, status"
    };
}
/// One more, that tells whether all of them are as they were written.
macro_rules! is_whole {
    () => {
        concat!(", checksum IS row_checksum(", columns!(), ")")
    };
}
/// The registry.
#[derive(Debug)]
pub struct EntityStore {
    database: Database,
}

/// Somebody with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// `clasp:` and what follows from the key.
    pub id: String,
    /// What it is.
    pub entity_type: EntityType,
    /// What people call it.
    pub name: String,
    /// The Ed25519 key.
    pub public_key: [u8; 32],
    /// Seconds since 1970.
    pub created_at: u64,
    /// Anything that others want to know.
    pub metadata: BTreeMap<String, String>,
    /// What it is found by.
    pub tags: Vec<String>,
    /// Where it may act.
    pub namespaces: Vec<String>,
    /// What it may do, as `action:pattern`.
    pub scopes: Vec<String>,
    /// Whether it is believed.
    pub status: EntityStatus,
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityType {
    /// A thing.
    Device,
    /// A person.
    User,
    /// A program.
    Service,
    /// Another router.
    Router,
}

/// Whether an entity is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityStatus {
    /// It is.
    Active,
    /// Not at the moment.
    Suspended,
    /// Never again.
    Revoked,
}

/// What came of a change of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// It is so now.
    Done,
    /// There is no such entity.
    Unknown,
    /// It is revoked, and stays so.
    Final,
}

impl EntityType {
    const ALL: [Self; 4] = [Self::Device, Self::User, Self::Service, Self::Router];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::User => "user",
            Self::Service => "service",
            Self::Router => "router",
        }
    }

    /// The type with this word, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.word().eq_ignore_ascii_case(word))
    }
}

impl EntityStatus {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }

    /// The status with this word, in any case; `inactive` is another word for suspended.
    pub fn from_word(word: &str) -> Option<Self> {
        let words = [
            ("active", Self::Active),
            ("suspended", Self::Suspended),
            ("inactive", Self::Suspended),
            ("revoked", Self::Revoked),
        ];
        let found = words
            .into_iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(word));
        found.map(|(_, status)| status)
    }
}

impl fmt::Display for EntityStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl EntityStore {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// It is in use, cannot be opened, or is not a whole registry.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::open(path, &LAYOUT)?;
        Ok(Self { database })
    }

    /// Adds an entity; false if there is one with this id.
    ///
    /// # Errors
    /// The database does not work, or is full.
    pub fn add(&mut self, entity: &Entity) -> Result<bool, StoreError> {
        let connection = &mut self.database.connection;
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let kept: usize = step.query_row("SELECT count(*) FROM entities", [], |row| row.get(0))?;
        if kept >= ENTITIES_MAX {
            return Err(StoreError::Full {
                things: "entities",
                max: ENTITIES_MAX,
            });
        }
        let added = step
            .prepare_cached(
                "INSERT OR IGNORE INTO entities \
                 (id, entity_type, name, public_key, created_at, metadata, tags, namespaces, scopes, status, \
                  checksum) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
                 row_checksum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10))",
            )?
            .execute(params![
                entity.id,
                entity.entity_type.word(),
                entity.name,
                entity.public_key,
                entity.created_at,
                serde_json::to_string(&entity.metadata)?,
                serde_json::to_string(&entity.tags)?,
                serde_json::to_string(&entity.namespaces)?,
                serde_json::to_string(&entity.scopes)?,
                entity.status
            ])?;
        step.commit()?;
        Ok(added > 0)
    }

    /// The entity with this id.
    ///
    /// # Errors
    /// The database does not work.
    pub fn entity(&self, id: &str) -> Result<Option<Entity>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            is_whole!(),
            " FROM entities WHERE id = ?1"
        );
        let mut question = self.database.connection.prepare_cached(sql)?;
        question
            .query_row([id], Stored::read)
            .optional()?
            .map(Stored::entity)
            .transpose()
    }

    /// A page of the list, the newest first: at most [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    /// The database does not work.
    pub fn list(&self, offset: usize, limit: usize) -> Result<Vec<Entity>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            is_whole!(),
            " FROM entities ORDER BY created_at DESC, id LIMIT ?1 OFFSET ?2"
        );
        let mut question = self.database.connection.prepare_cached(sql)?;
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let page = params![limit.min(PAGE_ROWS_MAX), offset];
        let rows = question.query_map(page, Stored::read)?;
        rows.map(|row| row?.entity()).collect()
    }

    /// Removes an entity; false if there is none.
    ///
    /// # Errors
    /// The database does not work.
    pub fn remove(&mut self, id: &str) -> Result<bool, StoreError> {
        let connection = &self.database.connection;
        let removed = connection.execute("DELETE FROM entities WHERE id = ?1", [id])?;
        empty_log(connection);
        Ok(removed > 0)
    }

    /// Believes an entity, or not. A revoked one stays so.
    ///
    /// # Errors
    /// The database does not work.
    pub fn change_status(
        &mut self,
        id: &str,
        status: EntityStatus,
    ) -> Result<StatusChange, StoreError> {
        let connection = &mut self.database.connection;
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before: Option<EntityStatus> = step
            .prepare_cached("SELECT status FROM entities WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        match before {
            None => return Ok(StatusChange::Unknown),
            Some(EntityStatus::Revoked) if status != EntityStatus::Revoked => {
                return Ok(StatusChange::Final);
            }
            Some(_) => {}
        }
        step.prepare_cached(
            "UPDATE entities SET status = ?2, checksum = row_checksum(id, entity_type, name, \
             public_key, created_at, metadata, tags, namespaces, scopes, ?2) WHERE id = ?1",
        )?
        .execute(params![id, status])?;
        step.commit()?;
        empty_log(&self.database.connection);
        Ok(StatusChange::Done)
    }
}

impl ToSql for EntityStatus {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for EntityStatus {
    /// A status that nobody here knows is no reason to believe anybody.
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let known = value.as_str().ok().and_then(Self::from_word);
        Ok(known.unwrap_or(Self::Revoked))
    }
}

/// A row as it is stored.
struct Stored {
    /// With nothing in its lists.
    entity: Entity,
    lists: [String; 3],
    metadata: String,
    is_whole: bool,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let word: String = row.get(1)?;
        Ok(Self {
            entity: Entity {
                id: row.get(0)?,
                // What it is gives it no right.
                entity_type: EntityType::from_word(&word).unwrap_or(EntityType::Device),
                name: row.get(2)?,
                public_key: row.get(3)?,
                created_at: row.get(4)?,
                metadata: BTreeMap::new(),
                tags: Vec::new(),
                namespaces: Vec::new(),
                scopes: Vec::new(),
                status: row.get(9)?,
            },
            metadata: row.get(5)?,
            lists: [row.get(6)?, row.get(7)?, row.get(8)?],
            is_whole: row.get(10)?,
        })
    }

    fn entity(self) -> Result<Entity, StoreError> {
        if !self.is_whole {
            return Err(StoreError::BrokenRow { table: "entities" });
        }
        let [tags, namespaces, scopes] = &self.lists;
        Ok(Entity {
            metadata: serde_json::from_str(&self.metadata)?,
            tags: serde_json::from_str(tags)?,
            namespaces: serde_json::from_str(namespaces)?,
            scopes: serde_json::from_str(scopes)?,
            ..self.entity
        })
    }
}

const LAYOUT: Layout = Layout {
    kind: Kind::Registry,
    migrations: &[
        Migration {
            sql: include_str!("../migrations/registry_1.sql"),
            then: |_| Ok(()),
        },
        Migration {
            sql: include_str!("../migrations/registry_2.sql"),
            then: |_| Ok(()),
        },
        Migration {
            sql: include_str!("../migrations/registry_3.sql"),
            then: |_| Ok(()),
        },
    ],
    probes: &[concat!("SELECT ", columns!(), " FROM entities")],
    checked: &[Checked {
        table: "entities",
        columns: columns!(),
    }],
};

#[cfg(test)]
mod tests;
