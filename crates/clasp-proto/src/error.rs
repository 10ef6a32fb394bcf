//! What can be wrong with bytes, addresses and patterns, by who is at fault.

use crate::code::Code;
use crate::limits;

/// The bytes before a payload are not a CLASP frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The first byte is not the magic byte.
    #[error("a frame starts with byte 0x53, found 0x{found:02x}; is the peer speaking CLASP?")]
    Magic {
        /// The byte found.
        found: u8,
    },
    /// The message ends before its frame does.
    #[error("the frame needs {needed} bytes, found {found}; send one whole frame per message")]
    Truncated {
        /// Bytes that the header asks for.
        needed: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The payload has no byte.
    #[error("a frame carries at least the message type, found an empty payload")]
    Empty,
}

impl FrameError {
    /// The wire error that answers it.
    pub const fn code(self) -> Code {
        Code::InvalidFrame
    }
}

/// A payload that is not a message of this protocol: the sender is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The payload ends inside a field.
    #[error("a field needs {needed} bytes, found {found}; the message is cut short")]
    Truncated {
        /// Bytes of the field.
        needed: usize,
        /// Bytes that are left.
        found: usize,
    },
    /// The message type is not one of the table (protocol/wire.md 4.1).
    #[error("expected a known message type, found 0x{0:02x}")]
    UnknownMessage(u8),
    /// The value type is not one of the table (protocol/wire.md 5.5).
    #[error("expected a value type of 0x00 to 0x0b, found 0x{0:02x}")]
    UnknownValue(u8),
    /// The federation operation is not 1 to 4.
    #[error("expected a federation operation of 1 to 4, found {0}")]
    UnknownFederationOp(u8),
    /// A string is not UTF-8.
    #[error("expected UTF-8 text, found an invalid byte at {position} of the string")]
    Utf8 {
        /// Offset of the first bad byte in the string.
        position: usize,
    },
    /// Arrays and maps stand too deep inside each other.
    #[error("a value nests at most {max} containers; send it flatter", max = limits::NESTING_MAX)]
    TooDeep,
    /// Bundles stand too deep inside each other.
    #[error("bundles nest at most {max} deep; send it flatter", max = limits::BUNDLE_NESTING_MAX)]
    BundleTooDeep,
    /// A bundle has too many members.
    #[error(
        "a bundle has at most {max} members, found {found}; split it",
        max = limits::BUNDLE_MEMBERS_MAX
    )]
    TooManyMembers {
        /// Members that the bundle announces.
        found: usize,
    },
    /// A MessagePack message lacks a key.
    #[error("the message needs the key {0:?}")]
    MissingKey(&'static str),
    /// A MessagePack message has a key twice.
    #[error("the message has the key {0:?} twice; send it once")]
    DuplicateKey(&'static str),
    /// A MessagePack field has a value of the wrong kind or range.
    #[error("expected {expected}, found MessagePack byte 0x{found:02x}")]
    Unexpected {
        /// What the field takes.
        expected: &'static str,
        /// The MessagePack type byte found.
        found: u8,
    },
    /// A MessagePack field has a word that is not one of its words.
    #[error("expected {expected}, found another word; words are case sensitive")]
    UnknownWord {
        /// What the field takes.
        expected: &'static str,
    },
}

impl DecodeError {
    /// The wire error that answers it.
    pub const fn code(self) -> Code {
        Code::InvalidMessage
    }
}

/// A message that does not fit the encoding: the local program is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The payload does not fit a frame.
    #[error(
        "a payload has at most {max} bytes, found {found}; split the message",
        max = limits::FRAME_PAYLOAD_MAX
    )]
    PayloadTooLarge {
        /// Bytes of the payload.
        found: usize,
    },
    /// A string or byte string is too long for its length field.
    #[error(
        "a string has at most {max} bytes, found {found}",
        max = limits::STRING_BYTES_MAX
    )]
    StringTooLong {
        /// Bytes of the string.
        found: usize,
    },
    /// A list, array or map is too long for its count field.
    #[error("a list has at most {max} entries, found {found}", max = limits::COUNT_MAX)]
    TooManyEntries {
        /// Entries of the list.
        found: usize,
    },
    /// Arrays and maps stand too deep inside each other.
    #[error("a value nests at most {max} containers", max = limits::NESTING_MAX)]
    TooDeep,
    /// Bundles stand too deep inside each other.
    #[error("bundles nest at most {max} deep", max = limits::BUNDLE_NESTING_MAX)]
    BundleTooDeep,
    /// A bundle has too many members.
    #[error("a bundle has at most {max} members, found {found}", max = limits::BUNDLE_MEMBERS_MAX)]
    TooManyMembers {
        /// Members of the bundle.
        found: usize,
    },
}

