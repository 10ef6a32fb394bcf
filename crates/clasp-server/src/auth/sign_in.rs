//! Signing in: registration, login and guests, each of which ends with a token.

use std::sync::Arc;

use clasp_auth::{TokenDigest, cpsk, password};
use clasp_proto::Scopes;
use clasp_store::{Attempt, AuthStore, Holder, Registered, StoreError, Throttled, Token, User};
use uuid::Uuid;

use super::accounts::{AccountError, Issued, end_sessions, issue};
use crate::allowance::Source;
use crate::shared::Shared;

/// Who wants an account.
pub(crate) struct Registration {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) wish: Wish,
}

/// Who comes without one.
pub(crate) struct Visit {
    /// What it calls itself.
    pub(crate) name: Option<String>,
    pub(crate) wish: Wish,
}

/// What somebody who signs in would like to have.
#[derive(Default)]
pub(crate) struct Wish {
    /// Nothing takes any.
    pub(crate) user_id: Option<String>,
    /// The token that came with the request: that of a guest shows that the id is its own.
    pub(crate) proof: Option<TokenDigest>,
    /// Nothing is all that it may have.
    pub(crate) scopes: Option<Vec<String>>,
}

/// Who says to have an account.
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) source: Source,
}

impl Shared {
    /// Makes an account, and its first token.
    pub(crate) async fn register(
        self: &Arc<Self>,
        registration: Registration,
        now_s: u64,
    ) -> Result<Issued, AccountError> {
        let accounts = self.accounts();
        let Registration {
            username,
            password,
            wish,
        } = registration;
        let hashed = accounts.hash(move || password::hash(&password)).await??;
        let claim = wish.claim();
        let id = wish.user_id.unwrap_or_else(|| new_id(now_s));
        let scopes = accounts.allowed(&id).grant(wish.scopes.as_deref());
        let token = Token {
            subject: Some(id.clone()),
            username: Some(username.clone()),
            expires_at: accounts.expiry(now_s),
            ..blank(Holder::User, scopes, now_s)
        };
        let user = User {
            id,
            username,
            password_hash: hashed,
            created_at: now_s,
        };
        let change = move |store: &mut AuthStore, shared: &Self| {
            if is_taken(store, shared, claim.as_ref(), now_s)? {
                return Err(AccountError::Taken);
            }
            let text = cpsk::generate();
            match store.register(&user, (TokenDigest::of(&text).as_bytes(), &token))? {
                Registered::New { displaced } => {
                    end_sessions(shared, &displaced);
                    Ok(Issued { text, token })
                }
                Registered::Taken => Err(AccountError::Taken),
            }
        };
        accounts.change(self, change).await
    }

    /// A token for somebody who knows the password.
    pub(crate) async fn log_in(
        self: &Arc<Self>,
        login: Login,
        now_s: u64,
    ) -> Result<Issued, AccountError> {
        let accounts = self.accounts();
        let limit = accounts.login_limit();
        let attempt = login.attempt();
        let name = login.username;
        let found = accounts.look_up(move |store| {
            Ok(match store.throttled(&attempt, limit, now_s)? {
                Some(throttled) => Err(throttled),
                None => Ok(store.user(&name)?),
            })
        });
        let user = found.await?.map_err(throttled)?;
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let (password, scopes) = (login.password, login.scopes);
        let expires_at = accounts.expiry(now_s);
        let change = move |(is_right, rehashed): (bool, Option<String>),
                           store: &mut AuthStore,
                           shared: &Self| {
            // Asked once more: of many attempts at once no more are answered than one after the other.
            if let Some(blocked) = store.throttled(&attempt, limit, now_s)? {
                return Err(throttled(blocked));
            }
            let Some(user) = user.filter(|_| is_right) else {
                store.failed(&attempt, limit, now_s)?;
                return Err(AccountError::WrongPassword);
            };
            store.forgive(&attempt)?;
            if let Some(rehashed) = rehashed {
                store.replace_password_hash(&user.id, &rehashed)?;
            }
            let allowed = shared.accounts().allowed(&user.id);
            let token = Token {
                subject: Some(user.id),
                username: Some(user.username),
                expires_at,
                ..blank(Holder::User, allowed.grant(scopes.as_deref()), now_s)
            };
            issue(store, shared, token)
        };
        let work = move || check(&password, stored.as_deref());
        accounts.hash_and_change(self, work, change).await
    }

