//! Signal kinds, quality of service, gesture phase, time to live, masks and features.

use crate::limits::TTL_SECONDS_MAX;

/// What a published or announced value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// State: the last value counts.
    Param,
    /// A happening: every one counts.
    Event,
    /// Samples: loss is tolerable.
    Stream,
    /// A movement with start, moves and end.
    Gesture,
    /// Keyframes over time.
    Timeline,
}

impl Signal {
    /// Every signal kind, in the order of their codes.
    pub const ALL: [Self; 5] = [
        Self::Param,
        Self::Event,
        Self::Stream,
        Self::Gesture,
        Self::Timeline,
    ];

    /// The code on the wire (protocol/wire.md 6).
    pub const fn code(self) -> u8 {
        match self {
            Self::Param => 0,
            Self::Event => 1,
            Self::Stream => 2,
            Self::Gesture => 3,
            Self::Timeline => 4,
        }
    }

    /// The signal with this code; codes from 5 up read as event (protocol/wire.md 6.6).
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Param,
            2 => Self::Stream,
            3 => Self::Gesture,
            4 => Self::Timeline,
            _ => Self::Event,
        }
    }

    /// The word for it in MessagePack and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Param => "param",
            Self::Event => "event",
            Self::Stream => "stream",
            Self::Gesture => "gesture",
            Self::Timeline => "timeline",
        }
    }

    /// The signal with this word, in lower case only.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.word() == word)
    }

    /// The quality of service of a PUBLISH of this kind (protocol/wire.md 4.3).
    pub const fn qos(self) -> Qos {
        match self {
            Self::Param | Self::Event => Qos::Confirm,
            Self::Stream | Self::Gesture => Qos::Fire,
            Self::Timeline => Qos::Commit,
        }
    }
}

/// Where in a gesture a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Phase {
    /// The first message; also what "no phase" reads as in the compact encoding.
    #[default]
    Start,
    /// A message between start and end.
    Move,
    /// The last message.
    End,
    /// The gesture was given up.
    Cancel,
}

impl Phase {
    /// Every phase, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Start, Self::Move, Self::End, Self::Cancel];

    /// The code on the wire (protocol/wire.md 6).
    pub const fn code(self) -> u8 {
        match self {
            Self::Start => 0,
            Self::Move => 1,
            Self::End => 2,
            Self::Cancel => 3,
        }
    }

    /// The phase with this code; codes from 4 up read as start (protocol/wire.md 6.7).
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Move,
            2 => Self::End,
            3 => Self::Cancel,
            _ => Self::Start,
        }
    }

    /// The word for it in MessagePack and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Move => "move",
            Self::End => "end",
            Self::Cancel => "cancel",
        }
    }

    /// The phase with this word, in lower case only.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word() == word)
    }
}

/// What the sender of a frame expects (protocol/wire.md 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Qos {
    /// Nothing: no answer wanted.
    #[default]
    Fire,
    /// An answer.
    Confirm,
    /// An answer, and all or nothing.
    Commit,
}

impl Qos {
    /// The two bits of the frame flags.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fire => 0,
            Self::Confirm => 1,
            Self::Commit => 2,
        }
    }

    /// The quality of service with these two bits; 3 is reserved and reads as fire
    /// (protocol/wire.md 2.3).
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Confirm,
            2 => Self::Commit,
            _ => Self::Fire,
        }
    }
}

/// How long a parameter lives. Seconds are at most [`TTL_SECONDS_MAX`]; more are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// Until it is overwritten.
    Never,
    /// So many seconds after it was last used.
    Sliding(u32),
    /// So many seconds after the SET that carries this.
    Absolute(u32),
}

impl Ttl {
    /// The u32 on the wire. `Sliding(0)` is the same number as `Never` (protocol/wire.md 6.4).
    ///
    /// ```
    /// use clasp_proto::Ttl;
    /// assert_eq!(Ttl::Absolute(60).bits(), 0x8000_003C);
    /// assert_eq!(Ttl::from_bits(0), Ttl::Never);
    /// ```
    pub const fn bits(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Sliding(seconds) => seconds & TTL_SECONDS_MAX,
            Self::Absolute(seconds) => ABSOLUTE | (seconds & TTL_SECONDS_MAX),
        }
    }

    /// What the u32 on the wire means.
    pub const fn from_bits(bits: u32) -> Self {
        match bits {
            0 => Self::Never,
            bits if bits & ABSOLUTE != 0 => Self::Absolute(bits & TTL_SECONDS_MAX),
            bits => Self::Sliding(bits),
        }
    }
}

/// Which signal kinds a SUBSCRIBE or REPLAY asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeMask(u8);

