//! Which rule decides, and how its checks add up.

use clasp_proto::Value;
use clasp_proto::text::value_from_text;

use super::super::AppConfig;

fn config(rules: &str) -> AppConfig {
    AppConfig::parse(&format!(r#"{{"write_rules": [{rules}]}}"#))
        .unwrap()
        .0
}

fn judge(config: &AppConfig, address: &str, value: Option<&Value>) -> String {
    let Some(ruling) = config.write_rule(address) else {
        return "no rule".to_owned();
    };
    let state = |address: &str| (address == "/there").then(|| Value::from(true));
    match ruling.judge("ann", value, &state) {
        Ok(()) => format!("{} passes", ruling.number),
        Err(violation) => format!("{} {violation}", ruling.number),
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let refuse = |path: &str| {
        format!(
            r#"{{"path": "{path}", "checks": [{{"type": "state_not_null", "lookup": "/gone"}}]}}"#
        )
    };
    let pass = |path: &str| format!(r#"{{"path": "{path}", "checks": []}}"#);
    let rules = [
        pass("/a/b"),
        refuse("/a/{x}"),
        pass("/a/**"),
        refuse("/*/c"),
    ];
    let config = config(&rules.join(","));
    let refused = "State is null or missing at '/gone'";
    for (address, expected) in [
        ("/a/b", "0 passes".to_owned()),
        ("/a/c", format!("1 {refused}")),
        ("/a", "2 passes".to_owned()),
        ("/a/b/c", "2 passes".to_owned()),
        ("/x/c", format!("3 {refused}")),
        ("/x", "no rule".to_owned()),
    ] {
        assert_eq!(
            judge(&config, address, Some(&Value::Null)),
            expected,
            "{address}"
        );
    }
}

#[test]
fn modes_and_null_writes() {
    let good = r#"{"type": "state_not_null", "lookup": "/there"}"#;
    let bad = r#"{"type": "state_not_null", "lookup": "/gone"}"#;
    let worse = r#"{"type": "require_value_field", "field": "f"}"#;
    let gone = "0 State is null or missing at '/gone'";
    let field = "0 Value must include a f field";
    for (members, value, expected) in [
        (format!(r#""checks": [{good}, {good}]"#), "1", "0 passes"),
        (format!(r#""checks": [{good}, {bad}, {worse}]"#), "1", gone),
        (
            format!(r#""mode": "all", "checks": [{worse}, {bad}]"#),
            "1",
            field,
        ),
        (
            format!(r#""mode": "any", "checks": [{bad}, {good}]"#),
            "1",
            "0 passes",
        ),
        (
            format!(r#""mode": "any", "checks": [{bad}, {worse}]"#),
            "1",
            gone,
        ),
        (r#""mode": "any", "checks": []"#.to_owned(), "1", "0 passes"),
        (
            format!(r#""mode": "any", "pre_checks": [{good}, {bad}], "checks": [{good}]"#),
            "1",
            gone,
        ),
        (
            format!(r#""checks": [{bad}], "allow_null_write": true"#),
            "null",
            "0 passes",
        ),
        (
            format!(r#""checks": [{bad}], "allow_null_write": true"#),
            "",
            "0 passes",
        ),
        (
            format!(r#""checks": [{bad}], "allow_null_write": true"#),
            "0",
            gone,
        ),
        (format!(r#""checks": [{bad}]"#), "null", gone),
        (
            format!(r#""checks": [{good}], "pre_checks": [{bad}], "allow_null_write": true"#),
            "null",
            gone,
        ),
    ] {
        let config = config(&format!(r#"{{"path": "/a", {members}}}"#));
        let value = (!value.is_empty()).then(|| value_from_text(value));
        assert_eq!(judge(&config, "/a", value.as_ref()), expected, "{members}");
    }
}

#[test]
fn lookups_are_told_beforehand() {
    let config = config(
        r#"{"path": "/a/{x}", "allow_null_write": true,
            "pre_checks": [{"type": "state_not_null", "lookup": "/p/{x}"}],
            "checks": [
                {"type": "either_state_not_null", "lookup_a": "/c/{session}", "lookup_b": "/p/{x}"},
                {"type": "state_field_equals_session", "lookup": "/b", "field": "f"},
                {"type": "segment_equals_session", "segment": "x"}
            ]}"#,
    );
    let ruling = config.write_rule("/a/1").unwrap();
    assert_eq!(ruling.lookups("ann", false), ["/b", "/c/ann", "/p/1"]);
    assert_eq!(ruling.lookups("", false), ["/b", "/p/1"]);
    assert_eq!(ruling.lookups("ann", true), ["/p/1"]);
}
