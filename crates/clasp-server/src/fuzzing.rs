//! What fuzz targets may call; built for them only.

use std::cell::RefCell;

use clasp_proto::{Address, Value, text};

use crate::app_config::{AppConfig, Sight};
use crate::http;

/// Reads rules of an application and asks them everything about one write.
///
/// # Panics
/// The rules contradict themselves.
pub fn app_config(rules: &str, address: &str, subject: &str, value: &str) {
    let config = match AppConfig::parse(rules) {
        Ok((config, _)) => config,
        Err(problems) => return assert!(!problems.is_empty(), "refused without a reason"),
    };
    let _ = config.scopes_for(subject);
    let value = text::value_from_text(value);
    let seen = RefCell::new(Vec::new());
    let state = |address: &str| {
        assert_eq!(Address::check(address), Ok(()), "no state can be there");
        seen.borrow_mut().push(address.to_owned());
        address.len().is_multiple_of(2).then(|| value.clone())
    };
    if let Some(ruling) = config.write_rule(address) {
        for written in [None, Some(&Value::Null), Some(&value)] {
            let told = ruling.lookups(subject, written.is_none_or(Value::is_null));
            let _ = ruling
                .judge(subject, written, &state)
                .map_err(|it| it.to_string());
            let untold = seen
                .take()
                .into_iter()
                .find(|address| !told.contains(address));
            assert_eq!(untold, None, "the state there is not locked");
        }
    }
    let shows = config.shows(subject, address, &state);
    match config.sight(address) {
        Sight::Open => assert!(shows),
        Sight::Closed => assert!(!shows),
        Sight::BySubject => assert_eq!(seen.take(), [""; 0], "state was looked at"),
        Sight::ByState => {}
    }
    let members = value
        .as_map()
        .into_iter()
        .flat_map(|members| members.keys());
    for member in members.filter(|member| config.takes(address, member)) {
        assert!(config.redacts(address), "nobody asks about {member}");
    }
    let _ = config.explain(address, subject);
}

/// Reads a body as each route of the auth port would.
///
/// # Panics
/// What was read is not what may be read.
pub fn auth_body(body: &[u8]) {
    http::auth::read_all(body, 1_700_000_000);
}
