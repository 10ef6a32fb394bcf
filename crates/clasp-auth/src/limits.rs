//! Every bound of tokens, keys and passwords, each with its reason.

/// KiB of memory that a stored password may ask for: far above what is pinned today, and no
/// row of a database can take the memory of the server.
pub(crate) const ARGON2_MEMORY_KIB_MAX: u32 = 128 * 1024;

/// Passes that a stored password may ask for; with the memory above, some seconds.
pub(crate) const ARGON2_PASSES_MAX: u32 = 16;

/// Lanes that a stored password may ask for; they are computed one after the other.
pub(crate) const ARGON2_LANES_MAX: u32 = 16;

/// Bytes of a stored password: the longest salt and output of the format, in base64, and its
/// parameters.
pub(crate) const PHC_BYTES_MAX: usize = 512;

/// Bytes of a token's text. It travels in HELLO and in HTTP heads, which both hold little more.
pub(crate) const TOKEN_BYTES_MAX: usize = 12 * 1024;

/// Links of a chain but the last. A router allows fewer; this bounds what is decoded before it is
/// asked.
pub const DEPTH_MAX: usize = 32;

/// Bytes of a parent's patterns times bytes of those patterns of its child that are others: with
/// patterns that are made to be slow, comparing them takes some milliseconds.
pub(crate) const COMPARED_BYTES_MAX: usize = 512 * 1024;

/// Bytes of one scope: the longest word, a colon and the longest pattern.
pub(crate) const SCOPE_BYTES_MAX: usize = 6 + clasp_proto::limits::ADDRESS_BYTES_MAX;

/// Bytes of a nonce: a UUID has 36.
pub(crate) const NONCE_BYTES_MAX: usize = 64;

/// Bytes of a member's name.
pub(crate) const MEMBER_BYTES_MAX: usize = 16;

/// Characters of a key or an id in base58, whose decoding takes the square of their number:
/// a DID has 56, an entity id 28.
pub(crate) const BASE58_BYTES_MAX: usize = 64;

/// Bytes of a key file; the longest form has 66 and a line end.
pub(crate) const KEY_FILE_BYTES_MAX: u64 = 4096;

/// Seconds that the clock of who minted an entity token may run ahead.
pub(crate) const ENTITY_CLOCK_AHEAD_S: u64 = 60;
