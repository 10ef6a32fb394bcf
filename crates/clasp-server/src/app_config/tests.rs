//! Reading the whole file, and the profile of a chat from the first to the last rule.

use clasp_proto::Value;
use clasp_proto::text::value_from_text;

use super::*;
use crate::limits;

fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn problems(text: &str) -> Vec<String> {
    lines(&AppConfig::parse(text).unwrap_err())
}

fn warnings(text: &str) -> Vec<String> {
    lines(&AppConfig::parse(text).unwrap().1)
}

#[test]
fn an_empty_file_lets_everything_through() {
    let (config, warnings) = AppConfig::parse("{}").unwrap();
    assert_eq!(warnings, []);
    assert!(config.write_rule("/a").is_none());
    assert_eq!(config.sight("/a"), Sight::Open);
    assert!(config.shows("", "/a", &|_| None));
    assert!(!config.takes("/a", "b"));
    assert!(!config.strict_read());
    assert!(!config.has_write_rules() && !config.has_visibility() && !config.has_redactions());
    assert!(
        AppConfig::parse(r#"{"strict_read": true}"#)
            .unwrap()
            .0
            .strict_read()
    );
}

#[test]
fn unknown_members_are_warnings() {
    let text = r#"{
        "version": 1,
        "write_rules": [{"path": "/a", "note": "x", "checks": [{"type": "require_value_field", "field": "f", "lookup": "/a"}]}],
        "snapshot_visibility": [{"path": "/a", "visible": true, "owner_segment": "x"}],
        "snapshot_transforms": [{"path": "/a", "redact_fields": [], "why": ""}],
        "rate_limits": {"login": 3}
    }"#;
    let ignored = "is no member that the relay knows, and is ignored";
    let expected = [
        "write_rules[0].checks[0].lookup",
        "write_rules[0].note",
        "snapshot_transforms[0].why",
        "snapshot_visibility[0].owner_segment",
        "rate_limits.login",
        "version",
    ];
    assert_eq!(
        warnings(text),
        expected.map(|place| format!("{place}: {ignored}"))
    );
}

/// Something wrong in every place.
const WRONG: &str = r#"{
        "strict_read": 1,
        "write_rules": [
            {"path": "chat", "checks": {}},
            {"path": "/a/**/b", "checks": [], "mode": "some"},
            {"path": "/a/{x}", "pre_checks": [3], "allow_null_write": null, "checks": [
                {"type": "state_not_null", "lookup": "a/{x}", "allow_if_missing": "no"},
                {"check": "either_state_not_null", "lookup_a": "/b/{y}"},
                {"type": "is_admin"},
                {"type": "state_not_null", "check": "require_value_field"},
                {},
                {"type": "value_field_equals_session", "field": ""},
                {"type": "reject_unless_path_matches", "pattern": "/a/x-{y}", "message": 1},
                {"type": "segment_equals_session", "segment": ["x"]}
            ]},
            7
        ],
        "snapshot_transforms": [{"path": "/a"}, {"redact_fields": [1]}],
        "snapshot_visibility": [
            {},
            {"visible": 1},
            {"visible": "owner"},
            {"visible": "owner", "path": "/u/{user}", "owner_segment": "owner", "public_sub": "/p"},
            {"visible": "require_state_not_null", "lookup": "/u/{user}"},
            {"visible": "require_state_not_null"}
        ],
        "rate_limits": []
    }"#;

