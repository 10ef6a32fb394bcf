//! The curves of protocol/router.md 8.10.

use super::{Easing, Keyframe};

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

impl Keyframe {
    /// How far the value is when this share of the time, 0 to 1, is over.
    pub(super) fn ease(&self, share: f64) -> f64 {
        match self.easing {
            Easing::Linear => share,
            Easing::EaseIn => share * share,
            Easing::EaseOut => 1.0 - (1.0 - share) * (1.0 - share),
            Easing::EaseInOut if share < 0.5 => 2.0 * share * share,
            Easing::EaseInOut => 1.0 - 2.0 * (1.0 - share) * (1.0 - share),
            Easing::Step if share < 1.0 => 0.0,
            Easing::Step => 1.0,
            Easing::CubicBezier => self.bezier.map_or(share, |points| bezier(points, share)),
        }
    }
}

/// The height of the curve where its width is `share`; Newton's method finds where that is. The
/// ends of the curve are (0, 0) and (1, 1).
fn bezier([x1, y1, x2, y2]: [f64; 4], share: f64) -> f64 {
    let mut along = share;
    for _ in 0..NEWTON_ROUNDS {
        let slope = slope(x1, x2, along);
        if slope.abs() < SLOPE_MIN {
            break;
        }
        along = (along - (curve(x1, x2, along) - share) / slope).clamp(0.0, 1.0);
    }
    curve(y1, y2, along)
}

/// One coordinate of the curve.
fn curve(first: f64, second: f64, along: f64) -> f64 {
    let rest = 1.0 - along;
    3.0 * rest * rest * along * first + 3.0 * rest * along * along * second + along * along * along
}

/// How fast that coordinate grows.
fn slope(first: f64, second: f64, along: f64) -> f64 {
    let rest = 1.0 - along;
    3.0 * rest * rest * first
        + 6.0 * rest * along * (second - first)
        + 3.0 * along * along * (1.0 - second)
}

const NEWTON_ROUNDS: usize = 8;
const SLOPE_MIN: f64 = 1e-6;
