//! Who gets in and what it may do, as far as options say it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use clasp_auth::anchor::AnchorError;
use clasp_auth::capability::Rules;
use clasp_auth::{Anchors, TokenDigest, TokenKind};
use clasp_proto::Scopes;

use super::{is_origin, proxies::Proxies};
use crate::app_config::{AppConfig, RateLimits};
use crate::config::Config;
use crate::config_error::ConfigError;
use crate::limits::TOKEN_TTL_MAX;

/// Which tokens count. Without any kind of them nobody is asked for one.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuthenticationPlan {
    /// The one token of a development server.
    pub(crate) shared_token: Option<TokenDigest>,
    pub(crate) admin_token: Option<PathBuf>,
    pub(crate) token_files: Vec<PathBuf>,
    /// With the auth port only: nothing else makes accounts.
    pub(crate) accounts: Option<AccountsPlan>,
    pub(crate) capabilities: Option<CapabilityPlan>,
    /// Where capabilities were revoked when there was an auth port, if there is none now.
    pub(crate) revocations: Option<PathBuf>,
    pub(crate) registry: Option<RegistryPlan>,
    /// How often a capability may have been handed on; told also where none are believed.
    pub(crate) cap_depth_max: usize,
    /// A scope to write does not allow to read.
    pub(crate) strict_read: bool,
}

/// Accounts, and the port where they are made.
#[derive(Debug, Clone)]
pub(crate) struct AccountsPlan {
    pub(crate) path: PathBuf,
    /// How long a token that is issued is valid; nothing is for ever.
    pub(crate) token_ttl: Option<Duration>,
    /// What an account may do, and how often may be tried to have one; nothing leaves that to the server.
    pub(crate) rules: Option<Arc<AppConfig>>,
    pub(crate) proxies: Proxies,
    /// Whose pages may use the port; nothing is every page.
    pub(crate) origins: Option<Vec<HeaderValue>>,
}

/// Whose capability tokens count, and which.
#[derive(Debug, Clone)]
pub(crate) struct CapabilityPlan {
    pub(crate) anchors: Anchors,
    #[allow(dead_code, reason = "only a build with capabilities asks")]
    pub(crate) rules: Rules,
}

/// Where entities are.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "only a build with the registry asks")]
pub(crate) struct RegistryPlan {
    pub(crate) path: PathBuf,
    /// How old their tokens may be; nothing is any age.
    pub(crate) token_age_max: Option<Duration>,
}

impl AccountsPlan {
    /// What an account or a guest may do.
    pub(crate) fn scopes_for(&self, user_id: &str) -> Scopes {
        match &self.rules {
            Some(rules) => rules.scopes_for(user_id),
            None => Scopes::parse(SCOPES_DEFAULT).expect("is well formed"),
        }
    }

    pub(crate) fn limits(&self) -> RateLimits {
        let rules = self.rules.as_ref();
        rules.map(|rules| rules.rate_limits()).unwrap_or_default()
    }
}

impl AuthenticationPlan {
    /// What the configuration asks for. What is wrong with it is added to the errors.
    pub(super) fn new(
        config: &Config,
        rules: Option<Arc<AppConfig>>,
        errors: &mut Vec<ConfigError>,
    ) -> Self {
        let anchors = anchors(config, errors);
        let strict_read = rules.as_ref().is_some_and(|rules| rules.strict_read());
        let accounts = accounts(config, rules, errors);
        let admin_token = config.admin_token.as_deref().and_then(Path::to_str);
        // It would become the name of a file, and stand in the log. The tools take the token itself by a variable of
        // the same name.
        if admin_token.and_then(TokenKind::of).is_some() {
            errors.push(ConfigError::AdminToken);
        }
        let is_judged_alone = !anchors.is_empty() && config.auth_port.is_none();
        Self {
            revocations: is_judged_alone.then(|| config.auth_db.clone()),
            shared_token: config.token.as_deref().map(TokenDigest::of),
            admin_token: config.admin_token.clone(),
            token_files: config.token_files.clone(),
            accounts: config.auth_port.map(|_| accounts),
            capabilities: (!anchors.is_empty()).then_some(CapabilityPlan {
                anchors,
                rules: Rules {
                    depth_max: config.cap_max_depth,
                    accept_unverified_v1: config.cap_insecure_v1_delegations,
                    strict_read,
                },
            }),
            registry: config.registry_db.clone().map(|path| RegistryPlan {
                path,
                token_age_max: unless_zero(config.entity_token_max_age),
            }),
            cap_depth_max: config.cap_max_depth,
            strict_read,
        }
    }

    /// True if sessions need a token.
    pub(crate) fn is_required(&self) -> bool {
        self.shared_token.is_some()
            || self.admin_token.is_some()
            || !self.token_files.is_empty()
            || self.accounts.is_some()
            || self.capabilities.is_some()
            || self.registry.is_some()
    }
}

fn unless_zero(time: Duration) -> Option<Duration> {
    Some(time).filter(|time| !time.is_zero())
}

fn accounts(
    config: &Config,
    rules: Option<Arc<AppConfig>>,
    errors: &mut Vec<ConfigError>,
) -> AccountsPlan {
    AccountsPlan {
        path: config.auth_db.clone(),
        token_ttl: unless_zero(config.token_ttl).map(|ttl| ttl.min(TOKEN_TTL_MAX)),
        rules,
        proxies: Proxies::parse(&config.trusted_proxies, errors),
        origins: origins(&config.cors_origins, errors),
    }
}

