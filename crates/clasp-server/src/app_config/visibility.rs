//! Visibility rules: the first that matches decides who sees an address.

use super::check::{State, found};
use super::error::Fault;
use super::json::{Findings, Members, Node, shown};
use super::path::{self, Captures, PathPattern};
use super::template::{Asked, Lookup};
use super::tree::PathTree;
use super::write_rules::compile_path;
use crate::limits::{APP_RULES_MAX, APP_TEXT_BYTES_MAX};

/// Who sees an address, as far as that can be told without asking who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Everybody.
    Open,
    /// Nobody.
    Closed,
    /// Whom it belongs to.
    BySubject,
    /// Whoever looks, if something is set elsewhere.
    ByState,
}

/// All rules.
#[derive(Debug, Clone)]
pub(super) struct VisibilityRules {
    rules: Box<[VisibilityRule]>,
    /// Those with a path alone.
    tree: PathTree,
    /// Those with a text that the address contains.
    contains: Box<[usize]>,
    /// The first that matches everything.
    always: Option<usize>,
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct VisibilityRule {
    pub(super) contains: Option<Box<str>>,
    /// Without `contains` it is what has to match; always it is what binds captures.
    pub(super) path: Option<PathPattern>,
    pub(super) visible: Visible,
}

/// To whom.
#[derive(Debug, Clone)]
pub(super) enum Visible {
    Always,
    Never,
    Owner {
        /// Which segment names the owner.
        segment: usize,
        /// What everybody sees, below that segment.
        public_sub: Option<Box<str>>,
    },
    StateNotNull(Lookup),
}

impl VisibilityRules {
    pub(super) fn none() -> Self {
        Self::of(Vec::new())
    }

    pub(super) fn compile(node: Node<'_>, findings: &mut Findings) -> Self {
        let items = node.items(findings, APP_RULES_MAX);
        let rules: Vec<Option<VisibilityRule>> = items
            .into_iter()
            .map(|item| VisibilityRule::compile(item, findings))
            .collect();
        let place = |index: usize| format!("snapshot_visibility[{index}]");
        for (index, rule) in rules.iter().enumerate() {
            let Some(rule) = rule else { continue };
            let hides = |it: &Option<VisibilityRule>| {
                it.as_ref().is_some_and(|earlier| earlier.hides(rule))
            };
            if let Some(first) = rules[..index].iter().position(hides) {
                findings.warning(&place(index), Fault::Unreachable(place(first)));
            }
        }
        Self::of(rules.into_iter().flatten().collect())
    }

    /// The rule that decides, and its number.
    pub(super) fn first(&self, address: &str) -> Option<(usize, &VisibilityRule)> {
        let by_path = self.tree.first(address);
        let bound = [by_path, self.always].into_iter().flatten().min();
        let is_earlier = |number: &&usize| bound.is_none_or(|bound| **number < bound);
        let mut earlier = self.contains.iter().take_while(is_earlier);
        let by_text = earlier.find(|number| self.rules[**number].contains_matches(address));
        let number = by_text.copied().or(bound)?;
        Some((number, &self.rules[number]))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn of(rules: Vec<VisibilityRule>) -> Self {
        let (mut by_path, mut contains) = (Vec::new(), Vec::new());
        for (number, rule) in rules.iter().enumerate() {
            match (&rule.contains, &rule.path) {
                (Some(_), _) => contains.push(number),
                (None, Some(path)) => by_path.push((number, path)),
                (None, None) => {}
            }
        }
        let tree = PathTree::of(by_path.into_iter());
        let is_always = |rule: &VisibilityRule| rule.contains.is_none() && rule.path.is_none();
        let always = rules.iter().position(is_always);
        Self {
            tree,
            contains: contains.into(),
            always,
            rules: rules.into(),
        }
    }
}

impl VisibilityRule {
    /// What this rule says without knowing who looks.
    pub(super) fn sight(&self, address: &str) -> Sight {
        match &self.visible {
            Visible::Always => Sight::Open,
            Visible::Never => Sight::Closed,
            Visible::Owner { .. } if !self.binds(address) => Sight::Closed,
            Visible::Owner { .. } if self.is_public(address) => Sight::Open,
            Visible::Owner { .. } => Sight::BySubject,
            Visible::StateNotNull(_) if !self.binds(address) => Sight::Closed,
            Visible::StateNotNull(_) => Sight::ByState,
        }
    }

