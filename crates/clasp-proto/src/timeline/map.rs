//! A timeline as a map value, both ways (protocol/wire.md 6.11).

use std::collections::BTreeMap;

use super::{Easing, Keyframe, Timeline};
use crate::error::TimelineError;
use crate::value::Value;

type Entries = BTreeMap<String, Value>;

impl Timeline {
    /// The timeline as a map, as it travels in a PUBLISH: `keyframes` (each with `time`, `value`,
    /// `easing` and perhaps `bezier`), `loop`, and `start_time` and `duration` where they are
    /// present.
    pub fn to_value(&self) -> Value {
        let keyframes = self.keyframes.iter().map(Keyframe::to_value).collect();
        let mut entries = Entries::from([
            (KEYFRAMES.to_owned(), Value::Array(keyframes)),
            (LOOP.to_owned(), Value::Bool(self.looping)),
        ]);
        for (key, time) in [(START_TIME, self.start_time), (DURATION, self.duration)] {
            entries.extend(time.map(|time| (key.to_owned(), micros(time))));
        }
        Value::Map(entries)
    }

    /// The timeline in a map. Times may be floats without a fraction, since some clients have no
    /// ints; keyframes are sorted by time; unknown keys are ignored.
    pub fn from_value(value: &Value) -> Result<Self, TimelineError> {
        let entries = value.as_map().ok_or(TimelineError::NotMap("a timeline"))?;
        let keyframes = required(entries, KEYFRAMES, "an array", Value::as_array)?;
        let keyframes = keyframes.iter().map(Keyframe::from_value);
        let mut keyframes = keyframes.collect::<Result<Vec<_>, _>>()?;
        keyframes.sort_by_key(|keyframe| keyframe.time);
        let looping = optional(entries, LOOP, "true or false", Value::as_bool)?;
        Ok(Self {
            keyframes,
            looping: looping.unwrap_or_default(),
            start_time: optional(entries, START_TIME, MICROS, Value::as_u64)?,
            duration: optional(entries, DURATION, MICROS, Value::as_u64)?,
        })
    }
}

impl Keyframe {
    fn to_value(&self) -> Value {
        let mut entries = Entries::from([
            (TIME.to_owned(), micros(self.time)),
            (VALUE.to_owned(), self.value.clone()),
            (EASING.to_owned(), self.easing.word().into()),
        ]);
        entries.extend(self.bezier.map(|points| {
            let points = points.map(Value::Float).to_vec();
            (BEZIER.to_owned(), Value::Array(points))
        }));
        Value::Map(entries)
    }

    fn from_value(value: &Value) -> Result<Self, TimelineError> {
        let entries = value.as_map().ok_or(TimelineError::NotMap("a keyframe"))?;
        let value = entries.get(VALUE).ok_or(TimelineError::MissingKey(VALUE))?;
        let easing = |value: &Value| value.as_str().and_then(Easing::from_word);
        let easing = optional(entries, EASING, "a word such as linear", easing)?;
        Ok(Self {
            time: required(entries, TIME, MICROS, |value| value.as_u64())?,
            value: value.clone(),
            easing: easing.unwrap_or_default(),
            bezier: optional(entries, BEZIER, "an array of four numbers", points)?,
        })
    }
}

fn points(value: &Value) -> Option<[f64; 4]> {
    let numbers = value.as_array()?.iter().map(Value::as_f64);
    numbers.collect::<Option<Vec<_>>>()?.try_into().ok()
}

fn required<'a, T>(
    entries: &'a Entries,
    key: &'static str,
    expected: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, TimelineError> {
    optional(entries, key, expected, read)?.ok_or(TimelineError::MissingKey(key))
}

/// Null is the same as absent.
fn optional<'a, T>(
    entries: &'a Entries,
    key: &'static str,
    expected: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, TimelineError> {
    match entries.get(key).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => match read(value) {
            None => Err(TimelineError::Unexpected { key, expected }),
            found => Ok(found),
        },
    }
}

/// Times beyond the range of an int are 292 thousand years away: the end of it will do.
fn micros(time: u64) -> Value {
    Value::Int(i64::try_from(time).unwrap_or(i64::MAX))
}

const KEYFRAMES: &str = "keyframes";
const LOOP: &str = "loop";
const START_TIME: &str = "start_time";
const DURATION: &str = "duration";
const TIME: &str = "time";
const VALUE: &str = "value";
const EASING: &str = "easing";
const BEZIER: &str = "bezier";
const MICROS: &str = "whole microseconds, not negative";
