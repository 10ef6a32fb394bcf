//! What becomes of tokens: they are handed on, granted, renewed, given back and revoked.

use std::sync::Arc;

use clasp_auth::{TokenDigest, TokenKind};
use clasp_store::{AuthStore, Holder, Token};
use thiserror::Error;

use super::accounts::{AccountError, Issued, end_sessions, issue};
use super::identity::{Credential, Identity};
use super::sign_in::{blank, scopes_of};
use crate::shared::Shared;

/// Less of the rights of a token, as another token.
pub(crate) struct Handed {
    pub(crate) name: Option<String>,
    /// All of them lie within those of the parent; nothing is all of the parent's.
    pub(crate) scopes: Option<Vec<String>>,
}

/// A token that an administrator wants to be valid.
pub(crate) struct Granted {
    /// Nothing has one made.
    pub(crate) text: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<u64>,
}

/// What is to count no longer.
pub(crate) enum Revocation {
    /// A token, by its text.
    Token(String),
    /// Everything that was issued to a subject.
    Subject(String),
}

/// Where rights are kept that are not in the database, and what has to be done there to end them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Keeper {
    #[error(
        "the admin token counts until its file is replaced (--admin-token) and the server starts again"
    )]
    AdminToken,
    #[error("a token counts until it is taken out of its file (--token-file)")]
    TokenFile,
    #[error("an entity is believed until its status changes (PUT /api/entities/ID/status)")]
    Entity,
    #[error("a capability token counts until it is revoked itself, by its text")]
    Capability,
}

/// What a revocation took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Revoked {
    /// Tokens that are gone, or links that are believed no longer.
    pub(crate) tokens: usize,
    /// Sessions that ended.
    pub(crate) sessions: usize,
}

impl Shared {
    /// Makes a token from another one, with whose end it ends too.
    pub(crate) async fn hand_on(
        self: &Arc<Self>,
        parent: &Identity,
        handed: Handed,
        now_s: u64,
    ) -> Result<Issued, AccountError> {
        let Credential::Token(digest) = parent.credential else {
            return Err(AccountError::NotIssuedHere);
        };
        let own_expiry = self.accounts().expiry(now_s);
        let change = move |store: &mut AuthStore, shared: &Self| {
            let parent = store.token(digest.as_bytes())?;
            let parent = parent.ok_or(AccountError::NotIssuedHere)?;
            let allowed = shared.accounts().at_most(scopes_of(&parent.scopes));
            let token = Token {
                username: handed.name.or(parent.username),
                subject: parent.subject,
                expires_at: earliest(own_expiry, parent.expires_at),
                parent: Some(*digest.as_bytes()),
                ..blank(
                    Holder::Child,
                    allowed.grant(handed.scopes.as_deref()),
                    now_s,
                )
            };
            issue(store, shared, token)
        };
        self.accounts().change(self, change).await
    }

    /// Makes a token valid because an administrator says so.
    pub(crate) async fn grant_token(
        self: &Arc<Self>,
        granted: Granted,
        now_s: u64,
    ) -> Result<Issued, AccountError> {
        let change = move |store: &mut AuthStore, shared: &Self| {
            let token = Token {
                subject: granted.subject,
                expires_at: granted.expires_at,
                ..blank(Holder::Granted, granted.scopes, now_s)
            };
            let Some(text) = granted.text else {
                return issue(store, shared, token);
            };
            let digest = TokenDigest::of(&text);
            if store.token(digest.as_bytes())?.is_some() {
                return Err(AccountError::TokenExists);
            }
            let displaced = store.issue(digest.as_bytes(), &token)?;
            end_sessions(shared, &displaced);
            Ok(Issued { text, token })
        };
        self.accounts().change(self, change).await
    }

