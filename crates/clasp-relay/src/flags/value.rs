//! Values that several options take: seconds, and what the log shows.

use std::time::Duration;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// A text that is no number of seconds.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("expected a number of seconds from 0 to {SECONDS_MAX}, for example 30 or 0.5")]
pub(crate) struct NotSeconds;

/// A whole or decimal number of seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, NotSeconds> {
    let number: f64 = text.parse().map_err(|_| NotSeconds)?;
    if (0.0..=SECONDS_MAX).contains(&number) {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err(NotSeconds)
    }
}

/// A text that is no number of milliseconds.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("expected a number of milliseconds from 0 to {MILLISECONDS_MAX}, for example 50 or 0.5")]
pub(crate) struct NotMilliseconds;

/// A whole or decimal number of milliseconds.
pub(crate) fn milliseconds(text: &str) -> Result<Duration, NotMilliseconds> {
    let number: f64 = text.parse().map_err(|_| NotMilliseconds)?;
    match (0.0..=MILLISECONDS_MAX).contains(&number) {
        true => Ok(Duration::from_secs_f64(number / 1000.0)),
        false => Err(NotMilliseconds),
    }
}

/// A text that is no age.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("expected a number with d, h, m or s behind it, for example 7d or 12h")]
pub(crate) struct NotAge;

/// Days, hours, minutes or seconds; a bare number is seconds.
pub(crate) fn age(text: &str) -> Result<Duration, NotAge> {
    let units = [("d", 86_400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
    let mut found = units
        .iter()
        .filter_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
    let (number, unit) = found.next().unwrap_or((text, 1.0));
    let number: f64 = number.parse().map_err(|_| NotAge)?;
    let seconds = number * unit;
    match seconds > 0.0 && seconds <= SECONDS_MAX {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(NotAge),
    }
}

/// A text that the log does not take as a filter.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("expected trace, debug, info, warn, error or off, or target=level with commas")]
pub(crate) struct NotFilter;

/// A level alone, or what RUST_LOG takes. A misspelled level would be taken for the name of a target, and nothing logged.
pub(crate) fn log_filter(text: &str) -> Result<String, NotFilter> {
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let is_known = |part: &str| part.contains(['=', '[']) || is_level(part);
    if text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err(NotFilter)
    }
}

/// A time of zero stands for none at all.
pub(crate) fn unless_zero(time: Duration) -> Option<Duration> {
    (!time.is_zero()).then_some(time)
}

/// A hundred years: whoever asks for more has lost a unit.
const SECONDS_MAX: f64 = 3_155_760_000.0;

/// A minute: nobody waits longer for an ACK.
const MILLISECONDS_MAX: f64 = 60_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_decimal() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for text in ["", "soon", "-1", "nan", "inf", "1e300", "30s"] {
            assert_eq!(seconds(text), Err(NotSeconds), "{text}");
        }
    }

    #[test]
    fn ages_have_a_unit_and_milliseconds_have_none() {
        let days = |days: u64| Ok(Duration::from_secs(86_400 * days));
        assert_eq!(age("7d"), days(7));
        assert_eq!(age("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(age("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(age("90s"), age("90"));
        for text in ["", "d", "0d", "-1h", "7w", "7 d", "nan", "inf", "1e300d"] {
            assert_eq!(age(text), Err(NotAge), "{text}");
        }
        assert_eq!(milliseconds("0.5"), Ok(Duration::from_micros(500)));
        assert_eq!(milliseconds("0"), Ok(Duration::ZERO));
        for text in ["", "50ms", "-1", "nan", "60001"] {
            assert_eq!(milliseconds(text), Err(NotMilliseconds), "{text}");
        }
    }

    #[test]
    fn a_misspelled_level_is_refused() {
        for text in [
            "info",
            "WARN",
            "off",
            "debug,clasp_server=trace",
            "clasp=debug",
        ] {
            assert_eq!(log_filter(text), Ok(text.to_owned()));
        }
        for text in ["inf", "", "info,verbose", "clasp=loud"] {
            assert_eq!(log_filter(text), Err(NotFilter), "{text}");
        }
    }
}
