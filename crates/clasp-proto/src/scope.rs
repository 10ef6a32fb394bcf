//! action:pattern grammar, compiled to Scopes (protocol/router.md 17.1).

use std::fmt;
use std::str::FromStr;

use crate::error::ScopeError;
use crate::limits::SCOPES_MAX;
use crate::pattern::Pattern;

/// What a scope allows, or an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// GET, SUBSCRIBE, REPLAY, QUERY, snapshots.
    Read,
    /// PUBLISH only.
    Emit,
    /// SET, PUBLISH, ANNOUNCE; includes reading.
    Write,
    /// Everything.
    Admin,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Read, Self::Emit, Self::Write, Self::Admin];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Emit => "emit",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// The action with this word or letter, in any case: `read` or `r`, `write` or `w`, `admin`,
    /// `a` or `*`, `emit`.
    pub fn from_word(word: &str) -> Option<Self> {
        let words = [
            ("read", Self::Read),
            ("r", Self::Read),
            ("emit", Self::Emit),
            ("write", Self::Write),
            ("w", Self::Write),
            ("admin", Self::Admin),
            ("a", Self::Admin),
            ("*", Self::Admin),
        ];
        let found = words
            .into_iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(word));
        found.map(|(_, action)| action)
    }

    /// Whether who may do this may also do `other` (protocol/router.md 17.2).
    pub fn includes(self, other: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Write => other != Self::Admin,
            Self::Read | Self::Emit => self == other,
        }
    }
}

/// One right: an action on the addresses of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// What may be done.
    pub action: Action,
    /// Where.
    pub pattern: Pattern,
}

impl Scope {
    /// The scope in this text: `action:pattern`, split at the first colon.
    ///
    /// ```
    /// use clasp_proto::{Action, Scope};
    /// let scope = Scope::parse("write:/lights/**").expect("well formed");
    /// assert!(scope.allows(Action::Read, "/lights/1"));
    /// assert!(!scope.allows(Action::Admin, "/lights/1"));
    /// ```
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let (action, pattern) = text.split_once(':').ok_or(ScopeError::NoColon)?;
        Ok(Self {
            action: Action::from_word(action).ok_or(ScopeError::UnknownAction)?,
            pattern: Pattern::parse(pattern)?,
        })
    }

    /// Whether it allows this action on this address.
    pub fn allows(&self, action: Action, address: &str) -> bool {
        self.action.includes(action) && self.pattern.matches(address)
    }

    /// Whether it allows this action on every address of this pattern.
    pub fn allows_all(&self, action: Action, pattern: &Pattern) -> bool {
        self.action.includes(action) && self.pattern.covers(pattern)
    }

    /// Whether `other` is no more than this: what may be handed on. Where reading is strict, a scope to read is no
    /// part of one to write (protocol/router.md 17.3).
    pub fn covers(&self, other: &Self, strict_read: bool) -> bool {
        let is_beyond = strict_read && self.action == Action::Write && other.action == Action::Read;
        !is_beyond && self.allows_all(other.action, &other.pattern)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.action.word(), self.pattern)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