    /// A token with the same rights and more time. The old one goes on until its time is over, so that nobody
    /// whose connection broke has lost both; but whichever is taken away, both are. Rights that are not granted any more are not in the new one.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        identity: &Identity,
        now_s: u64,
    ) -> Result<Issued, AccountError> {
        let Credential::Token(digest) = identity.credential else {
            return Err(AccountError::NotRenewable);
        };
        let expires_at = self.accounts().expiry(now_s);
        let change = move |store: &mut AuthStore, shared: &Self| {
            let old = store.token(digest.as_bytes())?;
            let old = old.filter(|old| matches!(old.holder, Holder::User | Holder::Guest));
            let old = old.ok_or(AccountError::NotRenewable)?;
            let user_id = old.subject.as_deref().unwrap_or_default();
            let allowed = shared.accounts().allowed(user_id);
            let token = Token {
                scopes: allowed.grant(Some(&old.scopes)),
                expires_at,
                created_at: now_s,
                family: old.family.or(Some(*digest.as_bytes())),
                ..old
            };
            issue(store, shared, token)
        };
        self.accounts().change(self, change).await
    }

    /// Gives a token back.
    pub(crate) async fn log_out(
        self: &Arc<Self>,
        identity: &Identity,
    ) -> Result<Revoked, AccountError> {
        let Credential::Token(digest) = identity.credential else {
            return Err(AccountError::NotIssuedHere);
        };
        if self.authenticator.keeper_of_token(digest).is_some() {
            return Err(AccountError::NotIssuedHere);
        }
        let revoked = self.remove(digest).await?;
        match revoked.tokens {
            0 => Err(AccountError::NotIssuedHere),
            _ => Ok(revoked),
        }
    }

    /// What the bearer of a token calls itself, if it was issued here.
    pub(crate) async fn username(
        &self,
        identity: &Identity,
    ) -> Result<Option<String>, AccountError> {
        let Credential::Token(digest) = identity.credential else {
            return Ok(None);
        };
        let found = self
            .accounts()
            .look_up(move |store| store.token(digest.as_bytes()));
        Ok(found.await?.and_then(|token| token.username))
    }

    /// Takes rights away. Before the answer nobody has them any more.
    pub(crate) async fn revoke(
        self: &Arc<Self>,
        revocation: Revocation,
        now_s: u64,
    ) -> Result<Revoked, AccountError> {
        match revocation {
            Revocation::Subject(subject) => self.revoke_subject(subject).await,
            Revocation::Token(text) => match TokenKind::of(&text) {
                Some(TokenKind::Capability) => self.revoke_capability(&text, now_s).await,
                _ => self.remove(TokenDigest::of(&text)).await,
            },
        }
    }

    async fn remove(self: &Arc<Self>, digest: TokenDigest) -> Result<Revoked, AccountError> {
        let change = move |store: &mut AuthStore, shared: &Self| {
            let mut gone = store.remove_token(digest.as_bytes())?;
            let keeper = shared.authenticator.keeper_of_token(digest);
            if keeper.is_some() {
                gone.push(*digest.as_bytes());
            }
            let sessions = end_sessions(shared, &gone);
            match keeper {
                Some(keeper) => Err(AccountError::KeptElsewhere { keeper, sessions }),
                None => Ok(Revoked {
                    tokens: gone.len(),
                    sessions,
                }),
            }
        };
        self.accounts().change(self, change).await
    }

    async fn revoke_subject(self: &Arc<Self>, subject: String) -> Result<Revoked, AccountError> {
        let change = move |store: &mut AuthStore, shared: &Self| {
            let gone = store.remove_tokens_of(&subject)?;
            shared.authenticator.count_revocation();
            // What was made from its tokens has the same subject; so has who shows another credential.
            let sessions = shared.roster.end_subject(&shared.router, &subject);
            if let Some(keeper) = shared.authenticator.keeper_of_subject(&subject) {
                return Err(AccountError::KeptElsewhere { keeper, sessions });
            }
            let tokens = gone.len();
            Ok(Revoked { tokens, sessions })
        };
        self.accounts().change(self, change).await
    }

    /// Its last link, so that what was made from it goes too, and what it was made from stays.
    async fn revoke_capability(
        self: &Arc<Self>,
        text: &str,
        now_s: u64,
    ) -> Result<Revoked, AccountError> {
        let capabilities = &self.authenticator.capabilities;
        let Ok(verified) = capabilities.verify_for_revocation(text, now_s) else {
            return Ok(NOTHING);
        };
        let Some(link) = verified.links.last().copied() else {
            return Ok(NOTHING);
        };
        let change = move |store: &mut AuthStore, shared: &Self| {
            store.revoke(link.as_bytes(), Some(verified.expires_at))?;
            shared.authenticator.count_revocation();
            let credential = Credential::Capability(vec![link]);
            let sessions = shared.roster.end(&shared.router, &credential);
            let tokens = 1;
            Ok(Revoked { tokens, sessions })
        };
        self.accounts().change(self, change).await
    }
}

fn earliest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

const NOTHING: Revoked = Revoked {
    tokens: 0,
    sessions: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_ever_is_later_than_any_time() {
        for (one, other, expected) in [
            (None, None, None),
            (Some(1), None, Some(1)),
            (None, Some(2), Some(2)),
            (Some(1), Some(2), Some(1)),
        ] {
            assert_eq!(earliest(one, other), expected);
            assert_eq!(earliest(other, one), expected);
        }
    }
}
