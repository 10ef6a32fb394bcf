//! Checks from JSON: which members each type has.

use super::super::error::Fault;
use super::super::json::{Findings, Members, Node};
use super::super::path::Captures;
use super::super::path_template::PathTemplate;
use super::super::template::Lookup;
use super::Check;
use crate::limits::APP_TEXT_BYTES_MAX;

impl Check {
    /// `captures` are those of the path, or nothing if that has a problem of its own.
    pub(in super::super) fn compile(
        node: Node<'_>,
        captures: Option<&Captures>,
        findings: &mut Findings,
    ) -> Option<Self> {
        let mut members = Members::of(node, findings)?;
        let kind = kind(&mut members, findings)?;
        let mut reader = Reader {
            members: &mut members,
            captures,
            findings,
        };
        let check = reader.check(&kind);
        members.finish(findings);
        check
    }
}

/// Guides write `check`, the reference writes `type`.
fn kind<'j>(members: &mut Members<'j>, findings: &mut Findings) -> Option<Node<'j>> {
    let by_type = members.optional("type");
    let by_check = members.optional("check");
    match (by_type, by_check) {
        (Some(by_type), Some(by_check)) if by_type.json != by_check.json => {
            by_check.unexpected(findings, "the same as type, or no check");
            None
        }
        (Some(node), _) | (None, Some(node)) => Some(node),
        (None, None) => members.required("type", findings, TYPES),
    }
}

struct Reader<'r, 'j> {
    members: &'r mut Members<'j>,
    captures: Option<&'r Captures>,
    findings: &'r mut Findings,
}

impl Reader<'_, '_> {
    fn check(&mut self, kind: &Node<'_>) -> Option<Check> {
        match kind.text(self.findings, TYPES)? {
            "state_field_equals_session" => {
                let (lookup, field) = (self.lookup("lookup"), self.field());
                Some(Check::StateFieldEqualsSession {
                    allow_if_missing: self.allow_if_missing(),
                    lookup: lookup?,
                    field: field?,
                })
            }
            "state_not_null" => {
                let lookup = self.lookup("lookup");
                Some(Check::StateNotNull {
                    allow_if_missing: self.allow_if_missing(),
                    lookup: lookup?,
                })
            }
            "either_state_not_null" => {
                let (lookup_a, lookup_b) = (self.lookup("lookup_a"), self.lookup("lookup_b"));
                Some(Check::EitherStateNotNull {
                    allow_if_missing: self.allow_if_missing(),
                    lookup_a: lookup_a?,
                    lookup_b: lookup_b?,
                })
            }
            "value_field_equals_session" => Some(Check::ValueFieldEqualsSession {
                field: self.field()?,
            }),
            "require_value_field" => Some(Check::RequireValueField {
                field: self.field()?,
            }),
            "segment_equals_session" => self.segment(),
            "reject_unless_path_matches" => self.path_matches(),
            _ => {
                kind.unexpected(self.findings, TYPES);
                None
            }
        }
    }

    fn lookup(&mut self, name: &'static str) -> Option<Lookup> {
        let expected = "a path that begins with /";
        let node = self.members.required(name, self.findings, expected)?;
        let text = node.text(self.findings, expected)?;
        self.findings
            .keep(&node.place, Lookup::compile(text, self.captures))
    }

    fn field(&mut self) -> Option<Box<str>> {
        let node = self.members.required("field", self.findings, "a text")?;
        let text = node.short_text(self.findings, APP_TEXT_BYTES_MAX)?;
        Some(text.into())
    }

    fn allow_if_missing(&mut self) -> bool {
        self.members.truth("allow_if_missing", self.findings)
    }

    fn segment(&mut self) -> Option<Check> {
        let node = self.members.required("segment", self.findings, "a text")?;
        let name = node.short_text(self.findings, APP_TEXT_BYTES_MAX)?;
        let captures = self.captures?;
        let segment = captures.find(name);
        if segment.is_none() {
            let fault = Fault::Impassable(name.to_owned());
            self.findings.warning(&node.place, fault);
        }
        Some(Check::SegmentEqualsSession {
            name: name.into(),
            segment,
        })
    }

    fn path_matches(&mut self) -> Option<Check> {
        let expected = "a path that begins with /";
        let node = self.members.required("pattern", self.findings, expected);
        let message = match self.members.optional("message") {
            Some(node) => node.short_text(self.findings, APP_TEXT_BYTES_MAX),
            None => Some("path not allowed"),
        };
        let node = node?;
        let text = node.text(self.findings, expected)?;
        let pattern = PathTemplate::compile(text, self.captures);
        Some(Check::RejectUnlessPathMatches {
            pattern: self.findings.keep(&node.place, pattern)?,
            message: message?.into(),
        })
    }
}

const TYPES: &str = "one of state_field_equals_session, state_not_null, value_field_equals_session, \
     segment_equals_session, either_state_not_null, require_value_field, reject_unless_path_matches";
