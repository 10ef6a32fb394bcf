//! Rules of an application, from a file: who may write what, who sees what, and what is left out.
//!
//! Pure but for `file.rs`: what state is asked for is told beforehand, and whoever has it is asked.

mod check;
mod error;
mod explain;
mod file;
mod json;
mod path;
mod path_template;
mod rate_limits;
mod redaction;
mod scopes;
mod template;
mod tree;
mod visibility;
mod write_rules;

use clasp_proto::Scopes;

pub(crate) use check::State;
pub use error::{AppConfigError, Fault, Finding};
pub(crate) use file::{Found, Remark, find};
pub(crate) use rate_limits::RateLimits;
pub(crate) use visibility::Sight;
pub(crate) use write_rules::Ruling;

use json::{Findings, Members, Node};
use redaction::Redactions;
use scopes::ScopeTemplates;
use template::Asked;
use visibility::VisibilityRules;
use write_rules::WriteRules;

/// The rules of one application.
#[derive(Debug, Clone)]
pub(crate) struct AppConfig {
    scopes: Option<ScopeTemplates>,
    strict_read: bool,
    write_rules: WriteRules,
    redactions: Redactions,
    visibility: VisibilityRules,
    rate_limits: RateLimits,
}

impl AppConfig {
    /// The rules in this text, and what is in it that does nothing.
    ///
    /// # Errors
    /// Every problem at once.
    pub(crate) fn parse(text: &str) -> Result<(Self, Vec<Finding>), Vec<Finding>> {
        let mut findings = Findings::default();
        let json = json::read(text, &mut findings).map_err(|error| {
            vec![Finding {
                place: format!("line {}", error.line()),
                fault: Fault::Json(error.to_string()),
            }]
        })?;
        let place = String::new();
        let config = Self::compile(Node { json: &json, place }, &mut findings);
        match config {
            Some(config) if findings.problems.is_empty() => Ok((config, findings.warnings)),
            _ => Err(findings.problems),
        }
    }

    fn compile(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let mut members = Members::of(node, findings)?;
        let scopes = members.optional("scopes");
        let scopes = scopes.map(|node| ScopeTemplates::compile(node, findings));
        let strict_read = members.truth("strict_read", findings);
        let write_rules = members.optional("write_rules");
        let redactions = members.optional("snapshot_transforms");
        let visibility = members.optional("snapshot_visibility");
        let rate_limits = members.optional("rate_limits");
        let config = Self {
            scopes,
            strict_read,
            write_rules: match write_rules {
                Some(node) => WriteRules::compile(node, findings),
                None => WriteRules::none(),
            },
            redactions: match redactions {
                Some(node) => Redactions::compile(node, findings),
                None => Redactions::none(),
            },
            visibility: match visibility {
                Some(node) => VisibilityRules::compile(node, findings),
                None => VisibilityRules::none(),
            },
            rate_limits: match rate_limits {
                Some(node) => RateLimits::compile(node, findings),
                None => RateLimits::default(),
            },
        };
        members.finish(findings);
        Some(config)
    }
}

impl AppConfig {
    /// The scopes of a token that is issued to this user; none if the file does not say.
    pub(crate) fn scopes_for(&self, user_id: &str) -> Scopes {
        let scopes = self.scopes.as_ref();
        scopes.map_or_else(Scopes::none, |scopes| scopes.fill(user_id))
    }

    /// True if the file says what tokens allow.
    pub(crate) fn has_scopes(&self) -> bool {
        self.scopes.is_some()
    }

    /// True if a scope to write does not allow to read.
    pub(crate) fn strict_read(&self) -> bool {
        self.strict_read
    }

    pub(crate) fn rate_limits(&self) -> RateLimits {
        self.rate_limits
    }

    /// True if some write is asked about.
    pub(crate) fn has_write_rules(&self) -> bool {
        !self.write_rules.is_empty()
    }

    /// The rule that decides about writes to this address; without one everybody may.
    pub(crate) fn write_rule<'a>(&'a self, address: &'a str) -> Option<Ruling<'a>> {
        self.write_rules.first(address)
    }

    /// True if something is not seen by everybody.
    pub(crate) fn has_visibility(&self) -> bool {
        !self.visibility.is_empty()
    }

    /// Who sees this address, as far as that can be told without asking who looks.
    pub(crate) fn sight(&self, address: &str) -> Sight {
        let rule = self.visibility.first(address);
        rule.map_or(Sight::Open, |(_, rule)| rule.sight(address))
    }

    /// Whether the subject sees this address; it is empty for a session that has none.
    pub(crate) fn shows(&self, subject: &str, address: &str, state: &State<'_>) -> bool {
        let rule = self.visibility.first(address);
        rule.is_none_or(|(_, rule)| rule.shows(Asked { subject, address }, state))
    }

    /// True if some value is not shown whole.
    pub(crate) fn has_redactions(&self) -> bool {
        !self.redactions.is_empty()
    }

    /// True if something may be left out of the values of this address.
    pub(crate) fn redacts(&self, address: &str) -> bool {
        self.redactions.matches(address)
    }

    /// True if this member is left out of what is shown of a map at this address.
    pub(crate) fn takes(&self, address: &str, member: &str) -> bool {
        self.redactions.takes(address, member)
    }
}

#[cfg(test)]
mod tests;
