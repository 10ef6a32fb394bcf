//! The text of a snapshot file, as far as writing and reading share it (docs/persistence.md).

use clasp_proto::Ttl;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A time to live in a file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Lifetime {
    Never,
    Sliding(u32),
    Absolute(u32),
}

impl From<Ttl> for Lifetime {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Never => Self::Never,
            Ttl::Sliding(seconds) => Self::Sliding(seconds),
            Ttl::Absolute(seconds) => Self::Absolute(seconds),
        }
    }
}

impl From<Lifetime> for Ttl {
    fn from(lifetime: Lifetime) -> Self {
        match lifetime {
            Lifetime::Never => Self::Never,
            Lifetime::Sliding(seconds) => Self::Sliding(seconds),
            Lifetime::Absolute(seconds) => Self::Absolute(seconds),
        }
    }
}

/// What stands behind the content: nothing may follow, so that every bit of the file is checked.
pub(super) fn seal(content: Sha256) -> String {
    let digest = HEXLOWER.encode(&content.finalize());
    format!("{SEAL_START}{digest}{SEAL_END}")
}

/// Bytes of a seal.
pub(super) const SEAL_BYTES: usize = SEAL_START.len() + DIGEST_DIGITS + SEAL_END.len();

/// How a file of ours begins; the number of its format follows.
pub(super) const HEAD: &str = "{\"clasp_snapshot\":";

/// The format that is written.
pub(super) const VERSION: u64 = 1;

const SEAL_START: &str = ",\"checksum\":\"sha256:";
const SEAL_END: &str = "\"}\n";
const DIGEST_DIGITS: usize = 64;
