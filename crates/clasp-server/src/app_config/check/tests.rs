//! Each type of check: when it passes, and its words when it does not.

use clasp_proto::Value;
use clasp_proto::text::value_from_text;

use super::super::AppConfig;

/// The state of these tests.
fn state(address: &str) -> Option<Value> {
    let text = match address {
        "/s/ann" => r#"{"owner": "ann", "number": 7}"#,
        "/s/empty" => r#"{"owner": ""}"#,
        "/s/null" => "null",
        "/s/false" => "false",
        "/s/text" => "\"ann\"",
        _ => return None,
    };
    Some(value_from_text(text))
}

/// What a rule with this check alone says about `/a/{id}/{user}/**`.
fn judge(check: &str, subject: &str, address: &str, value: &str) -> String {
    let rule =
        format!(r#"{{"write_rules": [{{"path": "/a/{{id}}/{{user}}/**", "checks": [{check}]}}]}}"#);
    let (config, _) = AppConfig::parse(&rule).unwrap();
    let value = (!value.is_empty()).then(|| value_from_text(value));
    let ruling = config.write_rule(address).unwrap();
    match ruling.judge(subject, value.as_ref(), &state) {
        Ok(()) => "passes".to_owned(),
        Err(violation) => violation.to_string(),
    }
}

const MISSING: &str = r#", "allow_if_missing": true"#;

#[test]
fn a_field_of_state_is_the_subject_or_it_is_said_why_not() {
    let field = |lookup: &str, more: &str| {
        format!(
            r#"{{"type": "state_field_equals_session", "lookup": "{lookup}", "field": "owner"{more}}}"#
        )
    };
    for (check, subject, expected) in [
        (field("/s/{id}", ""), "ann", "passes"),
        (
            field("/s/{id}", ""),
            "bob",
            "Field 'owner' at '/s/ann' does not match session identity",
        ),
        (
            field("/s/empty", ""),
            "",
            "Field 'owner' at '/s/empty' does not match session identity",
        ),
        (
            field("/s/text", MISSING),
            "ann",
            "Field 'owner' at '/s/text' does not match session identity",
        ),
        (
            field("/s/null", MISSING),
            "ann",
            "Field 'owner' at '/s/null' does not match session identity",
        ),
        (field("/s/none", ""), "ann", "State not found at '/s/none'"),
        (field("/s/none", MISSING), "ann", "passes"),
        (field("/s/{session}", ""), "", "State not found at '/s/'"),
        (field("/s/{session}", MISSING), "", "passes"),
    ] {
        assert_eq!(
            judge(&check, subject, "/a/ann/u", "1"),
            expected,
            "{check} {subject}"
        );
    }
}

#[test]
fn state_is_not_null_or_it_is_said_why_not() {
    let not_null = |lookup: &str, more: &str| {
        format!(r#"{{"type": "state_not_null", "lookup": "{lookup}"{more}}}"#)
    };
    let either = |a: &str, b: &str, more: &str| {
        format!(
            r#"{{"check": "either_state_not_null", "lookup_a": "{a}", "lookup_b": "{b}"{more}}}"#
        )
    };
    for (check, subject, expected) in [
        (not_null("/s/{session}", ""), "ann", "passes"),
        (not_null("/s/false", ""), "ann", "passes"),
        (
            not_null("/s/{session}", ""),
            "bob",
            "State is null or missing at '/s/bob'",
        ),
        (
            not_null("/s/null", MISSING),
            "ann",
            "State is null or missing at '/s/null'",
        ),
        (not_null("/s/none", MISSING), "ann", "passes"),
        (
            not_null("/s/{session}", ""),
            "x/../ann",
            "State is null or missing at '/s/x/../ann'",
        ),
        (either("/s/none", "/s/ann", ""), "", "passes"),
        (either("/s/ann", "/s/null", ""), "", "passes"),
        (
            either("/s/null", "/s/none", MISSING),
            "",
            "Neither '/s/null' nor '/s/none' exists in state",
        ),
        (either("/s/none", "/s/{user}", MISSING), "", "passes"),
    ] {
        assert_eq!(
            judge(&check, subject, "/a/ann/u", "1"),
            expected,
            "{check} {subject}"
        );
    }
}

#[test]
fn checks_of_the_value_pass_or_say_why_not() {
    let equals = r#"{"type": "value_field_equals_session", "field": "from"}"#;
    let require = r#"{"type": "require_value_field", "field": "from"}"#;
    let must_include = "Value must include a from field";
    for (check, value, expected) in [
        (equals, r#"{"from": "ann"}"#, "passes"),
        (
            equals,
            r#"{"from": "bob"}"#,
            "Value field 'from' is 'bob', does not match session identity 'ann'",
        ),
        (equals, r#"{"from": 1}"#, must_include),
        (equals, r#"{"to": "ann"}"#, must_include),
        (equals, "\"ann\"", must_include),
        (equals, "null", must_include),
        (equals, "", must_include),
        (require, r#"{"from": ""}"#, "passes"),
        (require, r#"{"from": 1}"#, must_include),
        (require, "[]", must_include),
        (require, "", must_include),
    ] {
        assert_eq!(
            judge(check, "ann", "/a/b/c", value),
            expected,
            "{check} {value}"
        );
    }
    let empty = judge(equals, "", "/a/b/c", r#"{"from": ""}"#);
    assert_eq!(
        empty,
        "Value field 'from' is '', does not match session identity ''"
    );
}

#[test]
fn checks_of_the_address_pass_or_say_why_not() {
    let segment =
        |name: &str| format!(r#"{{"type": "segment_equals_session", "segment": "{name}"}}"#);
    let reject = |pattern: &str, more: &str| {
        format!(r#"{{"type": "reject_unless_path_matches", "pattern": "{pattern}"{more}}}"#)
    };
    let message = r#", "message": "not here""#;
    for (check, subject, expected) in [
        (segment("user"), "ann", "passes"),
        (
            segment("user"),
            "bob",
            "Path segment 'user' is 'ann', does not match session identity 'bob'",
        ),
        (
            segment("user"),
            "",
            "Path segment 'user' is 'ann', does not match session identity ''",
        ),
        (
            segment("owner"),
            "ann",
            "Path segment 'owner' not found in pattern",
        ),
        (reject("/a/*/{session}/**", message), "ann", "passes"),
        (reject("/a/*/{session}/**", message), "bob", "not here"),
        (reject("/a/*/{session}", message), "*", "not here"),
        (reject("/a/{id}/{whoever}", ""), "bob", "path not allowed"),
        (reject("/a/{id}/{whoever}/x", ""), "bob", "passes"),
        (reject("/a/{user}/**", ""), "bob", "path not allowed"),
    ] {
        assert_eq!(
            judge(&check, subject, "/a/1/ann/x", "1"),
            expected,
            "{check} {subject}"
        );
    }
}
