//! Authentication: who a token speaks for, and what it takes to have one.

mod accounts;
mod admin_token;
#[cfg(feature = "caps")]
mod capabilities;
#[cfg(not(feature = "caps"))]
#[path = "no_capabilities.rs"]
mod capabilities;
mod identity;
#[cfg(feature = "registry")]
pub(crate) mod registry;
#[cfg(not(feature = "registry"))]
#[path = "no_registry.rs"]
pub(crate) mod registry;
mod revocations;
mod secret_file;
mod sign_in;
mod token_file;
mod tokens;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clasp_auth::{TokenDigest, TokenKind};
use clasp_proto::{Principal, Scopes};
use clasp_router::Timestamp;
use clasp_store::Digest;
use parking_lot::{Mutex, RwLock};
use thiserror::Error;

pub use accounts::OpenError;
pub(crate) use accounts::{AccountError, Accounts, Issued, prune};
pub use admin_token::AdminTokenError;
use capabilities::{Capabilities, NoCapability};
pub(crate) use identity::{Credential, Denial, Identity, InvalidToken};
use identity::{check_expiry, scoped};
use registry::Registry;
pub use secret_file::SecretFileError;
pub(crate) use sign_in::{Login, Registration, Visit, Wish};
use token_file::Listed;
pub use token_file::TokenFileError;
use tokens::Keeper;
pub(crate) use tokens::{Granted, Handed, Revocation, Revoked};
pub(crate) use watch::run as watch;

use crate::plan::authentication::{AuthenticationPlan, SCOPES_DEFAULT};
use crate::shared::Shared;

/// Knows every token that counts.
#[derive(Debug)]
pub(crate) struct Authenticator {
    plan: AuthenticationPlan,
    /// Tokens that are not in the database: the one of a development server, the admin's, those in files.
    fixed: Fixed,
    listed: RwLock<Listed>,
    /// The same by file, in the order of the plan.
    by_file: Mutex<Vec<Listed>>,
    pub(crate) accounts: Option<Accounts>,
    pub(crate) capabilities: Capabilities,
    /// Links that were revoked before this server had no accounts.
    revoked: HashSet<Digest>,
    pub(crate) registry: Registry,
    revocations: AtomicU64,
}

/// Tokens that are the same for as long as the server runs.
#[derive(Debug, Default)]
struct Fixed {
    shared: Option<TokenDigest>,
    admin: Option<TokenDigest>,
}

