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
