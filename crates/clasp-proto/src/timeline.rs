//! Keyframes and easing: a value that moves over time.

use std::collections::BTreeMap;

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
    /// The control points `[x1, y1, x2, y2]` of a cubic Bezier easing.
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
    /// The timeline as a map, as it travels in a PUBLISH (protocol/wire.md 6.11): `keyframes`
    /// (each with `time`, `value`, `easing` and perhaps `bezier`), `loop`, and `start_time` and
    /// `duration` where they are present.
    pub fn to_value(&self) -> Value {
        let keyframes = self.keyframes.iter().map(Keyframe::to_value).collect();
        let mut entries = BTreeMap::from([
            ("keyframes".to_owned(), Value::Array(keyframes)),
            ("loop".to_owned(), Value::Bool(self.looping)),
        ]);
        for (name, time) in [("start_time", self.start_time), ("duration", self.duration)] {
            entries.extend(time.map(|time| (name.to_owned(), micros(time))));
        }
        Value::Map(entries)
    }
}

impl Keyframe {
    fn to_value(&self) -> Value {
        let mut entries = BTreeMap::from([
            ("time".to_owned(), micros(self.time)),
            ("value".to_owned(), self.value.clone()),
            ("easing".to_owned(), self.easing.word().into()),
        ]);
        entries.extend(self.bezier.map(|points| {
            let points = points.map(Value::Float).to_vec();
            ("bezier".to_owned(), Value::Array(points))
        }));
        Value::Map(entries)
    }
}

impl Easing {
    /// Every easing.
    pub const ALL: [Self; 6] = [
        Self::Linear,
        Self::EaseIn,
        Self::EaseOut,
        Self::EaseInOut,
        Self::Step,
        Self::CubicBezier,
    ];

    /// The word for it in MessagePack and in maps.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::EaseIn => "ease-in",
            Self::EaseOut => "ease-out",
            Self::EaseInOut => "ease-in-out",
            Self::Step => "step",
            Self::CubicBezier => "cubic-bezier",
        }
    }

    /// The easing with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|easing| easing.word() == word)
    }
}

/// Times beyond the range of an int are 292 thousand years away: the end of it will do.
fn micros(time: u64) -> Value {
    Value::Int(i64::try_from(time).unwrap_or(i64::MAX))
}
