//! Every bound of the protocol, each with its reason.

/// Bytes of the largest frame payload: the length field is a u16 (protocol/wire.md 2).
pub const FRAME_PAYLOAD_MAX: usize = 65_535;

/// Bytes of the shortest frame header: magic, flags, length (protocol/wire.md 2).
pub const FRAME_HEADER_MIN: usize = 4;

/// Bytes of the longest frame header: the shortest and a timestamp (protocol/wire.md 2).
pub const FRAME_HEADER_MAX: usize = 12;

/// Bytes of the largest frame, header included.
pub const FRAME_MAX: usize = FRAME_HEADER_MAX + FRAME_PAYLOAD_MAX;

/// Arrays and maps that may stand inside each other in one value, the outermost counted.
/// Deeper values cannot be read by one published client and cost stack in every decoder
/// (protocol/wire.md 5.7, protocol/limits.md 1.1).
pub const NESTING_MAX: usize = 64;

/// Bundles that may stand inside each other, the outermost counted (protocol/wire.md 5.8).
pub const BUNDLE_NESTING_MAX: usize = 8;

/// Members of one bundle: what one client may ask to be applied at one instant
/// (protocol/limits.md 1.2).
pub const BUNDLE_MEMBERS_MAX: usize = 1024;

/// Bytes of an address or a pattern: far above what applications use, and small enough that
/// a stored address is never the larger part of a session's cost (protocol/router.md 3.2).
pub const ADDRESS_BYTES_MAX: usize = 1024;

/// Segments of an address or a pattern; also keeps the positions of a pattern in one u128.
pub const SEGMENTS_MAX: usize = 64;

/// `**` in one pattern; bounds matching and subset tests (protocol/router.md 4.6).
pub const GLOBSTARS_MAX: usize = 8;

/// Entries of any array, map or list in the compact encoding: the count is a u16.
pub const COUNT_MAX: usize = 65_535;

/// Bytes of any string or byte string in the compact encoding: the length is a u16.
pub const STRING_BYTES_MAX: usize = 65_535;

/// Bytes of memory that a count may reserve for each byte that is there; entries that really come
/// take what they take (protocol/limits.md 1.3).
pub const RESERVE_FACTOR_MAX: usize = 2;

/// Fewest bytes of a tagged value: its type code. Caps what a count may reserve.
pub const ELEMENT_BYTES_MIN: usize = 1;

/// Fewest bytes of a map entry: an empty key and a null.
pub const ENTRY_BYTES_MIN: usize = 3;

/// Fewest bytes of a bundle member: its length and a message type.
pub const MEMBER_BYTES_MIN: usize = 3;

/// Fewest bytes of a snapshot parameter: empty address, null, revision, option byte.
pub const PARAM_BYTES_MIN: usize = 12;

/// Bytes of one stream sample.
pub const SAMPLE_BYTES: usize = 8;

/// Fewest bytes of a signal definition: empty address, signal code, option byte.
pub const SIGNAL_BYTES_MIN: usize = 4;

/// Fewest bytes of an entry of a revision vector: empty address, revision.
pub const REVISION_BYTES_MIN: usize = 10;

/// Largest TTL in seconds: the top bit of the field says absolute (protocol/wire.md 6.4).
pub const TTL_SECONDS_MAX: u32 = 0x7FFF_FFFF;

/// Scopes of one principal; a token that names more is refused rather than searched.
pub const SCOPES_MAX: usize = 256;
