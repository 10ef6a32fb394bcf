//! Principal: who acts, and what it may do; no token (protocol/router.md 17.3).

use std::sync::Arc;

use crate::pattern::Pattern;
use crate::scope::{Action, Scope, Scopes};

/// Who a session acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its name for the rules of an application; nothing if it has none.
    pub subject: Option<Arc<str>>,
    /// What it may do.
    pub rights: Rights,
    /// The last second since 1970 in which it may do so; nothing is for ever.
    pub expires_at: Option<u64>,
}

/// What a principal may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// Everything: nobody asks for tokens.
    Unlimited,
    /// What scopes allow.
    Scoped {
        /// The scopes.
        scopes: Scopes,
        /// A scope to write does not allow to read: that takes one to read, or to do everything.
        strict_read: bool,
    },
}

impl Principal {
    /// Whoever connects where nobody asks for tokens.
    pub const fn anybody() -> Self {
        Self {
            subject: None,
            rights: Rights::Unlimited,
            expires_at: None,
        }
    }

    /// Whether it may do this to this address.
    ///
    /// ```
    /// use clasp_proto::{Action, Principal, Rights, Scopes};
    /// let rights = |strict_read| Rights::Scoped {
    ///     scopes: Scopes::parse("write:/box/**").expect("well formed"),
    ///     strict_read,
    /// };
    /// let mut principal = Principal { rights: rights(false), ..Principal::anybody() };
    /// assert!(principal.may(Action::Read, "/box/1"));
    /// principal.rights = rights(true);
    /// assert!(!principal.may(Action::Read, "/box/1"));
    /// ```
    pub fn may(&self, action: Action, address: &str) -> bool {
        self.rights
            .any(action, |scope| scope.pattern.matches(address))
    }

    /// Whether it may do this to every address of this pattern, by one scope.
    pub fn may_all(&self, action: Action, pattern: &Pattern) -> bool {
        self.rights
            .any(action, |scope| scope.pattern.covers(pattern))
    }

    /// Whether there is an address to which it may do this.
    pub fn may_somewhere(&self, action: Action) -> bool {
        self.rights.any(action, |_| true)
    }
}

impl Rights {
    /// Whether a scope that allows `action` is one that `fits`.
    fn any(&self, action: Action, fits: impl Fn(&Scope) -> bool) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Scoped {
                scopes,
                strict_read,
            } => {
                let is_strict = *strict_read && action == Action::Read;
                let allows = |scope: &&Scope| {
                    let held = scope.action;
                    held.includes(action) && !(is_strict && held == Action::Write)
                };
                scopes.iter().filter(allows).any(fits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(scopes: &str, strict_read: bool) -> Principal {
        let scopes = Scopes::parse(scopes).unwrap();
        Principal {
            rights: Rights::Scoped {
                scopes,
                strict_read,
            },
            ..Principal::anybody()
        }
    }

    // protocol/router.md 17.2, 17.3
    #[test]
    fn a_strict_reader_needs_a_scope_to_read() {
        let pattern = Pattern::parse("/a/*").unwrap();
        for (scopes, strict_read, expected) in [
            ("read:/a/**", false, true),
            ("write:/a/**", false, true),
            ("admin:/a/**", false, true),
            ("emit:/a/**", false, false),
            ("read:/a/**", true, true),
            ("write:/a/**", true, false),
            ("admin:/a/**", true, true),
            ("write:/a/**,read:/a/*", true, true),
            ("read:/b/**", false, false),
            ("", false, false),
        ] {
            let principal = principal(scopes, strict_read);
            let may = (
                principal.may(Action::Read, "/a/1"),
                principal.may_all(Action::Read, &pattern),
            );
            assert_eq!(may, (expected, expected), "{scopes} {strict_read}");
        }
        let anybody = Principal::anybody();
        assert!(anybody.may(Action::Admin, "/a") && anybody.may_all(Action::Admin, &pattern));
        assert!(principal("write:/a", false).may_somewhere(Action::Emit));
        assert!(!principal("read:/a", false).may_somewhere(Action::Emit));
    }
}
