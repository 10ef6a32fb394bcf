//! Keyframes and easing: a value that moves over time.

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

/// The shape of a transition (protocol/router.md 8).
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