/// A blank list, as in a file with an empty value, is none; so is one with a star in it.
fn origins(listed: &[String], errors: &mut Vec<ConfigError>) -> Option<Vec<HeaderValue>> {
    let listed = listed.iter().map(|origin| origin.trim());
    let listed: Vec<&str> = listed.filter(|origin| !origin.is_empty()).collect();
    if listed.is_empty() || listed.contains(&"*") {
        return None;
    }
    let mut origins = Vec::new();
    for origin in listed {
        let value = origin.strip_suffix('/').unwrap_or(origin).parse();
        match value {
            Ok(value) if is_origin(origin) => origins.push(value),
            _ => errors.push(ConfigError::CorsOrigin {
                origin: origin.to_owned(),
            }),
        }
    }
    Some(origins)
}

fn anchors(config: &Config, errors: &mut Vec<ConfigError>) -> Anchors {
    let public = config.trust_anchors.iter().map(|given| anchor(given));
    let secret = config.trust_anchor_secrets.iter();
    let secret = secret.map(|path| {
        let key = Anchors::read_secret(path);
        key.map_err(|error| unreadable("--trust-anchor-secret", error))
    });
    let mut anchors = Anchors::default();
    for key in public.chain(secret) {
        match key {
            Ok(key) => anchors.insert(key),
            Err(error) => errors.push(error),
        }
    }
    anchors
}

/// A key as text, or a file with one.
fn anchor(given: &str) -> Result<clasp_auth::PublicKey, ConfigError> {
    match Anchors::parse(given) {
        Ok(key) => Ok(key),
        Err(source) if given.starts_with("did:") => Err(ConfigError::TrustAnchor {
            given: given.to_owned(),
            source,
        }),
        Err(_) => {
            let key = Anchors::read(Path::new(given));
            key.map_err(|error| unreadable("--trust-anchor", error))
        }
    }
}

fn unreadable(flag: &'static str, error: AnchorError) -> ConfigError {
    let source = Arc::new(error).into();
    ConfigError::TrustAnchorFile { flag, source }
}

/// What everybody may do where no rules of an application say otherwise.
pub(crate) const SCOPES_DEFAULT: &str = "read:/**,write:/**";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    fn plan(adjust: impl FnOnce(&mut Config)) -> (AuthenticationPlan, Vec<String>) {
        let mut config = Config::development();
        adjust(&mut config);
        let mut errors = Vec::new();
        let plan = AuthenticationPlan::new(&config, None, &mut errors);
        (plan, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn whoever_gives_a_kind_of_token_asks_everybody_for_one() {
        type Adjust = fn(&mut Config);
        let adjusts: [(&str, Adjust); 6] = [
            ("--token", |config| config.token = Some("x".to_owned())),
            ("--auth-port", |config| config.auth_port = Some(0)),
            ("--admin-token", |config| {
                config.admin_token = Some("a".into())
            }),
            ("--token-file", |config| {
                config.token_files = vec!["a".into()]
            }),
            ("--trust-anchor", |config| {
                config.trust_anchors = vec![KEY.to_owned()]
            }),
            ("--registry-db", |config| {
                config.registry_db = Some("a".into())
            }),
        ];
        assert!(!plan(|_| {}).0.is_required());
        for (flag, adjust) in adjusts {
            let (plan, errors) = plan(adjust);
            assert!(plan.is_required(), "{flag}");
            assert_eq!(errors, [""; 0], "{flag}");
        }
    }

    #[test]
    fn zero_is_for_ever() {
        let (plan, _) = plan(|config| {
            config.auth_port = Some(0);
            config.token_ttl = Duration::ZERO;
            config.registry_db = Some("a".into());
        });
        assert_eq!(plan.accounts.unwrap().token_ttl, None);
        assert_eq!(plan.registry.unwrap().token_age_max, None);
    }

    #[test]
    fn a_time_that_nobody_lives_to_see_can_be_written_down() {
        let (plan, _) = plan(|config| {
            config.auth_port = Some(0);
            config.token_ttl = Duration::from_secs(u64::MAX);
        });
        let ttl = plan.accounts.unwrap().token_ttl.unwrap();
        assert!(
            i64::try_from(ttl.as_secs() + 4_000_000_000).is_ok(),
            "{ttl:?}"
        );
    }

    #[test]
    fn what_cannot_be_is_told_by_its_flag() {
        let config = Config {
            auth_port: Some(0),
            cors_origins: vec!["https://a.b".to_owned(), "a.b".to_owned()],
            trusted_proxies: vec!["10.0.0.0/33".to_owned(), "proxy".to_owned()],
            trust_anchors: vec!["did:key:x".to_owned(), "/no/such.pub".to_owned()],
            trust_anchor_secrets: vec!["/no/such.key".into()],
            admin_token: Some("cpsk_0123".into()),
            ..Config::development()
        };
        let mut errors = Vec::new();
        AuthenticationPlan::new(&config, None, &mut errors);
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let starts = [
            "--trust-anchor did:key:x:",
            "--trust-anchor: cannot read the trust anchor /no/such.pub",
            "--trust-anchor-secret: ",
            "--trusted-proxy 10.0.0.0/33:",
            "--trusted-proxy proxy:",
            "--cors-origin a.b:",
            "--admin-token: expected the path of a file, found a token",
        ];
        assert_eq!(lines.len(), starts.len(), "{lines:#?}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
        assert!(Plan::new(&config).is_err());
    }

    #[test]
    fn a_star_or_nothing_is_every_page() {
        for listed in [&[""][..], &[" "], &["*"], &["https://a.b", "*"], &[]] {
            let (plan, errors) = plan(|config| {
                config.auth_port = Some(0);
                config.cors_origins = listed.iter().map(|it| (*it).to_owned()).collect();
            });
            assert_eq!(plan.accounts.unwrap().origins, None, "{listed:?}");
            assert_eq!(errors, [""; 0]);
        }
    }

    const KEY: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
}
