//! Times of tokens, for people: seconds since 1970 compared with now.

use std::time::{SystemTime, UNIX_EPOCH};

/// The seconds since 1970.
pub(super) fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is not set at all.
    since.map_or(0, |since| since.as_secs())
}

/// `in 30 days`, `2 hours ago`.
pub(super) fn from_now(at_s: u64, now_s: u64) -> String {
    let span = span(at_s.abs_diff(now_s));
    if at_s > now_s {
        return format!("in {span}");
    }
    format!("{span} ago")
}

/// The largest unit that fits. What is hardly less than a unit is one: a token for 30 days has
/// 30 days a second later.
pub(super) fn span(seconds: u64) -> String {
    let fits = |unit: u64| (seconds + unit / 100) / unit;
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let found = units.into_iter().find(|(unit, _)| fits(*unit) > 0);
    let (number, name) = found.map_or((seconds, "second"), |(unit, name)| (fits(unit), name));
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_their_largest_unit() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3540, "59 minutes"),
            (3599, "1 hour"),
            (2 * 3600 + 1800, "2 hours"),
            (86_400, "1 day"),
            (30 * 86_400 - 1, "30 days"),
            (36 * 3600, "1 day"),
            (30 * 86_400 - 5000, "29 days"),
        ] {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
        assert_eq!(from_now(90, 30), "in 1 minute");
        assert_eq!(from_now(30, 90), "1 minute ago");
        assert_eq!(from_now(30, 30), "0 seconds ago");
    }
}