/// Why a server that asks for tokens does not start.
#[derive(Debug, Error)]
pub enum AuthenticationError {
    /// A database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The admin token cannot be used.
    #[error(transparent)]
    AdminToken(#[from] AdminTokenError),
    /// A file of tokens cannot be used.
    #[error(transparent)]
    TokenFile(#[from] TokenFileError),
}

impl Authenticator {
    /// Reads the files and opens the databases of the plan. Waits for the disk.
    ///
    /// # Errors
    /// What of them cannot be used.
    pub(crate) fn open(plan: &AuthenticationPlan) -> Result<Self, AuthenticationError> {
        let admin = plan.admin_token.as_deref();
        let fixed = Fixed {
            shared: plan.shared_token,
            admin: admin.map(admin_token::read_or_make).transpose()?,
        };
        let files = plan.token_files.iter();
        let by_file = files.map(|path| token_file::read(path, plan.strict_read));
        let by_file = by_file.collect::<Result<Vec<_>, _>>()?;
        let accounts = plan.accounts.as_ref().map(Accounts::open).transpose()?;
        tell(plan);
        let revocations = plan.revocations.as_deref();
        Ok(Self {
            revoked: revocations.map_or_else(|| Ok(HashSet::new()), revocations::read)?,
            fixed,
            listed: RwLock::new(token_file::together(&by_file)),
            by_file: Mutex::new(by_file),
            accounts,
            capabilities: Capabilities::new(plan.capabilities.clone()),
            registry: Registry::open(plan.registry.as_ref())?,
            revocations: AtomicU64::new(0),
            plan: plan.clone(),
        })
    }

    /// True if sessions need a token.
    pub(crate) fn is_required(&self) -> bool {
        self.plan.is_required()
    }

    /// Counted up when something does not count any more, and before the sessions end that rest on it. So whoever reads
    /// this, identifies a token, enters the roster and finds this changed has to ask again; otherwise it either saw
    /// the change, or is among those that end.
    pub(crate) fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    fn count_revocation(&self) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
    }

    /// Who this token speaks for. Asks at most one database, once; may be given up at any moment.
    ///
    /// # Errors
    /// Why it does not count.
    // protocol/router.md 2.6, 2.10
    pub(crate) async fn identify(
        &self,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Identity, Denial> {
        if !self.is_required() {
            return Ok(Identity {
                principal: Arc::new(Principal::anybody()),
                credential: Credential::None,
            });
        }
        let text = token
            .filter(|text| !text.is_empty())
            .ok_or(Denial::Missing)?;
        let now_s = now.0 / accounts::MICROS_PER_SECOND;
        let identity = self.find(text, now_s).await?;
        check_expiry(&identity.principal, now_s)?;
        Ok(identity)
    }

    async fn find(&self, text: &str, now_s: u64) -> Result<Identity, Denial> {
        let digest = TokenDigest::of(text);
        if let Some(identity) = self.find_without_database(digest) {
            return Ok(identity);
        }
        match TokenKind::of(text) {
            Some(TokenKind::Cpsk) => self.find_issued(digest).await,
            Some(TokenKind::Capability) => self.find_capability(text, now_s).await,
            Some(TokenKind::Entity) => {
                let strict_read = self.plan.strict_read;
                self.registry.identify(text, now_s, strict_read).await
            }
            // A development server has one token, of any form.
            None if self.fixed.shared.is_some() => Err(InvalidToken::NotFound.into()),
            None => Err(InvalidToken::Unrecognized.into()),
        }
    }

    /// By digest, so that how long it takes says nothing of a token that is not known.
    fn find_without_database(&self, digest: TokenDigest) -> Option<Identity> {
        if self.fixed.shared == Some(digest) {
            return Some(Identity {
                principal: Arc::new(Principal::anybody()),
                credential: Credential::Shared,
            });
        }
        let principal = if self.fixed.admin == Some(digest) {
            let everything = Scopes::all();
            Arc::new(scoped(Some(ADMIN), everything, None, self.plan.strict_read))
        } else {
            Arc::clone(self.listed.read().get(&digest)?)
        };
        Some(Identity {
            principal,
            credential: Credential::Token(digest),
        })
    }

    async fn find_issued(&self, digest: TokenDigest) -> Result<Identity, Denial> {
        let accounts = self.accounts.as_ref().ok_or(InvalidToken::NotFound)?;
        let found = accounts.look_up(move |store| store.token(digest.as_bytes()));
        let token = found.await.map_err(unavailable)?;
        let token = token.ok_or(InvalidToken::NotFound)?;
        let scopes = sign_in::scopes_of(&token.scopes);
        let subject = token.subject.as_deref();
        let principal = scoped(subject, scopes, token.expires_at, self.plan.strict_read);
        Ok(Identity {
            principal: Arc::new(principal),
            credential: Credential::Token(digest),
        })
    }

    async fn find_capability(&self, text: &str, now_s: u64) -> Result<Identity, Denial> {
        let verified = self
            .capabilities
            .verify(text, now_s)
            .map_err(no_capability)?;
        let links = verified.links;
        if links
            .iter()
            .any(|link| self.revoked.contains(link.as_bytes()))
        {
            return Err(InvalidToken::Revoked.into());
        }
        if let Some(accounts) = &self.accounts {
            let asked: Vec<_> = links.iter().map(|link| *link.as_bytes()).collect();
            let revoked = accounts.look_up(move |store| store.is_revoked(&asked));
            if revoked.await.map_err(unavailable)? {
                return Err(InvalidToken::Revoked.into());
            }
        }
        let (subject, expires_at) = (Some(&*verified.subject), Some(verified.expires_at));
        let principal = scoped(subject, verified.scopes, expires_at, self.plan.strict_read);
        Ok(Identity {
            principal: Arc::new(principal),
            credential: Credential::Capability(links),
        })
    }

    /// Whether a token that is not in the database acts as this subject.
    fn is_listed_subject(&self, subject: &str) -> bool {
        let is_same = |principal: &Arc<Principal>| principal.subject.as_deref() == Some(subject);
        subject == ADMIN || self.listed.read().values().any(is_same)
    }

    /// Where this token is kept, if not in the database.
    fn keeper_of_token(&self, digest: TokenDigest) -> Option<Keeper> {
        if self.fixed.admin == Some(digest) {
            return Some(Keeper::AdminToken);
        }
        let is_listed = self.listed.read().contains_key(&digest);
        is_listed.then_some(Keeper::TokenFile)
    }

    /// Where somebody is known by this subject without a token of the database.
    fn keeper_of_subject(&self, subject: &str) -> Option<Keeper> {
        let has_capabilities = self.plan.capabilities.is_some();
        match subject {
            ADMIN if self.fixed.admin.is_some() => Some(Keeper::AdminToken),
            _ if self.is_listed_subject(subject) => Some(Keeper::TokenFile),
            _ if subject.starts_with("clasp:") && self.registry.is_open() => Some(Keeper::Entity),
            _ if subject.starts_with("cap:") && has_capabilities => Some(Keeper::Capability),
            _ => None,
        }
    }

    /// Lets go of the databases, when nobody asks any more. Waits for the disk.
    pub(crate) fn close(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.close();
        }
        self.registry.close();
    }
}

impl Shared {
    /// The accounts of a server with an auth port.
    pub(crate) fn accounts(&self) -> &Accounts {
        let accounts = self.authenticator.accounts.as_ref();
        accounts.expect("the auth port is there with accounts only")
    }
}

fn no_capability(error: NoCapability) -> Denial {
    match error {
        NoCapability::NotAsked => InvalidToken::Unrecognized.into(),
        NoCapability::Wrong(clasp_auth::capability::CapabilityError::Expired) => Denial::Expired,
        NoCapability::Wrong(error) => InvalidToken::Capability(error).into(),
    }
}

fn unavailable(error: AccountError) -> Denial {
    tracing::error!(%error, "cannot look up a token");
    Denial::Unavailable
}

/// Says at the start who gets in, so that nobody takes a server for open or closed that is not.
fn tell(plan: &AuthenticationPlan) {
    if !plan.is_required() {
        return;
    }
    let kinds = [
        ("the shared token", plan.shared_token.is_some()),
        ("the admin token", plan.admin_token.is_some()),
        ("token files", !plan.token_files.is_empty()),
        ("accounts and guests", plan.accounts.is_some()),
        ("capability tokens", plan.capabilities.is_some()),
        ("entity tokens", plan.registry.is_some()),
    ];
    let given = kinds.iter().filter(|(_, is_given)| *is_given);
    let given: Vec<&str> = given.map(|(kind, _)| *kind).collect();
    tracing::info!("sessions need a token: {}", given.join(", "));
    let Some(accounts) = &plan.accounts else {
        tracing::info!("there is no auth port: tokens are neither issued nor revoked over HTTP");
        return;
    };
    if accounts.origins.is_none() {
        tracing::warn!(
            "pages of every origin may use the auth port: --cors-origin names those that may"
        );
    }
    if accounts.rules.is_none() {
        tracing::warn!(
            "whoever registers or comes as a guest may do {SCOPES_DEFAULT}: --app-config says otherwise"
        );
    }
}

/// The subject of the admin token.
const ADMIN: &str = "admin-bootstrap";

#[cfg(test)]
mod tests;
