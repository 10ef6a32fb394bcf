//! Scopes of accounts: templates that are filled with the id of the user.

use clasp_proto::limits::SCOPES_MAX;
use clasp_proto::{Scope, Scopes};

use super::error::Fault;
use super::json::{Findings, Node, shown};

/// What a token allows that is issued to a user.
#[derive(Debug, Clone)]
pub(super) struct ScopeTemplates(Box<[Box<str>]>);

impl ScopeTemplates {
    pub(super) fn compile(node: Node<'_>, findings: &mut Findings) -> Self {
        let mut templates: Vec<Box<str>> = Vec::new();
        for item in node.items(findings, SCOPES_MAX) {
            let expected = "a scope such as read:/user/{userId}/**";
            let Some(text) = item.text(findings, expected) else {
                continue;
            };
            // An id makes no difference to what is a pattern, as long as it is one segment.
            let probe = text.replace(USER_ID, "probe");
            if let Err(error) = Scope::parse(&probe) {
                let found = shown(item.json);
                findings.problem(&item.place, Fault::Scope { error, found });
            } else if probe.contains(['{', '}']) {
                findings.warning(&item.place, Fault::Unfilled(shown(item.json)));
            }
            templates.push(text.into());
        }
        Self(templates.into())
    }

    /// Ids are made by the server, but one that is a wildcard or a path would open what is not its own.
    pub(super) fn fill(&self, user_id: &str) -> Scopes {
        let is_segment = !user_id.is_empty() && !user_id.contains(['/', '*']);
        let templates = self.0.iter();
        let templates = templates.filter(|text| is_segment || !text.contains(USER_ID));
        let scopes =
            templates.filter_map(|text| Scope::parse(&text.replace(USER_ID, user_id)).ok());
        Scopes::new(scopes.collect()).expect("the list was bounded when it was read")
    }
}

const USER_ID: &str = "{userId}";

#[cfg(test)]
mod tests {
    use super::super::AppConfig;

    const SCOPES: &str = r#"{"scopes": ["read:/**", "emit:/cue/{userId}", "W:/user/{userId}/**"]}"#;

    #[test]
    fn the_id_of_the_user_is_filled_in() {
        let (config, _) = AppConfig::parse(SCOPES).unwrap();
        for (user_id, expected) in [
            ("ann", "read:/** emit:/cue/ann write:/user/ann/**"),
            ("*", "read:/**"),
            ("**", "read:/**"),
            ("a/b", "read:/**"),
            ("", "read:/**"),
            ("a\n", "read:/**"),
        ] {
            let scopes = config.scopes_for(user_id);
            let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
            assert_eq!(scopes.join(" "), expected, "{user_id:?}");
        }
        assert!(config.has_scopes());
        let (config, _) = AppConfig::parse("{}").unwrap();
        assert!(!config.has_scopes() && config.scopes_for("ann").is_empty());
    }

    #[test]
    fn scopes_that_nobody_could_be_given_are_problems() {
        let findings = AppConfig::parse(
            r#"{"scopes": ["see:/a", "read:/a/{userId}{userId}", "read", 7, "read:{userId}", "read:/{user}"]}"#,
        )
        .unwrap_err();
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let expected = [
            "scopes[0]: the action of a scope is read, write, admin or emit, found another word, in \"see:/a\"",
            "scopes[2]: a scope is action:pattern, such as read:/lights/**, found no ':', in \"read\"",
            "scopes[3]: expected a scope such as read:/user/{userId}/**, found 7",
            "scopes[4]: invalid pattern: an address starts with '/', found 'p' first, in \"read:{userId}\"",
        ];
        assert_eq!(lines, expected);
        let (_, warnings) = AppConfig::parse(r#"{"scopes": ["read:/{user}"]}"#).unwrap();
        assert_eq!(warnings.len(), 1);
    }
}