#[test]
fn every_problem_is_told_with_its_place() {
    let types = "state_field_equals_session, state_not_null, value_field_equals_session, segment_equals_session, \
         either_state_not_null, require_value_field, reject_unless_path_matches";
    let visible = "true, false, \"owner\" or \"require_state_not_null\"";
    let path = "a path that begins with /";
    let checks = "write_rules[2].checks";
    let expected = [
        "strict_read: expected true or false, found 1".to_owned(),
        format!("write_rules[0].path: expected {path}, found \"chat\""),
        "write_rules[0].checks: expected an array, found an object".to_owned(),
        "write_rules[1].path: expected ** as the last segment only, found \"/a/**/b\"".to_owned(),
        "write_rules[1].mode: expected \"all\" or \"any\", found \"some\"".to_owned(),
        format!("{checks}[0].lookup: expected {path}, found \"a/{{x}}\""),
        format!("{checks}[0].allow_if_missing: expected true or false, found \"no\""),
        format!("{checks}[1].lookup_a: expected a capture of the path ({{x}}), found {{y}}"),
        format!("{checks}[1].lookup_b: expected {path}, found nothing"),
        format!("{checks}[2].type: expected one of {types}, found \"is_admin\""),
        format!("{checks}[3].check: expected the same as type, or no check, found \"require_value_field\""),
        format!("{checks}[4].type: expected one of {types}, found nothing"),
        format!("{checks}[5].field: expected a text that is not empty, found \"\""),
        format!("{checks}[6].message: expected a text, found 1"),
        format!("{checks}[6].pattern: expected a capture of the path ({{x}}), found {{y}}"),
        format!("{checks}[7].segment: expected a text, found an array"),
        "write_rules[2].pre_checks[0]: expected an object, found 3".to_owned(),
        "write_rules[2].allow_null_write: expected true or false, found null".to_owned(),
        "write_rules[3]: expected an object, found 7".to_owned(),
        "snapshot_transforms[0].redact_fields: expected an array of texts, found nothing".to_owned(),
        format!("snapshot_transforms[1].path: expected {path}, found nothing"),
        "snapshot_transforms[1].redact_fields[0]: expected a text, found 1".to_owned(),
        format!("snapshot_visibility[0].visible: expected {visible}, found nothing"),
        format!("snapshot_visibility[1].visible: expected {visible}, found 1"),
        format!("snapshot_visibility[2].path: expected {path}, found nothing"),
        "snapshot_visibility[2].owner_segment: expected the name of a capture of the path, found nothing".to_owned(),
        "snapshot_visibility[3].owner_segment: expected a capture of the path ({user}), found {owner}".to_owned(),
        "snapshot_visibility[3].public_sub: expected a path below the owner, without / at its ends, found \"/p\"".to_owned(),
        "snapshot_visibility[4].lookup: expected a capture of the path (it has none), found {user}".to_owned(),
        format!("snapshot_visibility[5].lookup: expected {path}, found nothing"),
        "rate_limits: expected an object, found an array".to_owned(),
    ];
    let found = problems(WRONG);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn what_is_no_object_is_a_problem() {
    assert_eq!(
        problems("[]"),
        ["the file: expected an object, found an array"]
    );
    let broken = problems("{\n\"scopes\": [],\n}");
    assert!(
        broken[0].starts_with("line 3: expected JSON: trailing comma"),
        "{broken:?}"
    );
    let deep = "[".repeat(1000);
    assert!(
        problems(&deep)[0].contains("recursion limit"),
        "{:?}",
        problems(&deep)
    );
}

#[test]
fn what_would_be_lost_silently_is_a_problem() {
    let text = r#"{
        "write_rules": [],
        "write_rules": [{"path": "/a", "checks": [], "path": "/b", "note": {"x": 1, "x": 2}}],
        "snapshot_visibility": [{"visible": true}, {"visible": false, "visible": 1}]
    }"#;
    let twice = "expected each member once, found it twice";
    let places = [
        "write_rules[0].path",
        "write_rules[0].note.x",
        "write_rules",
        "snapshot_visibility[1].visible",
    ];
    let found = problems(text);
    assert_eq!(found[..4], places.map(|place| format!("{place}: {twice}")));
    assert_eq!(found.len(), 5, "and the wrong type");
}

