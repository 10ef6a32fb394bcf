//! Tokens: what was issued, by the digest of its text.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::accounts::AuthStore;
use crate::database::empty_log;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::limits::{OWN_TOKENS_PER_SUBJECT_MAX, TOKENS_MAX, TOKENS_PER_SUBJECT_MAX};

/// What is known of a token that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Who acts with it.
    pub subject: Option<String>,
    /// What that one calls itself.
    pub username: Option<String>,
    /// What it may do, as `action:pattern`.
    pub scopes: Vec<String>,
    /// The last second in which it is valid, since 1970; nothing is for ever.
    pub expires_at: Option<u64>,
    /// When it was issued.
    pub created_at: u64,
    /// To whom.
    pub holder: Holder,
    /// The token that it was made from, without which it is not valid.
    pub parent: Option<Digest>,
    /// The first of those that it was renewed from, with which it is removed; nothing for one that is the first.
    pub family: Option<Digest>,
}

/// To whom a token was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Somebody with an account.
    User,
    /// Somebody without.
    Guest,
    /// Whoever has another token, with less rights.
    Child,
    /// Whoever an administrator gave it to.
    Granted,
}

impl Holder {
    const ALL: [Self; 4] = [Self::User, Self::Guest, Self::Child, Self::Granted];

    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Guest => "guest",
            Self::Child => "child",
            Self::Granted => "granted",
        }
    }
}

impl ToSql for Holder {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for Holder {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        let found = Self::ALL.into_iter().find(|holder| holder.word() == word);
        found.ok_or(FromSqlError::InvalidType)
    }
}

impl AuthStore {
    /// Keeps a token; gives those that had to make room for it.
    ///
    /// # Errors
    /// The database does not work, or is full.
    pub fn issue(&mut self, digest: &Digest, token: &Token) -> Result<Vec<Digest>, StoreError> {
        let mut displaced = self.make_room(token.created_at)?;
        let step = self.begin()?;
        insert(&step, digest, token)?;
        let older = match &token.subject {
            Some(subject) => displace(&step, subject, token.holder)?,
            None => Vec::new(),
        };
        step.commit()?;
        self.tokens = (self.tokens + 1).saturating_sub(older.len());
        displaced.extend(older);
        Ok(displaced)
    }

    /// The token with this digest, also if it has expired.
    ///
    /// # Errors
    /// The database does not work.
    pub fn token(&self, digest: &Digest) -> Result<Option<Token>, StoreError> {
        let mut question = self.connection().prepare_cached(
            "SELECT subject, username, scopes, expires_at, created_at, kind, parent, \
             nullif(family, digest), checksum IS row_checksum(digest, subject, username, scopes, \
             expires_at, created_at, kind, parent, family) FROM tokens WHERE digest = ?1",
        )?;
        let row = question.query_row([digest], |row| {
            let scopes: String = row.get(2)?;
            let token = Token {
                subject: row.get(0)?,
                username: row.get(1)?,
                scopes: Vec::new(),
                expires_at: row.get(3)?,
                created_at: row.get(4)?,
                holder: row.get(5)?,
                parent: row.get(6)?,
                family: row.get(7)?,
            };
            Ok((token, scopes, row.get::<_, bool>(8)?))
        });
        let Some((token, scopes, is_whole)) = row.optional()? else {
            return Ok(None);
        };
        if !is_whole {
            return Err(StoreError::BrokenRow { table: "tokens" });
        }
        let scopes = serde_json::from_str(&scopes)?;
        Ok(Some(Token { scopes, ..token }))
    }

    /// Whether somebody acts as this subject with a token that is still valid.
    ///
    /// # Errors
    /// The database does not work.
    pub fn has_token(&self, subject: &str, now_s: u64) -> Result<bool, StoreError> {
        let mut question = self.connection().prepare_cached(
            "SELECT 1 FROM tokens WHERE subject = ?1 AND (expires_at IS NULL OR expires_at >= ?2)",
        )?;
        Ok(question.exists(params![subject, now_s])?)
    }

    /// Removes a token, those that it was renewed from or that were renewed from it, and those that were made from any
    /// of them; gives all of them, none if it is not there.
    ///
    /// # Errors
    /// The database does not work.
    pub fn remove_token(&mut self, digest: &Digest) -> Result<Vec<Digest>, StoreError> {
        self.remove_all(
            "SELECT digest FROM tokens \
             WHERE family = (SELECT family FROM tokens WHERE digest = ?1)",
            params![digest],
        )
    }

