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