/// Text that is not an address (protocol/router.md 3.1, 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is empty.
    #[error("expected an address such as /lights/1, found nothing")]
    Empty,
    /// The first character is not a slash.
    #[error("an address starts with '/', found {found:?} first")]
    NoLeadingSlash {
        /// The first character.
        found: char,
    },
    /// Two slashes stand together, or a slash stands at the end.
    #[error("an address has no empty segment, found one at byte {position}")]
    EmptySegment {
        /// Where the empty segment is.
        position: usize,
    },
    /// A `*` stands where only patterns may have one.
    #[error("an address has no '*', found one at byte {position}; name one address")]
    Wildcard {
        /// Where the `*` is.
        position: usize,
    },
    /// The text is too long.
    #[error("an address has at most {max} bytes, found {found}", max = limits::ADDRESS_BYTES_MAX)]
    TooLong {
        /// Bytes of the text.
        found: usize,
    },
    /// There are too many segments.
    #[error("an address has at most {max} segments, found {found}", max = limits::SEGMENTS_MAX)]
    TooManySegments {
        /// Segments of the text.
        found: usize,
    },
    /// A control or text direction character stands in the text.
    #[error("an address has no control characters, found {found:?} at byte {position}")]
    Control {
        /// The character.
        found: char,
        /// Where it is.
        position: usize,
    },
}

impl AddressError {
    /// The wire error that answers it.
    pub const fn code(self) -> Code {
        Code::InvalidAddress
    }
}

/// Text that is not a pattern (protocol/router.md 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text breaks a rule that patterns share with addresses.
    #[error("invalid pattern: {0}")]
    Text(#[from] AddressError),
    /// There are too many `**`.
    #[error("invalid pattern: a pattern has at most {max} '**', found {found}", max = limits::GLOBSTARS_MAX)]
    TooManyGlobstars {
        /// `**` segments in the text.
        found: usize,
    },
}

impl PatternError {
    /// The wire error that answers it.
    pub const fn code(self) -> Code {
        Code::InvalidPattern
    }
}

/// Text that is not a scope (protocol/router.md 17.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// There is no colon between action and pattern.
    #[error("a scope is action:pattern, such as read:/lights/**, found no ':'")]
    NoColon,
    /// The action is not known.
    #[error("the action of a scope is read, write, admin or emit, found another word")]
    UnknownAction,
    /// The pattern is not one.
    #[error("{0}")]
    Pattern(#[from] PatternError),
    /// There are too many scopes.
    #[error("a principal has at most {max} scopes, found {found}", max = limits::SCOPES_MAX)]
    TooMany {
        /// Scopes in the list.
        found: usize,
    },
}

/// A value that is not a timeline (protocol/wire.md 6.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimelineError {
    /// The value, or a keyframe in it, is not a map.
    #[error("{0} is a map, found another value")]
    NotMap(&'static str),
    /// A key is missing.
    #[error("a timeline needs the key {0:?}")]
    MissingKey(&'static str),
    /// A key has a value of the wrong kind.
    #[error("the key {key:?} of a timeline is {expected}, found another value")]
    Unexpected {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
}

impl TimelineError {
    /// The wire error that answers it.
    pub const fn code(self) -> Code {
        Code::InvalidValue
    }
}
