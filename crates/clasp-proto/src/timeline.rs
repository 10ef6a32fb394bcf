//! Keyframes and easing: a value that moves over time.

mod easing;
mod map;
#[cfg(test)]
mod tests;

use crate::value::Value;

/// Keyframes in the order of their times, and how to run through them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// Sorted by time.
    pub keyframes: Vec<Keyframe>,
    /// Whether it starts again when its duration is over.
    pub looping: bool,
    /// When it starts, in microseconds since the Unix epoch; at once if absent.
    pub start_time: Option<u64>,
    /// Microseconds it lasts; the time of the last keyframe if absent.
    pub duration: Option<u64>,
}

/// A value at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyframe {
    /// Microseconds after the start.
    pub time: u64,
    /// The value at that time.
    pub value: Value,
    /// How to get from here to the next keyframe.
    pub easing: Easing,
    /// The control points `[x1, y1, x2, y2]` of a cubic Bezier easing; absent is a straight line.
    pub bezier: Option<[f64; 4]>,
}

/// The shape of a transition (protocol/router.md 8.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Easing {
    /// Even speed.
    #[default]
    Linear,
    /// Slow at first.
    EaseIn,
    /// Slow at the end.
    EaseOut,
    /// Slow at both ends.
    EaseInOut,
    /// A jump at the next keyframe.
    Step,
    /// A curve with two control points.
    CubicBezier,
}

impl Timeline {
    /// Microseconds that it lasts: the explicit duration, else the time of the last keyframe.
    pub fn duration(&self) -> u64 {
        let last = self.keyframes.last().map_or(0, |keyframe| keyframe.time);
        self.duration.unwrap_or(last)
    }

    /// The value so many microseconds after the start; none without keyframes. Before the first
    /// keyframe it is the value of the first, after the duration that of the end.
    ///
    /// ```
    /// use clasp_proto::{Easing, Keyframe, Timeline, Value};
    /// let keyframe = |time, value| Keyframe {
    ///     time,
    ///     value: Value::Float(value),
    ///     easing: Easing::Linear,
    ///     bezier: None,
    /// };
    /// let fade = Timeline {
    ///     keyframes: vec![keyframe(0, 0.0), keyframe(1_000_000, 1.0)],
    ///     ..Timeline::default()
    /// };
    /// assert_eq!(fade.value_at(250_000), Some(Value::Float(0.25)));
    /// assert_eq!(fade.value_at(9_000_000), Some(Value::Float(1.0)));
    /// ```
    pub fn value_at(&self, elapsed: u64) -> Option<Value> {
        let at = self.position(elapsed);
        let next = self.keyframes.partition_point(|it| it.time <= at);
        let Some(before) = next.checked_sub(1) else {
            return self.keyframes.first().map(|first| first.value.clone());
        };
        let from = &self.keyframes[before];
        let Some(to) = self.keyframes.get(next) else {
            return Some(from.value.clone());
        };
        // Both differences are positive: `from` is not after `at`, `to` is.
        let share = (at - from.time) as f64 / (to.time - from.time) as f64;
        Some(interpolate(&from.value, &to.value, from.ease(share)))
    }

    fn position(&self, elapsed: u64) -> u64 {
        let duration = self.duration();
        if self.looping {
            elapsed.checked_rem(duration).unwrap_or(0)
        } else {
            elapsed.min(duration)
        }
    }
}

/// Numbers move, arrays of one length move element by element, anything else switches half way.
fn interpolate(from: &Value, to: &Value, share: f64) -> Value {
    match (from, to) {
        (Value::Int(from), Value::Int(to)) => Value::Int(between_ints(*from, *to, share)),
        (Value::Array(from), Value::Array(to)) if from.len() == to.len() => {
            let pairs = from.iter().zip(to);
            Value::Array(
                pairs
                    .map(|(from, to)| interpolate(from, to, share))
                    .collect(),
            )
        }
        _ => match (from.as_f64(), to.as_f64()) {
            (Some(from), Some(to)) => Value::Float(from + (to - from) * share),
            _ if share < 0.5 => from.clone(),
            _ => to.clone(),
        },
    }
}

/// Truncated toward zero; exact at both ends, also beyond 2^53.
fn between_ints(from: i64, to: i64, share: f64) -> i64 {
    if share == 0.0 {
        from
    } else if share == 1.0 {
        to
    } else {
        let (from, to) = (from as f64, to as f64);
        (from + (to - from) * share) as i64
    }
}
