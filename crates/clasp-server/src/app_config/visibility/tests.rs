//! Which rule decides what is seen, and by whom.

use clasp_proto::Value;

use super::super::{AppConfig, Sight};

const RULES: &str = r#"{"snapshot_visibility": [
    {"path_contains": "secret", "visible": false},
    {"path": "/open/**", "visible": true},
    {"path": "/user/{user}/**", "visible": "owner", "owner_segment": "user", "public_sub": "profile/main"},
    {"path": "/mine/{user}", "visible": "owner", "owner_segment": "user"},
    {"path_contains": "/note", "path": "/team/{team}/note/*", "visible": "require_state_not_null", "lookup": "/team/{team}"},
    {"path": "/odd/*", "visible": "friends"},
    {"path": "/flag", "visible": "require_state_not_null", "lookup": "/set/{session}"},
    {"path": "/last/**", "visible": false},
    {"visible": true}
]}"#;

fn state(address: &str) -> Option<Value> {
    match address {
        "/team/red" | "/set/ann" => Some(Value::from(1)),
        "/team/blue" => Some(Value::Null),
        _ => None,
    }
}

#[test]
fn the_first_rule_that_matches_decides_who_sees() {
    let (config, warnings) = AppConfig::parse(RULES).unwrap();
    for (address, subject, sight, expected) in [
        ("/open/x", "", Sight::Open, true),
        ("/open/secret", "ann", Sight::Closed, false),
        ("/a/topsecrets", "ann", Sight::Closed, false),
        ("/user/ann", "ann", Sight::BySubject, true),
        ("/user/ann/inbox", "ann", Sight::BySubject, true),
        ("/user/ann/inbox", "bob", Sight::BySubject, false),
        ("/user/ann/inbox", "", Sight::BySubject, false),
        ("/user/ann/profile/main", "bob", Sight::Open, true),
        ("/user/ann/profile/main/x", "", Sight::Open, true),
        ("/user/ann/profile/mainly", "bob", Sight::BySubject, false),
        ("/user/ann/profile", "bob", Sight::BySubject, false),
        ("/user/bob/profile/main", "ann", Sight::Open, true),
        ("/mine/ann", "ann", Sight::BySubject, true),
        ("/mine/ann", "bob", Sight::BySubject, false),
        ("/team/red/note/1", "", Sight::ByState, true),
        ("/team/blue/note/1", "ann", Sight::ByState, false),
        ("/team/none/note/1", "ann", Sight::ByState, false),
        ("/elsewhere/note", "ann", Sight::Closed, false),
        ("/odd/1", "ann", Sight::Closed, false),
        ("/flag", "ann", Sight::ByState, true),
        ("/flag", "bob", Sight::ByState, false),
        ("/flag", "", Sight::ByState, false),
        ("/last", "ann", Sight::Closed, false),
        ("/other", "", Sight::Open, true),
    ] {
        assert_eq!(config.sight(address), sight, "{address}");
        assert_eq!(
            config.shows(subject, address, &state),
            expected,
            "{subject} {address}"
        );
    }
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "snapshot_visibility[5].visible: expected true, false, \"owner\" or \"require_state_not_null\", \
          found \"friends\": what matches is hidden from everybody"
        ]
    );
}
