//! Accounts: their database and the hashing of their passwords, each on threads of its own.

use std::collections::HashSet;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use clasp_auth::password::PasswordError;
use clasp_auth::{Throttle, TokenDigest, cpsk};
use clasp_proto::{Scope, Scopes};
use clasp_store::{AuthStore, Digest, FailureLimit, StoreError, Token};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::identity::Credential;
use super::tokens::Keeper;
use crate::allowance::Source;
use crate::limits::{
    DATABASE_QUEUED_MAX, NEWCOMER_SOURCES_MAX, PASSWORDS_QUEUED_MAX, PRUNE_INTERVAL,
};
use crate::plan::authentication::AccountsPlan;
use crate::shared::Shared;
use crate::workers::{Busy, Workers};

/// Whoever has an account, and the tokens that were issued.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) plan: AccountsPlan,
    /// A database has one thread: it knows one writer, and belongs to no task that may be dropped half way.
    database: Workers<AuthStore>,
    /// Threads for passwords, which take a processor and some memory for a moment.
    passwords: Workers<()>,
    newcomers: Mutex<Throttle<Source>>,
}

/// Why nothing came of what somebody asked of the accounts. What a client caused is told to it in these words.
#[derive(Debug, Error)]
pub(crate) enum AccountError {
    #[error("Username or identity already taken")]
    Taken,
    #[error("This identity belongs to a registered user. Please sign in.")]
    IdRegistered,
    #[error("That name belongs to a registered user. Sign in or pick a different name.")]
    NameRegistered,
    #[error("This identity is in use. Send its token as Bearer token, or leave user_id out.")]
    IdInUse,
    #[error("Invalid username or password")]
    WrongPassword,
    #[error("Too many login attempts. Please wait a minute and try again.")]
    Throttled { retry_after: Duration },
    #[error("There is such a token already")]
    TokenExists,
    #[error("only tokens of users and guests can be renewed")]
    NotRenewable,
    #[error("only tokens that were issued here can be handed on or given back")]
    NotIssuedHere,
    #[error("{sessions} sessions have ended, but can begin again: {keeper}")]
    KeptElsewhere { keeper: Keeper, sessions: usize },
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// A token that was issued, with its text, which nobody is told again. No `Debug`, so that no log can show it.
pub(crate) struct Issued {
    pub(crate) text: String,
    pub(crate) token: Token,
}

impl Accounts {
    /// Opens the database and starts the threads.
    pub(super) fn open(plan: &AccountsPlan) -> Result<Self, OpenError> {
        let store = AuthStore::open(&plan.path)?;
        let processors = available_parallelism().map_or(1, NonZero::get);
        let hashers = vec![(); (processors / 2).max(1)];
        let limit = plan.limits().register;
        let newcomers = Throttle::new(limit.attempts_max, limit.window, NEWCOMER_SOURCES_MAX);
        Ok(Self {
            plan: plan.clone(),
            database: Workers::start("accounts", vec![store], DATABASE_QUEUED_MAX)?,
            passwords: Workers::start_behind("passwords", hashers, PASSWORDS_QUEUED_MAX)?,
            newcomers: Mutex::new(newcomers),
        })
    }

    /// Counts somebody who registers, comes as a guest or renews a token.
    ///
    /// # Errors
    /// How long there were too many from there.
    pub(crate) fn count_newcomer(&self, source: Source) -> Result<(), Duration> {
        self.newcomers.lock().attempt(&source, Instant::now())
    }

    /// What an account or a guest may have.
    pub(super) fn allowed(&self, user_id: &str) -> Allowed {
        self.at_most(self.plan.scopes_for(user_id))
    }

    /// What whoever has these scopes may have.
    pub(super) fn at_most(&self, scopes: Scopes) -> Allowed {
        let rules = self.plan.rules.as_ref();
        let strict_read = rules.is_some_and(|rules| rules.strict_read());
        Allowed {
            scopes,
            strict_read,
        }
    }

    /// How many logins may fail.
    pub(super) fn login_limit(&self) -> FailureLimit {
        let limit = self.plan.limits().login;
        FailureLimit {
            failures_max: limit.attempts_max,
            window: limit.window,
        }
    }

    /// When a token that is issued now expires.
    pub(super) fn expiry(&self, now_s: u64) -> Option<u64> {
        let ttl = self.plan.token_ttl?;
        Some(now_s.saturating_add(ttl.as_secs()))
    }

    /// Asks the database something that ends no session.
    pub(super) async fn look_up<T: Send + 'static>(
        &self,
        question: impl FnOnce(&AuthStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let answer = self.database.ask(|store| question(store)).await?;
        Ok(answer?)
    }

    /// Changes the database, and what follows from that, in one piece: a client that hangs up cannot come between.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        shared: &Arc<Shared>,
        change: impl FnOnce(&mut AuthStore, &Shared) -> Result<T, AccountError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let shared = Arc::clone(shared);
        self.database
            .carry_out(move |store| change(store, &shared))
            .await?
    }

