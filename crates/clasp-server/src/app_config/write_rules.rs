//! Write rules: the first whose path matches decides whether a write is let through.

use clasp_proto::Value;

use super::check::{Check, State, Violation};
use super::error::Fault;
use super::json::{Findings, Members, Node};
use super::path::{Captures, PathPattern};
use super::template::Asked;
use super::tree::PathTree;
use crate::limits::{APP_CHECKS_MAX, APP_RULES_MAX};

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct WriteRules {
    rules: Box<[WriteRule]>,
    tree: PathTree,
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct WriteRule {
    pub(super) path: PathPattern,
    /// All of them are asked, also for null.
    pub(super) pre_checks: Box<[Check]>,
    pub(super) checks: Box<[Check]>,
    pub(super) mode: Mode,
    pub(super) allow_null_write: bool,
}

/// How many of the checks have to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    All,
    Any,
}

/// The rule that decides about an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ruling<'a> {
    pub(super) rule: &'a WriteRule,
    pub(super) number: usize,
    pub(super) address: &'a str,
}

impl Ruling<'_> {
    /// The addresses whose state [`Self::judge`] will look at, each once; `is_null` says what is written.
    pub(crate) fn lookups(&self, subject: &str, is_null: bool) -> Vec<String> {
        let asked = self.asked(subject);
        let checks = match is_null && self.rule.allow_null_write {
            true => &[][..],
            false => &self.rule.checks,
        };
        let checks = self.rule.pre_checks.iter().chain(checks);
        let lookups = checks.flat_map(Check::lookups);
        let mut addresses: Vec<String> =
            lookups.filter_map(|lookup| lookup.address(asked)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// Whether the subject may write this value; it is empty for a session that has none.
    ///
    /// # Errors
    /// The first check that did not pass.
    pub(crate) fn judge(
        &self,
        subject: &str,
        value: Option<&Value>,
        state: &State<'_>,
    ) -> Result<(), Violation> {
        let asked = self.asked(subject);
        let judge = |check: &Check| check.judge(asked, value, state);
        self.rule.pre_checks.iter().try_for_each(judge)?;
        if self.rule.allow_null_write && value.is_none_or(Value::is_null) {
            return Ok(());
        }
        match self.rule.mode {
            Mode::All => self.rule.checks.iter().try_for_each(judge),
            Mode::Any => {
                let mut first = Ok(());
                for check in &self.rule.checks {
                    match judge(check) {
                        Ok(()) => return Ok(()),
                        violated => first = first.and(violated),
                    }
                }
                first
            }
        }
    }

    pub(super) fn asked<'b>(&'b self, subject: &'b str) -> Asked<'b> {
        let address = self.address;
        Asked { subject, address }
    }
}

impl WriteRules {
    pub(super) fn none() -> Self {
        Self::of(Vec::new())
    }

    pub(super) fn compile(node: Node<'_>, findings: &mut Findings) -> Self {
        let items = node.items(findings, APP_RULES_MAX);
        let place = |index: usize| format!("write_rules[{index}]");
        let rules: Vec<Option<WriteRule>> = items
            .into_iter()
            .map(|item| WriteRule::compile(item, findings))
            .collect();
        for (index, rule) in rules.iter().enumerate() {
            let Some(rule) = rule else { continue };
            let covers = |it: &Option<WriteRule>| {
                it.as_ref()
                    .is_some_and(|earlier| earlier.path.covers(&rule.path))
            };
            if let Some(first) = rules[..index].iter().position(covers) {
                findings.warning(&place(index), Fault::Unreachable(place(first)));
            }
        }
        Self::of(rules.into_iter().flatten().collect())
    }

    pub(super) fn first<'a>(&'a self, address: &'a str) -> Option<Ruling<'a>> {
        let number = self.tree.first(address)?;
        Some(Ruling {
            rule: &self.rules[number],
            number,
            address,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn of(rules: Vec<WriteRule>) -> Self {
        let tree = PathTree::of(rules.iter().map(|rule| &rule.path).enumerate());
        let rules = rules.into();
        Self { rules, tree }
    }
}

impl WriteRule {
    fn compile(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let mut members = Members::of(node, findings)?;
        let path = compile_path(&mut members, findings);
        let captures = path.as_ref().map(|path| &path.captures);
        let expected = "an array of checks";
        let node = members.required("checks", findings, expected);
        let checks = node.and_then(|node| compile_checks(node, captures, findings));
        let pre_checks = match members.optional("pre_checks") {
            Some(node) => compile_checks(node, captures, findings),
            None => Some(Box::default()),
        };
        let mode = match members.optional("mode") {
            Some(node) => Mode::compile(&node, findings),
            None => Some(Mode::All),
        };
        let allow_null_write = members.truth("allow_null_write", findings);
        members.finish(findings);
        Some(Self {
            path: path?,
            pre_checks: pre_checks?,
            checks: checks?,
            mode: mode?,
            allow_null_write,
        })
    }
}

impl Mode {
    fn compile(node: &Node<'_>, findings: &mut Findings) -> Option<Self> {
        match node.json.as_str() {
            Some("all") => Some(Self::All),
            Some("any") => Some(Self::Any),
            _ => {
                node.unexpected(findings, "\"all\" or \"any\"");
                None
            }
        }
    }
}

/// The path that rules begin with.
pub(super) fn compile_path(
    members: &mut Members<'_>,
    findings: &mut Findings,
) -> Option<PathPattern> {
    let expected = "a path that begins with /";
    let node = members.required("path", findings, expected)?;
    let text = node.text(findings, expected)?;
    let path = findings.keep(&node.place, PathPattern::compile(text))?;
    if path.captures.find("session").is_some() {
        findings.warning(&node.place, Fault::SessionBound);
    }
    Some(path)
}

fn compile_checks(
    node: Node<'_>,
    captures: Option<&Captures>,
    findings: &mut Findings,
) -> Option<Box<[Check]>> {
    let items = node.items(findings, APP_CHECKS_MAX);
    let checks: Vec<Option<Check>> = items
        .into_iter()
        .map(|item| Check::compile(item, captures, findings))
        .collect();
    checks.into_iter().collect()
}

#[cfg(test)]
mod tests;
