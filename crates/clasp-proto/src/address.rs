//! Address: a validated path; segments without allocation.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::error::AddressError;
use crate::limits::{ADDRESS_BYTES_MAX, SEGMENTS_MAX};

/// A path such as `/lights/1/brightness`, valid by construction; cheap to clone. Compared byte by
/// byte (protocol/router.md 3.3).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(Arc<str>);

impl Address {
    /// The address in this text, if it is one.
    ///
    /// ```
    /// use clasp_proto::Address;
    /// let address = Address::parse("/lights/1").expect("well formed");
    /// assert_eq!(address.segments().collect::<Vec<_>>(), ["lights", "1"]);
    /// assert!(Address::parse("lights").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    /// Whether this text is an address, without allocating one (protocol/router.md 3.1, 3.2).
    pub fn check(text: &str) -> Result<(), AddressError> {
        check_path(text)?;
        if let Some(position) = text.find('*') {
            return Err(AddressError::Wildcard { position });
        }
        if text.ends_with('/') {
            let position = text.len();
            return Err(AddressError::EmptySegment { position });
        }
        Ok(())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments between the slashes; at least one, none empty.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0[1..].split('/')
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Address {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<Address> for Arc<str> {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

/// The rules that addresses and patterns share: one pass over the bytes, and a second one over
/// the characters only when some are not ASCII. A trailing slash passes.
pub(crate) fn check_path(text: &str) -> Result<(), AddressError> {
    let bytes = text.as_bytes();
    match text.chars().next() {
        None => return Err(AddressError::Empty),
        Some('/') => {}
        Some(found) => return Err(AddressError::NoLeadingSlash { found }),
    }
    if bytes.len() > ADDRESS_BYTES_MAX {
        return Err(AddressError::TooLong { found: bytes.len() });
    }
    let (mut segments, mut previous) = (0, b' ');
    for (position, &byte) in bytes.iter().enumerate() {
        if byte == b'/' {
            if previous == b'/' {
                return Err(AddressError::EmptySegment { position });
            }
            segments += 1;
        } else if !(b' '..0x7F).contains(&byte) {
            return check_characters(text).and_then(|()| check_rest(bytes));
        }
        previous = byte;
    }
    check_count(segments)
}

fn check_characters(text: &str) -> Result<(), AddressError> {
    match text.char_indices().find(|(_, found)| is_forbidden(*found)) {
        Some((position, found)) => Err(AddressError::Control { found, position }),
        None => Ok(()),
    }
}

fn check_rest(bytes: &[u8]) -> Result<(), AddressError> {
    if let Some(before) = bytes.windows(2).position(|pair| pair == b"//") {
        let position = before + 1;
        return Err(AddressError::EmptySegment { position });
    }
    check_count(bytes.iter().filter(|byte| **byte == b'/').count())
}

fn check_count(segments: usize) -> Result<(), AddressError> {
    if segments > SEGMENTS_MAX {
        return Err(AddressError::TooManySegments { found: segments });
    }
    Ok(())
}

/// Control characters, and the marks that change the direction of text: they make two different
/// addresses look the same to an operator.
fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_addresses() {
        for text in ["/a", "/a/b", "/\u{e9}/\u{1f600}", "/a b", "/a?[x]{y,z}!"] {
            let address = Address::parse(text).expect(text);
            assert_eq!(address.as_str(), text);
        }
        assert!(Address::parse(&"/a".repeat(SEGMENTS_MAX)).is_ok());
        assert!(Address::parse(&format!("/{}", "a".repeat(ADDRESS_BYTES_MAX - 1))).is_ok());
    }

    // protocol/router.md 3.1, 3.2, protocol/limits.md 2.1
    #[test]
    fn t_sec_05_and_06_ill_formed_addresses() {
        let long = format!("/{}", "a".repeat(ADDRESS_BYTES_MAX));
        let deep = "/a".repeat(SEGMENTS_MAX + 1);
        let deep_wide = "/\u{e9}".repeat(SEGMENTS_MAX + 1);
        let slashes = "/".repeat(65_535);
        let huge_segment = format!("/{}", "a".repeat(65_534));
        for (text, expected) in [
            ("", AddressError::Empty),
            ("a/b", AddressError::NoLeadingSlash { found: 'a' }),
            ("\u{e9}", AddressError::NoLeadingSlash { found: '\u{e9}' }),
            ("//", AddressError::EmptySegment { position: 1 }),
            ("/", AddressError::EmptySegment { position: 1 }),
            ("/a/", AddressError::EmptySegment { position: 3 }),
            ("/a//b", AddressError::EmptySegment { position: 3 }),
            ("/\u{e9}//b", AddressError::EmptySegment { position: 4 }),
            ("/a/*", AddressError::Wildcard { position: 3 }),
            (
                "/a\0",
                AddressError::Control {
                    found: '\0',
                    position: 2,
                },
            ),
            (
                "/a\n",
                AddressError::Control {
                    found: '\n',
                    position: 2,
                },
            ),
            (
                "/a\u{7f}",
                AddressError::Control {
                    found: '\u{7f}',
                    position: 2,
                },
            ),
            (
                "/a\u{85}",
                AddressError::Control {
                    found: '\u{85}',
                    position: 2,
                },
            ),
            (
                "/\u{200f}a",
                AddressError::Control {
                    found: '\u{200f}',
                    position: 1,
                },
            ),
            (
                "/\u{202e}a",
                AddressError::Control {
                    found: '\u{202e}',
                    position: 1,
                },
            ),
            (
                &long,
                AddressError::TooLong {
                    found: ADDRESS_BYTES_MAX + 1,
                },
            ),
            (
                &deep,
                AddressError::TooManySegments {
                    found: SEGMENTS_MAX + 1,
                },
            ),
            (
                &deep_wide,
                AddressError::TooManySegments {
                    found: SEGMENTS_MAX + 1,
                },
            ),
            (&slashes, AddressError::TooLong { found: 65_535 }),
            (&huge_segment, AddressError::TooLong { found: 65_535 }),
        ] {
            assert_eq!(Address::check(text), Err(expected), "{text:?}");
            assert_eq!(expected.code(), crate::Code::InvalidAddress);
        }
    }
}