    /// Removes the tokens of a subject and those that were made from them; gives all of them.
    ///
    /// # Errors
    /// The database does not work.
    pub fn remove_tokens_of(&mut self, subject: &str) -> Result<Vec<Digest>, StoreError> {
        self.remove_all(
            "SELECT digest FROM tokens WHERE subject = ?1",
            params![subject],
        )
    }

    fn remove_all(
        &mut self,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<Digest>, StoreError> {
        let step = self.begin()?;
        let digests = digests(&step, sql, parameters)?;
        let mut removed = Vec::new();
        for digest in &digests {
            removed.extend(remove(&step, digest)?);
        }
        step.commit()?;
        empty_log(self.connection());
        self.tokens = self.tokens.saturating_sub(removed.len());
        Ok(removed)
    }

    /// Forgets what has expired if there is no room for one more token, or else the oldest guest, who has nothing that
    /// it could not get again. Gives the tokens of that.
    pub(crate) fn make_room(&mut self, now_s: u64) -> Result<Vec<Digest>, StoreError> {
        if self.tokens >= self.tokens_max {
            self.prune(now_s)?;
        }
        if self.tokens < self.tokens_max {
            return Ok(Vec::new());
        }
        let step = self.begin()?;
        let oldest = digests(
            &step,
            "SELECT digest FROM tokens WHERE kind = 'guest' ORDER BY rowid LIMIT 1",
            &[],
        )?;
        let Some(oldest) = oldest.first() else {
            return Err(StoreError::Full {
                things: "tokens",
                max: TOKENS_MAX,
            });
        };
        let gone = remove(&step, oldest)?;
        step.commit()?;
        self.tokens = self.tokens.saturating_sub(gone.len());
        Ok(gone)
    }
}

pub(crate) fn insert(
    step: &Transaction<'_>,
    digest: &Digest,
    token: &Token,
) -> Result<(), StoreError> {
    let scopes = serde_json::to_string(&token.scopes)?;
    step.prepare_cached(
        "INSERT INTO tokens \
         (digest, subject, username, scopes, expires_at, created_at, kind, parent, family, checksum) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, row_checksum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9))",
    )?
    .execute(params![
        digest,
        token.subject,
        token.username,
        scopes,
        token.expires_at,
        token.created_at,
        token.holder,
        token.parent,
        token.family.as_ref().unwrap_or(digest)
    ])?;
    Ok(())
}

/// Removes the oldest tokens of a kind of a subject that has too many. Rows are numbered as they come: by a clock that
/// was set back the new token could be the oldest.
fn displace(
    step: &Transaction<'_>,
    subject: &str,
    holder: Holder,
) -> Result<Vec<Digest>, StoreError> {
    let (kinds, max) = match holder {
        // A guest who registers stays the same.
        Holder::User | Holder::Guest => ([Holder::User, Holder::Guest], OWN_TOKENS_PER_SUBJECT_MAX),
        Holder::Child | Holder::Granted => ([holder; 2], TOKENS_PER_SUBJECT_MAX),
    };
    let oldest = digests(
        step,
        "SELECT digest FROM tokens WHERE subject = ?1 AND kind IN (?2, ?3) \
         ORDER BY rowid DESC LIMIT -1 OFFSET ?4",
        params![subject, kinds[0], kinds[1], max],
    )?;
    let mut removed = Vec::new();
    for digest in &oldest {
        removed.extend(remove(step, digest)?);
    }
    Ok(removed)
}

/// The token and its descendants: the database removes them too, and does not tell which.
fn remove(step: &Transaction<'_>, digest: &Digest) -> Result<Vec<Digest>, StoreError> {
    let descendants = digests(
        step,
        "WITH RECURSIVE gone (digest) AS ( \
             SELECT digest FROM tokens WHERE digest = ?1 \
             UNION SELECT tokens.digest FROM tokens JOIN gone ON tokens.parent = gone.digest \
         ) SELECT digest FROM gone",
        params![digest],
    )?;
    step.prepare_cached("DELETE FROM tokens WHERE digest = ?1")?
        .execute([digest])?;
    Ok(descendants)
}

fn digests(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn ToSql],
) -> Result<Vec<Digest>, StoreError> {
    let mut question = connection.prepare_cached(sql)?;
    let rows = question.query_map(parameters, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What the checksum of a token is over.
pub(crate) const TOKEN_COLUMNS: &str =
    "digest, subject, username, scopes, expires_at, created_at, kind, parent, family";

#[cfg(test)]
mod tests;