    /// A token for anybody.
    pub(crate) async fn welcome_guest(
        self: &Arc<Self>,
        visit: Visit,
        now_s: u64,
    ) -> Result<Issued, AccountError> {
        let accounts = self.accounts();
        let Visit { name, wish } = visit;
        let claim = wish.claim();
        let id = wish.user_id.unwrap_or_else(|| new_id(now_s));
        let scopes = accounts.allowed(&id).grant(wish.scopes.as_deref());
        let token = Token {
            username: Some(name.clone().unwrap_or_else(|| guest_name(&id))),
            subject: Some(id.clone()),
            expires_at: accounts.expiry(now_s),
            ..blank(Holder::Guest, scopes, now_s)
        };
        let change = move |store: &mut AuthStore, shared: &Self| {
            if store.is_user_id(&id)? {
                return Err(AccountError::IdRegistered);
            }
            if let Some(name) = name
                && store.is_username(&name)?
            {
                return Err(AccountError::NameRegistered);
            }
            if is_taken(store, shared, claim.as_ref(), now_s)? {
                return Err(AccountError::IdInUse);
            }
            issue(store, shared, token)
        };
        accounts.change(self, change).await
    }
}

impl Wish {
    fn claim(&self) -> Option<Claim> {
        Some(Claim {
            id: self.user_id.clone()?,
            proof: self.proof,
        })
    }
}

/// An id that somebody wants to have, and what shows that it is its own.
struct Claim {
    id: String,
    proof: Option<TokenDigest>,
}

impl Claim {
    /// Whether it comes with the token of the guest who has the id. Who was handed some of the guest's rights is not
    /// that guest, nor is whoever an administrator gave the name. To be asked where the token cannot end meanwhile.
    fn is_proven(&self, store: &AuthStore, now_s: u64) -> Result<bool, StoreError> {
        let Some(proof) = self.proof else {
            return Ok(false);
        };
        let token = store.token(proof.as_bytes())?;
        Ok(token.is_some_and(|token| {
            token.holder == Holder::Guest
                && token.subject.as_deref() == Some(&*self.id)
                && token.expires_at.is_none_or(|last_s| now_s <= last_s)
        }))
    }
}

impl Login {
    /// Whose failures count.
    fn attempt(&self) -> Attempt {
        let digest = |text: String| *TokenDigest::of(&text).as_bytes();
        let (source, name) = (self.source, self.username.to_lowercase());
        Attempt {
            name: digest(format!("user:{name}")),
            address: digest(format!("ip:{source}")),
            pair: digest(format!("ip:{source} user:{name}")),
        }
    }
}

/// Whether somebody else acts under the id that is claimed.
fn is_taken(
    store: &AuthStore,
    shared: &Shared,
    claim: Option<&Claim>,
    now_s: u64,
) -> Result<bool, StoreError> {
    match claim {
        Some(claim) if shared.authenticator.is_listed_subject(&claim.id) => Ok(true),
        Some(claim) => Ok(!claim.is_proven(store, now_s)? && store.has_token(&claim.id, now_s)?),
        None => Ok(false),
    }
}

/// Whether the password is right, which takes the same time without account; and a better hash of it.
fn check(given: &str, stored: Option<&str>) -> (bool, Option<String>) {
    let Some(stored) = stored else {
        password::verify_nobody(given);
        return (false, None);
    };
    let is_right = password::verify(given, stored);
    let is_old = is_right && password::needs_rehash(stored);
    (
        is_right,
        is_old.then(|| password::hash(given).ok()).flatten(),
    )
}

fn throttled(throttled: Throttled) -> AccountError {
    let retry_after = throttled.retry_after;
    AccountError::Throttled { retry_after }
}

/// A token of nobody.
pub(super) fn blank(holder: Holder, scopes: Vec<String>, now_s: u64) -> Token {
    Token {
        subject: None,
        username: None,
        scopes,
        expires_at: None,
        created_at: now_s,
        holder,
        parent: None,
        family: None,
    }
}

/// An id that nobody has: the time for people, and random digits.
fn new_id(now_s: u64) -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("u-{}-{}", now_s * 1000, &random[..8])
}

/// The end of an id, which is ASCII.
fn guest_name(id: &str) -> String {
    let end = id.len().saturating_sub(GUEST_NAME_DIGITS);
    format!("guest-{}", id.get(end..).unwrap_or(id))
}

const GUEST_NAME_DIGITS: usize = 6;

/// The scopes in these texts; a text that is none has no rights.
pub(super) fn scopes_of(texts: &[String]) -> Scopes {
    Scopes::parse_each(texts.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names() {
        let id = new_id(1_700_000_000);
        assert!(id.starts_with("u-1700000000000-") && id.len() == 24, "{id}");
        assert_ne!(new_id(1), new_id(1));
        assert_eq!(guest_name("u-1-abcdef12"), "guest-cdef12");
        assert_eq!(guest_name("bob"), "guest-bob");
    }
}
