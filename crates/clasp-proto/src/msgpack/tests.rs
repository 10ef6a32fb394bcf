//! The tolerances of v0 (protocol/wire.md 8.1, 8.2, 8.3, 8.7) that the golden vectors do not show.

use super::*;
use crate::error::DecodeError;
use crate::message::Message;

// protocol/wire.md 3.1
#[test]
fn the_first_byte_tells_a_map() {
    for first in 0..=u8::MAX {
        let expected = (0x80..=0x8F).contains(&first) || (0xDE..=0xDF).contains(&first);
        assert_eq!(is_msgpack(first), expected);
    }
}

#[test]
fn errors_say_what_is_wrong() {
    for (payload, expected) in [
        (&b"\x80"[..], DecodeError::MissingKey("type")),
        (b"\x81\xA4type\xA3GET", DecodeError::MissingKey("address")),
        (
            b"\x83\xA4type\xA3GET\xA7address\xA1a\xA7address\xA1b",
            DecodeError::DuplicateKey("address"),
        ),
        (
            b"\x82\xA4type\xA3GET\xA7address\x05",
            DecodeError::Unexpected {
                expected: "text",
                found: 5,
            },
        ),
        (
            b"\x81\x01\x02",
            DecodeError::Unexpected {
                expected: "a text key",
                found: 1,
            },
        ),
        (
            b"\x82\xA4type\xA3GET\xA7address\xDB\xFF\xFF\xFF\xFF",
            DecodeError::Truncated {
                needed: 0xFFFF_FFFF,
                found: 0,
            },
        ),
    ] {
        assert_eq!(decode(payload), Err(expected));
    }
}

#[test]
fn unknown_keys_and_trailing_bytes_are_ignored() {
    let payload = b"\x83\xA1x\x92\x01\x81\xA1y\xC0\xA4type\xA4PING\xA1z\xC4\x01\xFFrest";
    assert_eq!(decode(payload), Ok(Message::Ping));
}
