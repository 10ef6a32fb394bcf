//! What the rules say about an address and a user, for whoever wonders why something is refused or hidden.

use clasp_proto::{Action, Principal, Rights};

use super::AppConfig;
use super::check::Check;
use super::path::{self, PathPattern};
use super::template::{Asked, Lookup};
use super::visibility::{Sight, VisibilityRule, Visible};
use super::write_rules::{Mode, Ruling};

impl AppConfig {
    /// Which rules decide about the address for that user, and what they will look at: several lines.
    pub(crate) fn explain(&self, address: &str, user: &str) -> String {
        let asked = Asked {
            subject: user,
            address,
        };
        let mut lines = vec![format!("address: {address}")];
        lines.push(match user {
            "" => "user: nobody, a session without subject".to_owned(),
            user => format!("user: {user}"),
        });
        lines.extend(self.scope_lines(asked));
        match self.write_rule(address) {
            Some(ruling) => lines.extend(ruling_lines(&ruling, asked)),
            None => lines.push("write: no rule matches, so nothing is checked".to_owned()),
        }
        lines.push(self.sight_line(asked));
        lines.extend(self.redaction_lines(address));
        lines.into_iter().map(|line| line + "\n").collect()
    }

    fn scope_lines(&self, asked: Asked<'_>) -> Vec<String> {
        if asked.subject.is_empty() {
            return Vec::new();
        }
        if !self.has_scopes() {
            return vec!["scopes of an account: none, since the rules have no scopes".to_owned()];
        }
        let scopes = self.scopes_for(asked.subject);
        let texts: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let account = Principal {
            rights: Rights::Scoped {
                scopes,
                strict_read: self.strict_read,
            },
            ..Principal::anybody()
        };
        let allowed = Action::ALL.into_iter();
        let allowed = allowed.filter(|action| account.may(*action, asked.address));
        let allowed: Vec<&str> = allowed.map(Action::word).collect();
        let allowed = match allowed.as_slice() {
            [] => "nothing".to_owned(),
            words => words.join(", "),
        };
        vec![
            format!("scopes of an account: {}", texts.join(", ")),
            format!("  allow here: {allowed}"),
        ]
    }

    fn sight_line(&self, asked: Asked<'_>) -> String {
        match self.visibility.first(asked.address) {
            None => "see: no rule matches, so everybody does".to_owned(),
            Some((number, rule)) => format!(
                "see: snapshot_visibility[{number}], {}: {}",
                matched(rule),
                sight(rule, asked)
            ),
        }
    }

    fn redaction_lines(&self, address: &str) -> Vec<String> {
        let lines = self.redactions.matching(address);
        let lines = lines.map(|(number, redaction)| {
            let (path, fields) = (&redaction.path.text, redaction.fields.join(", "));
            format!("left out: {fields} (snapshot_transforms[{number}], path {path})")
        });
        let lines: Vec<String> = lines.collect();
        match lines.is_empty() {
            true => vec!["left out: nothing".to_owned()],
            false => lines,
        }
    }
}

fn ruling_lines(ruling: &Ruling<'_>, asked: Asked<'_>) -> Vec<String> {
    let rule = ruling.rule;
    let (number, path) = (ruling.number, &rule.path);
    let mut lines = vec![format!("write: write_rules[{number}], path {}", path.text)];
    lines.extend(capture_lines(path, asked.address));
    if !rule.pre_checks.is_empty() {
        lines.push("  before anything else, all of:".to_owned());
        lines.extend(check_lines(&rule.pre_checks, asked));
    }
    if rule.checks.is_empty() {
        lines.push("  no further check".to_owned());
        return lines;
    }
    let mode = match rule.mode {
        Mode::All => "all of",
        Mode::Any => "any of",
    };
    lines.push(match rule.allow_null_write {
        true => format!("  unless the value is null, {mode}:"),
        false => format!("  {mode}:"),
    });
    lines.extend(check_lines(&rule.checks, asked));
    lines
}