#[test]
fn what_is_too_much_is_a_problem() {
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
    let rule = r#"{"path": "/a", "checks": []}"#;
    let rules = format!(r#"{{"write_rules": {}}}"#, list(rule, 1001));
    assert_eq!(
        problems(&rules),
        ["write_rules: expected at most 1000 items, found 1001"]
    );
    let check = r#"{"type": "require_value_field", "field": "f"}"#;
    let checks = list(check, 17);
    let checks = format!(r#"{{"write_rules": [{{"path": "/a", "checks": {checks}}}]}}"#);
    assert_eq!(
        problems(&checks),
        ["write_rules[0].checks: expected at most 16 items, found 17"]
    );
    let scopes = format!(r#"{{"scopes": {}}}"#, list("\"read:/a\"", 257));
    assert_eq!(
        problems(&scopes),
        ["scopes: expected at most 256 items, found 257"]
    );
    let long = "x".repeat(1025);
    let field =
        format!(r#"{{"snapshot_transforms": [{{"path": "/a", "redact_fields": ["{long}"]}}]}}"#);
    assert_eq!(
        problems(&field),
        ["snapshot_transforms[0].redact_fields[0]: expected at most 1024 bytes, found 1025"]
    );
    let path = format!(r#"{{"write_rules": [{{"path": "/{long}", "checks": []}}]}}"#);
    assert!(problems(&path)[0].contains("at most 1024 bytes, found 1026"));
    let unexpected = format!(r#"{{"write_rules": "{long}"}}"#);
    assert!(problems(&unexpected)[0].len() < 200);
}

#[test]
fn rules_that_are_never_asked_are_told() {
    let text = r#"{
        "write_rules": [
            {"path": "/a/{x}", "checks": []},
            {"path": "/a/b", "checks": []},
            {"path": "/a/**", "checks": []}
        ],
        "snapshot_visibility": [
            {"path": "/a/**", "visible": true},
            {"path_contains": "/a/", "visible": false},
            {"path": "/a/b/*", "visible": false},
            {"visible": true},
            {"path_contains": "x", "visible": true}
        ]
    }"#;
    let never = |place: &str, first: &str| {
        format!("{place}: is never asked: {first} comes first and matches the same addresses")
    };
    let expected = [
        never("write_rules[1]", "write_rules[0]"),
        never("snapshot_visibility[2]", "snapshot_visibility[0]"),
        never("snapshot_visibility[4]", "snapshot_visibility[3]"),
    ];
    assert_eq!(warnings(text), expected);
}

#[test]
fn names_that_do_not_mean_what_they_seem_are_told() {
    let text = r#"{"write_rules": [
        {"path": "/a/{session}/b", "checks": [{"type": "segment_equals_session", "segment": "user"}]}
    ]}"#;
    let expected = [
        "write_rules[0].path: {session} is a capture here: in templates of this rule it is who writes or reads",
        "write_rules[0].checks[0].segment: {user} is no capture of the path: nobody can pass this check",
    ];
    assert_eq!(warnings(text), expected);
}

const CHAT: &str = include_str!("../../tests/fixtures/chat.json");

fn chat() -> AppConfig {
    let (config, warnings) = AppConfig::parse(CHAT).unwrap();
    assert_eq!(warnings, []);
    config
}

/// What holds while the profile is tested: ann made the room `jazz` and bob is in it.
fn state(address: &str) -> Option<Value> {
    let text = match address {
        "/chat/room/jazz" => r#"{"owner": "ann", "title": "Jazz"}"#,
        "/chat/room/gone" => "null",
        "/chat/room/jazz/member/bob" => r#"{"since": 1}"#,
        "/chat/room/jazz/member/eve" => "null",
        "/chat/room/jazz/banned/mallory" => "true",
        _ => return None,
    };
    Some(value_from_text(text))
}

fn write(subject: &str, address: &str, value: &str) -> Result<(), String> {
    let config = chat();
    let Some(ruling) = config.write_rule(address) else {
        return Ok(());
    };
    let verdict = ruling.judge(subject, Some(&value_from_text(value)), &state);
    verdict.map_err(|violation| violation.to_string())
}

#[test]
fn a_chat_decides_who_may_make_rooms() {
    for (subject, address, value, expected) in [
        ("ann", "/chat/room/blues", r#"{"owner": "ann"}"#, Ok(())),
        (
            "eve",
            "/chat/room/blues",
            r#"{"owner": "ann"}"#,
            Err("Value field 'owner' is 'ann', does not match session identity 'eve'"),
        ),
        (
            "eve",
            "/chat/room/jazz",
            r#"{"owner": "eve"}"#,
            Err("Field 'owner' at '/chat/room/jazz' does not match session identity"),
        ),
        ("ann", "/chat/room/jazz", "null", Ok(())),
        (
            "bob",
            "/chat/room/jazz",
            "null",
            Err("Field 'owner' at '/chat/room/jazz' does not match session identity"),
        ),
    ] {
        let expected = expected.map_err(str::to_owned);
        let found = write(subject, address, value);
        assert_eq!(found, expected, "{subject} {address} {value}");
    }
}

#[test]
fn a_chat_decides_who_may_write() {
    let stranger =
        "Neither '/chat/room/jazz/member/eve' nor '/chat/room/jazz/open' exists in state";
    for (subject, address, value, expected) in [
        (
            "bob",
            "/chat/room/jazz/message/1",
            r#"{"from": "bob", "text": "hi"}"#,
            Ok(()),
        ),
        (
            "bob",
            "/chat/room/jazz/message/1",
            r#"{"from": "bob"}"#,
            Err("Value must include a text field"),
        ),
        (
            "eve",
            "/chat/room/jazz/message/1",
            r#"{"from": "eve", "text": "hi"}"#,
            Err(stranger),
        ),
        (
            "bob",
            "/chat/room/none/message/1",
            r#"{"from": "bob", "text": "hi"}"#,
            Err("State is null or missing at '/chat/room/none'"),
        ),
        ("bob", "/chat/room/jazz/typing/bob", "true", Ok(())),
        (
            "eve",
            "/chat/room/jazz/typing/bob",
            "true",
            Err("Path segment 'user' is 'bob', does not match session identity 'eve'"),
        ),
        (
            "eve",
            "/chat/room/jazz/other",
            "1",
            Err("rooms have messages, members and typing only"),
        ),
        ("eve", "/lights/1", "1", Ok(())),
        (
            "",
            "/chat/room/jazz/typing/bob",
            "true",
            Err("Path segment 'user' is 'bob', does not match session identity ''"),
        ),
    ] {
        let expected = expected.map_err(str::to_owned);
        let found = write(subject, address, value);
        assert_eq!(found, expected, "{subject} {address} {value}");
    }
}

#[test]
fn a_chat_decides_who_sees_what() {
    let config = chat();
    for (subject, address, expected) in [
        ("bob", "/chat/room/jazz/message/1", true),
        ("eve", "/chat/room/gone/message/1", false),
        ("bob", "/chat/user/bob/inbox/1", true),
        ("eve", "/chat/user/bob/inbox/1", false),
        ("eve", "/chat/user/bob/profile/name", true),
        ("eve", "/chat/internal/x", false),
        ("ann", "/lights/1", true),
    ] {
        assert_eq!(
            config.shows(subject, address, &state),
            expected,
            "{subject} {address}"
        );
    }
    let takes = |member| config.takes("/chat/user/bob/profile", member);
    assert!(takes("email") && !takes("name"));
}

#[test]
fn lookups_are_all_that_is_looked_at() {
    let config = chat();
    let addresses = [
        "/chat/room/jazz",
        "/chat/room/jazz/message/1",
        "/chat/room/jazz/member/bob",
        "/chat/room/jazz/typing/bob",
        "/chat/user/bob/inbox/1",
        "/lights/1",
    ];
    let values = [
        None,
        Some(Value::Null),
        Some(value_from_text(r#"{"from": "bob", "text": "x"}"#)),
    ];
    for (address, value) in addresses
        .iter()
        .flat_map(|it| values.iter().map(move |value| (it, value)))
    {
        for subject in ["ann", "bob", "", "a/b"] {
            let is_null = value.as_ref().is_none_or(Value::is_null);
            let seen = std::cell::RefCell::new(Vec::new());
            let look = |address: &str| {
                seen.borrow_mut().push(address.to_owned());
                state(address)
            };
            let Some(ruling) = config.write_rule(address) else {
                continue;
            };
            let told = ruling.lookups(subject, is_null);
            let _ = ruling.judge(subject, value.as_ref(), &look);
            let untold = seen
                .into_inner()
                .into_iter()
                .find(|address| !told.contains(address));
            assert_eq!(untold, None, "{subject} {address} {value:?}");
        }
    }
}

/// To write it anew: `CLASP_REGENERATE=1 cargo test -p clasp-server --lib explanations`.
#[test]
fn explanations_are_these() {
    let config = chat();
    let mut text = String::new();
    for (address, user) in [
        ("/chat/room/jazz", "ann"),
        ("/chat/room/jazz/message/1", "bob"),
        ("/chat/room/jazz/typing/bob", "eve"),
        ("/chat/room/jazz/member/bob", ""),
        ("/chat/room/jazz/other", "bob"),
        ("/chat/user/bob/inbox/1", "bob"),
        ("/chat/user/bob/profile", "eve"),
        ("/chat/internal/x", "eve"),
        ("/lights/1", "ann"),
    ] {
        text += &config.explain(address, user);
        text.push('\n');
    }
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/chat-explained.txt"
    );
    if std::env::var_os("CLASP_REGENERATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(text == golden, "the explanations have changed:\n{text}");
}

const PAGE: &str = include_str!("../../../../docs/app-config.md");

fn blocks(language: &str) -> Vec<&'static str> {
    let blocks = PAGE.split("```").skip(1).step_by(2);
    blocks
        .filter_map(|block| block.strip_prefix(language))
        .collect()
}

#[test]
fn examples_of_the_page_can_be_used() {
    let examples = blocks("json\n");
    assert_eq!(examples.len(), 6);
    for example in examples {
        assert_eq!(warnings(example), [""; 0], "{example}");
    }
}

#[test]
fn the_page_shows_what_is_really_said() {
    let rooms = blocks("json\n")
        .into_iter()
        .find(|block| block.contains("/guest/{user}"));
    let (config, _) = AppConfig::parse(rooms.unwrap()).unwrap();
    let explained = config.explain("/room/red/guest/bob", "ann");
    assert!(
        PAGE.contains(&explained),
        "expected on the page:\n{explained}"
    );
    let wrong = r#"{"scopes": ["read:/a", "see:/a"]}"#;
    let said = format!("--app-config rules.json: {}", problems(wrong)[0]);
    assert!(PAGE.contains(&said), "expected on the page:\n{said}");
}

#[test]
fn the_page_names_every_member_and_check() {
    for name in [
        "scopes",
        "strict_read",
        "write_rules",
        "snapshot_visibility",
        "snapshot_transforms",
        "rate_limits",
        "path",
        "checks",
        "mode",
        "pre_checks",
        "allow_null_write",
        "redact_fields",
        "login_max_attempts",
        "login_window_secs",
        "register_max_attempts",
        "register_window_secs",
        "max_messages_per_second",
        "state_field_equals_session",
        "state_not_null",
        "either_state_not_null",
        "value_field_equals_session",
        "require_value_field",
        "segment_equals_session",
        "reject_unless_path_matches",
    ] {
        assert!(
            PAGE.contains(&format!("| `{name}` ")),
            "expected a row for `{name}`"
        );
    }
    let numbers = format!(
        "At most 1 MiB, {} rules of each kind, {} checks in a list, {} scopes,\n{} fields of a redaction, and {} bytes of a text.",
        limits::APP_RULES_MAX,
        limits::APP_CHECKS_MAX,
        clasp_proto::limits::SCOPES_MAX,
        limits::APP_REDACTED_FIELDS_MAX,
        limits::APP_TEXT_BYTES_MAX
    );
    assert!(PAGE.contains(&numbers), "expected: {numbers}");
    assert_eq!(limits::APP_CONFIG_BYTES_MAX, 1024 * 1024);
}