    /// Does something with a password.
    pub(super) async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        Ok(self.passwords.ask(move |()| work()).await?)
    }

    /// Does something with a password, and changes the database by what comes of that. Once the work has begun both are
    /// done, whoever hangs up: a guess counts that has cost a hash.
    pub(super) async fn hash_and_change<H: Send + 'static, T: Send + 'static>(
        &self,
        shared: &Arc<Shared>,
        work: impl FnOnce() -> H + Send + 'static,
        change: impl FnOnce(H, &mut AuthStore, &Shared) -> Result<T, AccountError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let shared = Arc::clone(shared);
        let (tell, told) = oneshot::channel();
        let work = move |_: &mut ()| {
            let hashed = work();
            let accounts = Arc::clone(&shared);
            let database = &accounts.accounts().database;
            database.post(move |store| {
                tell.send(change(hashed, store, &shared)).ok();
            })
        };
        self.passwords.ask(work).await??;
        told.await.map_err(|_| Busy)?
    }

    /// Ends the threads; the database is anybody's then.
    pub(super) fn close(&self) {
        self.passwords.end();
        self.database.end();
    }
}

/// Removes what has expired from the database, for as long as the server runs.
pub(crate) async fn prune(shared: Arc<Shared>) {
    loop {
        let now_s = shared.clock.now().wall.0 / MICROS_PER_SECOND;
        let accounts = shared.accounts();
        let pruned = accounts.change(&shared, move |store, _| Ok(store.prune(now_s)?));
        match pruned.await {
            Ok(0) => sleep(PRUNE_INTERVAL).await,
            // Others have their turn between two parts.
            Ok(tokens) => tracing::debug!(tokens, "removed expired tokens"),
            Err(error) => {
                tracing::error!(%error, "cannot remove expired tokens");
                sleep(PRUNE_INTERVAL).await;
            }
        }
    }
}

/// Issues a token. The sessions of those that had to make room for it end.
pub(super) fn issue(
    store: &mut AuthStore,
    shared: &Shared,
    token: Token,
) -> Result<Issued, AccountError> {
    let text = cpsk::generate();
    let displaced = store.issue(TokenDigest::of(&text).as_bytes(), &token)?;
    end_sessions(shared, &displaced);
    Ok(Issued { text, token })
}

/// Ends the sessions of tokens that are gone; says how many there were.
pub(super) fn end_sessions(shared: &Shared, gone: &[Digest]) -> usize {
    if gone.is_empty() {
        return 0;
    }
    shared.authenticator.count_revocation();
    let ended = gone.iter().map(|digest| {
        let credential = Credential::Token(TokenDigest::from_bytes(*digest));
        shared.roster.end(&shared.router, &credential)
    });
    ended.sum()
}

/// What may be granted.
pub(super) struct Allowed {
    scopes: Scopes,
    /// A scope to write does not allow to read.
    strict_read: bool,
}

impl Allowed {
    /// Of what is asked for, what is allowed, once; all that is allowed if nothing is asked for. What is no scope is
    /// not granted.
    pub(super) fn grant(&self, asked: Option<&[String]>) -> Vec<String> {
        let Some(asked) = asked else {
            return self.scopes.iter().map(ToString::to_string).collect();
        };
        let asked = asked
            .iter()
            .filter_map(|text| Scope::parse(text.trim()).ok());
        let mut seen = HashSet::new();
        let granted = asked.filter(|scope| self.covers(scope) && seen.insert(scope.clone()));
        granted.map(|scope| scope.to_string()).collect()
    }

    fn covers(&self, scope: &Scope) -> bool {
        let mut held = self.scopes.iter();
        held.any(|held| held.covers(scope, self.strict_read))
    }
}

/// Why there are no accounts.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Their database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no threads.
    #[error("cannot start a thread for a database")]
    Thread(#[from] io::Error),
}

pub(super) const MICROS_PER_SECOND: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_granted_more_than_is_allowed() {
        let allowed = |strict_read| Allowed {
            scopes: Scopes::parse("read:/a/**,write:/b").unwrap(),
            strict_read,
        };
        for (asked, expected) in [
            (None, &["read:/a/**", "write:/b"][..]),
            (Some(&[][..]), &[]),
            (Some(&["read:/a/1", "r:/b"]), &["read:/a/1", "read:/b"]),
            (Some(&["r:/b", "read:/b"]), &["read:/b"]),
            (Some(&["read:/**", "write:/a/1", "admin:/b"]), &[]),
            (Some(&["nonsense", "see:/a", " write:/b "]), &["write:/b"]),
        ] {
            let asked: Option<Vec<String>> =
                asked.map(|asked: &[&str]| asked.iter().map(|it| (*it).to_owned()).collect());
            let granted = allowed(false).grant(asked.as_deref());
            assert_eq!(granted, expected, "{asked:?}");
        }
        let strict = allowed(true).grant(Some(&["read:/b".to_owned(), "emit:/b".to_owned()]));
        assert_eq!(strict, ["emit:/b"]);
    }
}
