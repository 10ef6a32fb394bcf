//! The text form of signed tokens, and a reader of MessagePack that allocates nothing it was not
//! shown.

use data_encoding::BASE64URL_NOPAD;
use rmp::Marker;
use rmp::decode::{self, RmpReadErr, ValueReadError};

use crate::limits::{DEPTH_MAX, TOKEN_BYTES_MAX};
use crate::token::TokenKind;

/// A text that is not a token of its kind: who made it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Not the prefix of the kind.
    #[error("expected a token that begins with {expected}")]
    Prefix {
        /// The prefix.
        expected: &'static str,
    },
    /// Longer than any token.
    #[error("expected at most {TOKEN_BYTES_MAX} characters, found {found}")]
    TooLong {
        /// Characters found.
        found: usize,
    },
    /// Not base64url without padding, or bits behind its end.
    #[error("expected base64url without padding after the prefix; is the token cut short?")]
    Base64,
    /// The bytes end inside of a value.
    #[error("the token ends too early; is it cut short?")]
    Truncated,
    /// Bytes behind the end.
    #[error("expected the end of the token, found {found} more bytes")]
    Trailing {
        /// Bytes found.
        found: usize,
    },
    /// A value of another type, or too many or too few of them.
    #[error("expected {expected}")]
    Unexpected {
        /// What was expected.
        expected: &'static str,
    },
    /// A text that is not UTF-8, or has characters that a terminal acts upon.
    #[error("expected text in {member}, found bytes that are none or control characters")]
    Text {
        /// Where.
        member: &'static str,
    },
    /// More entries, or a longer text, than a token has.
    #[error("expected at most {max} in {member}, found {found}")]
    TooMany {
        /// Where.
        member: &'static str,
        /// Number found.
        found: usize,
        /// Number allowed.
        max: usize,
    },
    /// A member that a token does not have, which its signature would not cover.
    #[error("a token has a member that is not known")]
    UnknownMember,
    /// A member twice.
    #[error("a token has {member} twice")]
    DuplicateMember {
        /// Which.
        member: &'static str,
    },
    /// A member is not there.
    #[error("a token has no {member}")]
    Missing {
        /// Which.
        member: &'static str,
    },
    /// A version that is not known in this place.
    #[error("expected version {expected}, found {found}")]
    Version {
        /// What is known.
        expected: &'static str,
        /// The version found.
        found: u64,
    },
    /// A scope of another form.
    #[error("expected scopes read:, write: or admin: and a pattern, found {scope:?}")]
    Scope {
        /// The scope.
        scope: String,
    },
    /// A chain that nobody would verify.
    #[error("expected at most {DEPTH_MAX} proofs, found {found}")]
    Proofs {
        /// Proofs found.
        found: usize,
    },
}

/// The bytes of a token's text.
pub(crate) fn bytes_of(kind: TokenKind, text: &str) -> Result<Vec<u8>, EncodingError> {
    let expected = kind.prefix();
    let encoded = text.strip_prefix(expected);
    let encoded = encoded.ok_or(EncodingError::Prefix { expected })?;
    if text.len() > TOKEN_BYTES_MAX {
        let found = text.len();
        return Err(EncodingError::TooLong { found });
    }
    let decoded = BASE64URL_NOPAD.decode(encoded.as_bytes());
    decoded.map_err(|_| EncodingError::Base64)
}

/// The text of a token with these bytes.
pub(crate) fn text_of(kind: TokenKind, bytes: &[u8]) -> String {
    format!("{}{}", kind.prefix(), BASE64URL_NOPAD.encode(bytes))
}

/// Reads values from the front of a token's bytes.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// That nothing is left.
    pub(crate) fn end(&self) -> Result<(), EncodingError> {
        match self.rest.len() {
            0 => Ok(()),
            found => Err(EncodingError::Trailing { found }),
        }
    }

    /// The number of entries of a map.
    pub(crate) fn map(&mut self, expected: &'static str) -> Result<usize, EncodingError> {
        let count = decode::read_map_len(&mut self.rest);
        Ok(count.map_err(|error| unexpected(expected, &error))? as usize)
    }

    /// The number of elements of an array.
    pub(crate) fn array(&mut self, expected: &'static str) -> Result<usize, EncodingError> {
        let count = decode::read_array_len(&mut self.rest);
        Ok(count.map_err(|error| unexpected(expected, &error))? as usize)
    }

    /// A number that is not negative, in any width.
    pub(crate) fn uint(&mut self, expected: &'static str) -> Result<u64, EncodingError> {
        let number = decode::read_int(&mut self.rest);
        number.map_err(|error| match error {
            decode::NumValueReadError::TypeMismatch(_) => EncodingError::Unexpected { expected },
            decode::NumValueReadError::OutOfRange => EncodingError::Unexpected { expected },
            decode::NumValueReadError::InvalidMarkerRead(_)
            | decode::NumValueReadError::InvalidDataRead(_) => EncodingError::Truncated,
        })
    }

    /// A text of at most `max` bytes that can be shown.
    pub(crate) fn text(
        &mut self,
        member: &'static str,
        max: usize,
    ) -> Result<&'a str, EncodingError> {
        let found = decode::read_str_len(&mut self.rest);
        let found = found.map_err(|error| unexpected(member, &error))? as usize;
        if found > max {
            return Err(EncodingError::TooMany { member, found, max });
        }
        let text = str::from_utf8(self.take(found)?).ok();
        let shown = text.filter(|text| !text.contains(char::is_control));
        shown.ok_or(EncodingError::Text { member })
    }

    /// As many bytes, from a byte string or an array of numbers: encoders do either.
    pub(crate) fn bytes<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], EncodingError> {
        let unexpected_type = EncodingError::Unexpected { expected };
        let marker = self.rest.first().ok_or(EncodingError::Truncated)?;
        match Marker::from_u8(*marker) {
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let count = decode::read_bin_len(&mut self.rest);
                let count = count.map_err(|error| unexpected(expected, &error))? as usize;
                if count != N {
                    return Err(unexpected_type);
                }
                let bytes = self.take(N)?;
                bytes.try_into().map_err(|_| unexpected_type)
            }
            _ => {
                if self.array(expected)? != N {
                    return Err(unexpected_type);
                }
                let mut bytes = [0; N];
                for byte in &mut bytes {
                    let number = self.uint(expected)?;
                    *byte = number.try_into().map_err(|_| unexpected_type.clone())?;
                }
                Ok(bytes)
            }
        }
    }

    /// Whether nil comes next, which is taken.
    pub(crate) fn nil(&mut self) -> bool {
        let is_nil = self.rest.first() == Some(&Marker::Null.to_u8());
        if is_nil {
            self.rest = &self.rest[1..];
        }
        is_nil
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], EncodingError> {
        let split = self.rest.split_at_checked(count);
        let (taken, rest) = split.ok_or(EncodingError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

fn unexpected<E: RmpReadErr>(expected: &'static str, error: &ValueReadError<E>) -> EncodingError {
    match error {
        ValueReadError::TypeMismatch(_) => EncodingError::Unexpected { expected },
        ValueReadError::InvalidMarkerRead(_) | ValueReadError::InvalidDataRead(_) => {
            EncodingError::Truncated
        }
    }
}
