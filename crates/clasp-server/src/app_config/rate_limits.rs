//! Rate limits that an application sets: of attempts to log in and to register, and of messages.

use std::time::Duration;

use super::json::{Findings, Members, Node};

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimits {
    /// Logins that fail, of one address or for one name.
    pub(crate) login: RateLimit,
    /// Accounts and guests, for one address.
    pub(crate) register: RateLimit,
    /// Messages a second of one session, if the file says so; 0 is any number.
    pub(crate) messages_per_second: Option<u32>,
}

/// So many in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    pub(crate) attempts_max: u32,
    pub(crate) window: Duration,
}

impl Default for RateLimits {
    fn default() -> Self {
        let window = Duration::from_secs(60);
        Self {
            login: RateLimit {
                attempts_max: 5,
                window,
            },
            register: RateLimit {
                attempts_max: 10,
                window,
            },
            messages_per_second: None,
        }
    }
}

impl RateLimits {
    pub(super) fn compile(node: Node<'_>, findings: &mut Findings) -> Self {
        let mut limits = Self::default();
        let Some(mut members) = Members::of(node, findings) else {
            return limits;
        };
        let mut number = |name, least| {
            let node = members.optional(name);
            node.and_then(|node| node.number(findings, least))
        };
        for (limit, attempts, window) in [
            (&mut limits.login, "login_max_attempts", "login_window_secs"),
            (
                &mut limits.register,
                "register_max_attempts",
                "register_window_secs",
            ),
        ] {
            if let Some(attempts) = number(attempts, 1) {
                limit.attempts_max = attempts;
            }
            if let Some(seconds) = number(window, 1) {
                limit.window = Duration::from_secs(seconds.into());
            }
        }
        limits.messages_per_second = number("max_messages_per_second", 0);
        members.finish(findings);
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::super::AppConfig;
    use super::*;

    #[test]
    fn each_is_optional() {
        let limits = |text: &str| {
            let text = format!(r#"{{"rate_limits": {{{text}}}}}"#);
            let (config, warnings) = AppConfig::parse(&text).unwrap();
            assert_eq!(warnings, []);
            let RateLimits {
                login,
                register,
                messages_per_second,
            } = config.rate_limits();
            let numbers = |limit: RateLimit| (limit.attempts_max, limit.window.as_secs());
            (numbers(login), numbers(register), messages_per_second)
        };
        assert_eq!(limits(""), ((5, 60), (10, 60), None));
        let login = r#""login_max_attempts": 3, "login_window_secs": 7"#;
        assert_eq!(limits(login), ((3, 7), (10, 60), None));
        let register = r#""register_max_attempts": 1, "register_window_secs": 3600"#;
        assert_eq!(limits(register), ((5, 60), (1, 3600), None));
        let messages = r#""max_messages_per_second": 0"#;
        assert_eq!(limits(messages), ((5, 60), (10, 60), Some(0)));
    }

    #[test]
    fn numbers_that_make_no_sense_are_problems() {
        let findings = AppConfig::parse(
            r#"{"rate_limits": {"login_max_attempts": 0, "login_window_secs": "60", "register_max_attempts": -1,
                "register_window_secs": 1.5, "max_messages_per_second": 99999999999}}"#,
        )
        .unwrap_err();
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let expected = [
            "login_max_attempts: expected a whole number from 1 on, found 0",
            "login_window_secs: expected a whole number from 1 on, found \"60\"",
            "register_max_attempts: expected a whole number from 1 on, found -1",
            "register_window_secs: expected a whole number from 1 on, found 1.5",
            "max_messages_per_second: expected a whole number from 0 on, found 99999999999",
        ];
        let expected = expected.map(|line| format!("rate_limits.{line}"));
        assert_eq!(lines, expected);
    }
}