    pub(super) fn shows(&self, asked: Asked<'_>, state: &State<'_>) -> bool {
        match (self.sight(asked.address), &self.visible) {
            (Sight::Open, _) | (_, Visible::Always) => true,
            (Sight::Closed, _) | (_, Visible::Never) => false,
            (_, Visible::Owner { segment, .. }) => {
                path::segment(asked.address, *segment).is_some_and(|owner| asked.is_subject(owner))
            }
            (_, Visible::StateNotNull(lookup)) => {
                found(lookup, asked, state).is_some_and(|found| !found.is_null())
            }
        }
    }

    /// False if it was chosen by a text, and its path, which would say what captures are, does not match.
    fn binds(&self, address: &str) -> bool {
        self.path.as_ref().is_none_or(|path| path.matches(address))
    }

    fn is_public(&self, address: &str) -> bool {
        let Visible::Owner {
            segment,
            public_sub: Some(public),
        } = &self.visible
        else {
            return false;
        };
        let rest = path::below(address, *segment).and_then(|below| below.strip_prefix(&**public));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn contains_matches(&self, address: &str) -> bool {
        self.contains
            .as_ref()
            .is_some_and(|text| address.contains(&**text))
    }

    /// Whether it matches whatever a later one matches.
    fn hides(&self, later: &Self) -> bool {
        match (&self.contains, &self.path, &later.path) {
            (None, None, _) => true,
            (None, Some(mine), Some(theirs)) => later.contains.is_none() && mine.covers(theirs),
            _ => false,
        }
    }
}

impl VisibilityRule {
    fn compile(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let mut members = Members::of(node, findings)?;
        let word = members.required("visible", findings, VISIBLE);
        let contains = members.optional("path_contains");
        let contains = contains.and_then(|node| node.short_text(findings, APP_TEXT_BYTES_MAX));
        let is_owner = word.as_ref().is_some_and(|node| node.json == "owner");
        let wants_path = is_owner || members.optional("path").is_some();
        let path = match wants_path {
            true => compile_path(&mut members, findings),
            false => None,
        };
        // What a path with a problem would bind is not known: no further problem then.
        let none = Captures::default();
        let captures = match &path {
            None if wants_path => None,
            path => Some(path.as_ref().map_or(&none, |path| &path.captures)),
        };
        let visible = compile_visible(&word?, &mut members, captures, findings);
        members.finish(findings);
        Some(Self {
            visible: visible?,
            contains: contains.map(Into::into),
            path,
        })
    }
}

fn compile_visible(
    word: &Node<'_>,
    members: &mut Members<'_>,
    captures: Option<&Captures>,
    findings: &mut Findings,
) -> Option<Visible> {
    if let Some(visible) = word.json.as_bool() {
        return Some(match visible {
            true => Visible::Always,
            false => Visible::Never,
        });
    }
    match word.text(findings, VISIBLE)? {
        "owner" => {
            let segment = compile_segment(members, captures, findings);
            let public_sub = members.optional("public_sub");
            let public_sub = public_sub.and_then(|node| compile_public(&node, findings));
            Some(Visible::Owner {
                segment: segment?,
                public_sub,
            })
        }
        "require_state_not_null" => {
            let expected = "a path that begins with /";
            let node = members.required("lookup", findings, expected)?;
            let text = node.text(findings, expected)?;
            let lookup = findings.keep(&node.place, Lookup::compile(text, captures))?;
            Some(Visible::StateNotNull(lookup))
        }
        _ => {
            findings.warning(&word.place, Fault::Hidden(shown(word.json)));
            Some(Visible::Never)
        }
    }
}

fn compile_segment(
    members: &mut Members<'_>,
    captures: Option<&Captures>,
    findings: &mut Findings,
) -> Option<usize> {
    let expected = "the name of a capture of the path";
    let node = members.required("owner_segment", findings, expected)?;
    let name = node.text(findings, expected)?;
    let captures = captures?;
    let segment = captures.find(name).ok_or_else(|| captures.unbound(name));
    findings.keep(&node.place, segment)
}

fn compile_public(node: &Node<'_>, findings: &mut Findings) -> Option<Box<str>> {
    let text = node.short_text(findings, APP_TEXT_BYTES_MAX)?;
    if text.starts_with('/') || text.ends_with('/') {
        node.unexpected(findings, "a path below the owner, without / at its ends");
    }
    Some(text.into())
}

const VISIBLE: &str = "true, false, \"owner\" or \"require_state_not_null\"";

#[cfg(test)]
mod tests;