fn capture_lines(path: &PathPattern, address: &str) -> Vec<String> {
    let captures = path.captures.iter();
    let captures = captures.map(|(name, index)| {
        let found = path::segment(address, index).unwrap_or_default();
        format!("  {{{name}}} is {found}")
    });
    captures.collect()
}

fn check_lines(checks: &[Check], asked: Asked<'_>) -> impl Iterator<Item = String> {
    checks
        .iter()
        .map(move |check| format!("    - {}", condition(check, asked)))
}

fn condition(check: &Check, asked: Asked<'_>) -> String {
    let subject = subject(asked);
    match check {
        Check::StateFieldEqualsSession {
            lookup,
            field,
            allow_if_missing,
        } => format!(
            "state_field_equals_session: field {field} of the state at {} has to be {subject}{}",
            place(lookup, asked),
            unless_missing(*allow_if_missing)
        ),
        Check::StateNotNull {
            lookup,
            allow_if_missing,
        } => format!(
            "state_not_null: the state at {} has to be there and not null{}",
            place(lookup, asked),
            unless_missing(*allow_if_missing)
        ),
        Check::EitherStateNotNull {
            lookup_a,
            lookup_b,
            allow_if_missing,
        } => format!(
            "either_state_not_null: the state at {} or at {} has to be there and not null{}",
            place(lookup_a, asked),
            place(lookup_b, asked),
            unless_missing(*allow_if_missing)
        ),
        Check::ValueFieldEqualsSession { field } => {
            format!("value_field_equals_session: field {field} of the value has to be {subject}")
        }
        Check::RequireValueField { field } => {
            format!("require_value_field: the value has to be a map with a text as {field}")
        }
        Check::SegmentEqualsSession { name, .. } => format!(
            "segment_equals_session: {{{name}}} has to be {subject}: {}",
            outcome(check, asked)
        ),
        Check::RejectUnlessPathMatches { pattern, .. } => format!(
            "reject_unless_path_matches: the address has to match {}: {}",
            pattern.filled(asked),
            outcome(check, asked)
        ),
    }
}

/// What comes of a check that looks at neither value nor state.
fn outcome(check: &Check, asked: Asked<'_>) -> String {
    match check.judge(asked, None, &|_| None) {
        Ok(()) => "passes".to_owned(),
        Err(violation) => format!("refused with \"{violation}\""),
    }
}

fn place(lookup: &Lookup, asked: Asked<'_>) -> String {
    let filled = lookup.fill(asked);
    match lookup.address(asked) {
        Some(address) => address,
        None => format!("{filled} (which is no address, so there is none)"),
    }
}

fn unless_missing(allow_if_missing: bool) -> &'static str {
    match allow_if_missing {
        true => ", or not be there at all",
        false => "",
    }
}

fn subject(asked: Asked<'_>) -> String {
    match asked.subject {
        "" => "the subject, which this session does not have".to_owned(),
        subject => subject.to_owned(),
    }
}

fn matched(rule: &VisibilityRule) -> String {
    match (&rule.contains, &rule.path) {
        (Some(text), _) => format!("path_contains {text}"),
        (None, Some(path)) => format!("path {}", path.text),
        (None, None) => "every address".to_owned(),
    }
}

fn sight(rule: &VisibilityRule, asked: Asked<'_>) -> String {
    match (rule.sight(asked.address), &rule.visible) {
        (Sight::Open, _) | (_, Visible::Always) => "everybody does".to_owned(),
        (Sight::Closed, _) | (_, Visible::Never) => "nobody does".to_owned(),
        (_, Visible::StateNotNull(lookup)) => format!(
            "visible if the state at {} is there and not null",
            place(lookup, asked)
        ),
        (_, Visible::Owner { segment, .. }) => {
            let owner = path::segment(asked.address, *segment).unwrap_or_default();
            let sees = match rule.shows(asked, &|_| None) {
                true => "which is this user",
                false => "not this user",
            };
            format!("only {owner} does, {sees}")
        }
    }
}