impl TypeMask {
    /// Every kind, also those to come.
    pub const ALL: Self = Self(0xFF);

    /// The mask on the wire; no known bit at all means every kind (protocol/wire.md 6.12).
    pub const fn from_bits(bits: u8) -> Self {
        match bits {
            0xFF => Self::ALL,
            bits if bits & KNOWN_TYPES == 0 => Self::ALL,
            bits => Self(bits & KNOWN_TYPES),
        }
    }

    /// A mask of the listed kinds; an empty list means every kind.
    pub fn of(signals: &[Signal]) -> Self {
        Self::from_bits(signals.iter().fold(0, |bits, signal| bits | bit(*signal)))
    }

    /// The byte on the wire.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether this kind is asked for.
    pub const fn allows(self, signal: Signal) -> bool {
        self.0 & bit(signal) != 0
    }

    /// Every kind that either of the two asks for.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self::from_bits(self.0 | other.0)
    }

    /// The listed kinds; empty when it asks for every kind without naming them.
    pub fn signals(self) -> impl Iterator<Item = Signal> {
        let named = self != Self::ALL;
        Signal::ALL
            .into_iter()
            .filter(move |signal| named && self.allows(*signal))
    }
}

impl Default for TypeMask {
    fn default() -> Self {
        Self::ALL
    }
}

/// What a peer says it can do (protocol/wire.md 6.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(u8);

impl Features {
    /// Nothing named.
    pub const NONE: Self = Self(0);
    /// Parameters.
    pub const PARAM: Self = Self(0x80);
    /// Events.
    pub const EVENT: Self = Self(0x40);
    /// Streams.
    pub const STREAM: Self = Self(0x20);
    /// Gestures.
    pub const GESTURE: Self = Self(0x10);
    /// Timelines.
    pub const TIMELINE: Self = Self(0x08);
    /// The peer is another router; in HELLO only.
    pub const FEDERATION: Self = Self(0x04);
    /// The five signal kinds: what a router says in WELCOME.
    pub const SIGNALS: Self = Self(0xF8);

    /// The byte on the wire; unknown bits are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & KNOWN_FEATURES)
    }

    /// The byte on the wire.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// These and those.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Only what both have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of `other` is named.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The words for it, in the order of the bits.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        FEATURE_WORDS
            .into_iter()
            .filter(move |(feature, _)| self.contains(*feature))
            .map(|(_, word)| word)
    }

    /// The feature with this word; other words name nothing.
    pub fn from_word(word: &str) -> Self {
        FEATURE_WORDS
            .into_iter()
            .find(|(_, known)| *known == word)
            .map_or(Self::NONE, |(feature, _)| feature)
    }
}

const fn bit(signal: Signal) -> u8 {
    1 << signal.code()
}

const ABSOLUTE: u32 = 0x8000_0000;
const KNOWN_TYPES: u8 = 0x1F;
const KNOWN_FEATURES: u8 = 0xFC;
const FEATURE_WORDS: [(Features, &str); 6] = [
    (Features::PARAM, "param"),
    (Features::EVENT, "event"),
    (Features::STREAM, "stream"),
    (Features::GESTURE, "gesture"),
    (Features::TIMELINE, "timeline"),
    (Features::FEDERATION, "federation"),
];

#[cfg(test)]
mod tests {
    use super::*;

    // protocol/wire.md 6.12
    #[test]
    fn masks_without_known_bits_ask_for_everything() {
        for bits in [0x00, 0xE0, 0xFF] {
            let mask = TypeMask::from_bits(bits);
            assert!(Signal::ALL.into_iter().all(|signal| mask.allows(signal)));
            assert_eq!(mask.signals().count(), 0);
        }
        assert_eq!(TypeMask::of(&Signal::ALL).bits(), 0x1F);
        assert!(!TypeMask::of(&[Signal::Stream]).allows(Signal::Param));
    }

    // protocol/wire.md 6.4
    #[test]
    fn t_sec_10_ttl_at_its_edges() {
        for (ttl, bits) in [
            (Ttl::Never, 0),
            (Ttl::Sliding(1), 1),
            (Ttl::Sliding(TTL_SECONDS_MAX), 0x7FFF_FFFF),
            (Ttl::Absolute(0), 0x8000_0000),
            (Ttl::Absolute(TTL_SECONDS_MAX), 0xFFFF_FFFF),
        ] {
            assert_eq!(ttl.bits(), bits);
            assert_eq!(Ttl::from_bits(bits), ttl);
        }
        assert_eq!(Ttl::Sliding(u32::MAX).bits(), TTL_SECONDS_MAX);
    }
}