/// The rights of a principal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// No right at all.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Every right: what a session has where nobody asks for tokens.
    pub fn all() -> Self {
        let pattern = Pattern::parse("/**").expect("is well formed");
        let action = Action::Admin;
        Self(vec![Scope { action, pattern }])
    }

    /// The scopes in this text, with commas between them and spaces around them; an empty text
    /// has none.
    ///
    /// ```
    /// use clasp_proto::{Action, Pattern, Scopes};
    /// let scopes = Scopes::parse("read:/a/**, write:/a/mine/*").expect("well formed");
    /// assert!(scopes.allows(Action::Write, "/a/mine/x"));
    /// let wish = Pattern::parse("/a/*/x").expect("well formed");
    /// assert!(scopes.covers(Action::Read, &wish));
    /// assert!(!scopes.covers(Action::Write, &wish));
    /// ```
    pub fn parse(list: &str) -> Result<Self, ScopeError> {
        if list.trim().is_empty() {
            return Ok(Self::none());
        }
        Self::parse_each(list.split(','))
    }

    /// The scopes in these texts.
    pub fn parse_each<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let scopes = texts.into_iter().map(|text| Scope::parse(text.trim()));
        Self::new(scopes.collect::<Result<_, _>>()?)
    }

    /// These scopes, if they are not too many.
    pub fn new(scopes: Vec<Scope>) -> Result<Self, ScopeError> {
        let found = scopes.len();
        if found > SCOPES_MAX {
            return Err(ScopeError::TooMany { found });
        }
        Ok(Self(scopes))
    }

    /// Whether one of them allows this action on this address.
    pub fn allows(&self, action: Action, address: &str) -> bool {
        self.0.iter().any(|scope| scope.allows(action, address))
    }

    /// Whether one of them allows this action on every address of this pattern. Two that only
    /// together allow it do not count: every right comes from one scope.
    pub fn covers(&self, action: Action, pattern: &Pattern) -> bool {
        self.0.iter().any(|scope| scope.allows_all(action, pattern))
    }

    /// Whether each of `others` is covered by one of these: what may be handed on.
    pub fn cover(&self, others: &Self, strict_read: bool) -> bool {
        let is_covered = |other: &Scope| {
            let mut held = self.0.iter();
            held.any(|scope| scope.covers(other, strict_read))
        };
        others.0.iter().all(is_covered)
    }

    /// The scopes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether there is no right at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // protocol/router.md 17.1
    #[test]
    fn actions_and_their_aliases() {
        for (text, expected) in [
            ("read", Some(Action::Read)),
            ("R", Some(Action::Read)),
            ("Write", Some(Action::Write)),
            ("w", Some(Action::Write)),
            ("ADMIN", Some(Action::Admin)),
            ("a", Some(Action::Admin)),
            ("*", Some(Action::Admin)),
            ("emit", Some(Action::Emit)),
            ("", None),
            ("reads", None),
        ] {
            assert_eq!(Action::from_word(text), expected, "{text}");
        }
    }

    // protocol/router.md 17.2
    #[test]
    fn what_includes_what() {
        let included = |action: Action| {
            let others = Action::ALL.into_iter();
            let words = others.filter(|other| action.includes(*other));
            words.map(Action::word).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(included(Action::Read), "read");
        assert_eq!(included(Action::Emit), "emit");
        assert_eq!(included(Action::Write), "read emit write");
        assert_eq!(included(Action::Admin), "read emit write admin");
    }

    #[test]
    fn ill_formed_scopes() {
        for (text, expected) in [
            ("", ScopeError::NoColon),
            ("read", ScopeError::NoColon),
            ("see:/a", ScopeError::UnknownAction),
            (":/a", ScopeError::UnknownAction),
        ] {
            assert_eq!(Scope::parse(text), Err(expected), "{text}");
        }
        for text in ["read:", "read:a", "read:**", "read:/a//b", "read::/a"] {
            assert!(
                matches!(Scope::parse(text), Err(ScopeError::Pattern(_))),
                "{text}"
            );
        }
        let many = vec!["read:/a"; SCOPES_MAX + 1].join(",");
        let found = SCOPES_MAX + 1;
        assert_eq!(Scopes::parse(&many), Err(ScopeError::TooMany { found }));
        assert!(Scopes::parse("read:/a,,write:/b").is_err());
    }

    #[test]
    fn text_of_a_scope_is_read_again() {
        let scope = Scope::parse("W:/a/b:c/x*/**").expect("split at the first colon");
        assert_eq!(scope.to_string(), "write:/a/b:c/x*/**");
        assert_eq!(scope.to_string().parse(), Ok(scope));
        assert_eq!(Scopes::parse(" "), Ok(Scopes::none()));
    }

    // protocol/router.md 4.8, 17.2
    #[test]
    fn subscriptions_do_not_escape_their_scope() {
        let scopes = |text| Scopes::parse(text).expect("well formed");
        for (text, wish, expected) in [
            ("read:/a/*", "/a/**", false),
            ("read:/a/*/b", "/a/**/b", false),
            ("read:/a/**", "/a/*/b", true),
            ("admin:/**", "/a/**", true),
            ("write:/a/**", "/a/**", true),
            ("emit:/a/**", "/a/**", false),
            ("read:/a,read:/b/**", "/b/*", true),
        ] {
            let pattern = Pattern::parse(wish).expect("well formed");
            assert_eq!(
                scopes(text).covers(Action::Read, &pattern),
                expected,
                "{text} {wish}"
            );
        }
        assert!(!Scopes::none().allows(Action::Read, "/a"));
    }

    // protocol/router.md 17.2, 17.3
    #[test]
    fn what_may_be_handed_on() {
        let scopes = |text| Scopes::parse(text).expect("well formed");
        for (held, handed, lax, strict) in [
            ("write:/a/**", "read:/a/b,write:/a/*", true, false),
            ("write:/a/**,read:/a/*", "read:/a/b,write:/a/*", true, true),
            ("write:/a/**", "emit:/a/b,write:/a/*", true, true),
            ("write:/a/**", "admin:/a/b", false, false),
            ("admin:/**", "admin:/**,read:/a", true, true),
            ("read:/a", "read:/a", true, true),
            ("", "read:/a", false, false),
        ] {
            let (held, handed) = (scopes(held), scopes(handed));
            let found = [false, true].map(|strict_read| held.cover(&handed, strict_read));
            assert_eq!(found, [lax, strict], "{held:?} {handed:?}");
        }
    }
}
