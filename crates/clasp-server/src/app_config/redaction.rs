//! Redaction: which members of values nobody is shown.

use super::json::{Findings, Members, Node};
use super::path::PathPattern;
use super::tree::PathTree;
use super::write_rules::compile_path;
use crate::limits::{APP_REDACTED_FIELDS_MAX, APP_RULES_MAX, APP_TEXT_BYTES_MAX};

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct Redactions {
    redactions: Box<[Redaction]>,
    tree: PathTree,
}

/// Names that are taken out of the maps at some addresses.
#[derive(Debug, Clone)]
pub(super) struct Redaction {
    pub(super) path: PathPattern,
    pub(super) fields: Box<[Box<str>]>,
}

impl Redactions {
    pub(super) fn none() -> Self {
        Self::of(Vec::new())
    }

    pub(super) fn compile(node: Node<'_>, findings: &mut Findings) -> Self {
        let items = node.items(findings, APP_RULES_MAX).into_iter();
        Self::of(
            items
                .filter_map(|item| Redaction::compile(item, findings))
                .collect(),
        )
    }

    /// Those that match, with their numbers: all of them apply.
    pub(super) fn matching<'a>(
        &'a self,
        address: &'a str,
    ) -> impl Iterator<Item = (usize, &'a Redaction)> {
        let first = self.tree.first(address).unwrap_or(self.redactions.len());
        let numbered = self.redactions.iter().enumerate().skip(first);
        numbered.filter(move |(_, redaction)| redaction.path.matches(address))
    }

    pub(super) fn matches(&self, address: &str) -> bool {
        self.tree.first(address).is_some()
    }

    /// Whether this member is taken out of maps at an address.
    pub(super) fn takes(&self, address: &str, member: &str) -> bool {
        let mut matching = self.matching(address);
        matching.any(|(_, redaction)| redaction.fields.iter().any(|field| **field == *member))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.redactions.is_empty()
    }

    fn of(redactions: Vec<Redaction>) -> Self {
        let paths = redactions.iter().map(|redaction| &redaction.path);
        Self {
            tree: PathTree::of(paths.enumerate()),
            redactions: redactions.into(),
        }
    }
}

impl Redaction {
    fn compile(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let mut members = Members::of(node, findings)?;
        let path = compile_path(&mut members, findings);
        let fields = members.required("redact_fields", findings, "an array of texts");
        let fields = fields.map(|node| node.items(findings, APP_REDACTED_FIELDS_MAX));
        let mut texts = Vec::new();
        for field in fields.into_iter().flatten() {
            texts.extend(field.short_text(findings, APP_TEXT_BYTES_MAX));
        }
        members.finish(findings);
        Some(Self {
            path: path?,
            fields: texts.into_iter().map(Into::into).collect(),
        })
    }
}

#[cfg(test)]
mod tests {

    use super::super::AppConfig;

    #[test]
    fn all_matching_entries_take_their_fields() {
        let (config, _) = AppConfig::parse(
            r#"{"snapshot_transforms": [
                {"path": "/user/*", "redact_fields": ["email", "phone"]},
                {"path": "/room/**", "redact_fields": ["key"]},
                {"path": "/user/{id}/**", "redact_fields": ["hash"]}
            ]}"#,
        )
        .unwrap();
        let members = ["email", "hash", "key", "name", "phone"];
        for (address, expected) in [
            ("/user/ann", &["email", "hash", "phone"][..]),
            ("/user/ann/x", &["hash"]),
            ("/room", &["key"]),
            ("/room/1/2", &["key"]),
            ("/other", &[]),
        ] {
            let taken = members
                .iter()
                .filter(|member| config.takes(address, member));
            assert_eq!(taken.copied().collect::<Vec<_>>(), expected, "{address}");
        }
        let redacts = |address| config.redacts(address);
        assert!(redacts("/user/ann") && redacts("/room") && !redacts("/other"));
    }
}
