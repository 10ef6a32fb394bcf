//! T-SEC-08: many small fields.

use std::time::Duration;

use clasp_proto::{Code, DecodeError, Message, Value, decode, view};

use crate::measure::assert_takes_at_most;

const LIMIT: Duration = Duration::from_millis(5);

fn set_map(entry: impl Fn(u16) -> Vec<u8>, count: u16) -> Vec<u8> {
    let start = [b"\x21\x0B\x00\x02/a", &count.to_be_bytes()[..]].concat();
    (0..count).fold(start, |payload, index| [payload, entry(index)].concat())
}

fn entries(payload: &[u8]) -> usize {
    match decode(payload) {
        Ok(Message::Set(set)) => set.value.as_map().expect("a map").len(),
        found => panic!("expected a SET, found {found:?}"),
    }
}

#[test]
fn t_sec_08_as_many_map_entries_as_fit() {
    let count = 13_000;
    let payload = set_map(
        |index| {
            [
                b"\x00\x02",
                &index.to_be_bytes().map(|it| it & 0x7F)[..],
                b"\x00",
            ]
            .concat()
        },
        count,
    );
    assert!(payload.len() > 65_000);
    assert!(entries(&payload) > 6_000);
    assert_takes_at_most(LIMIT, || drop(decode(&payload)));
    assert_takes_at_most(LIMIT, || drop(view(&payload)));
}

/// Of entries with one key the last counts (protocol/wire.md 5).
#[test]
fn t_sec_08_one_key_again_and_again() {
    let payload = set_map(|_| b"\x00\x00\x00".to_vec(), 21_000);
    assert_eq!(entries(&payload), 1);
    assert_takes_at_most(LIMIT, || drop(decode(&payload)));
    let last = set_map(
        |index| [b"\x00\x01k\x02", &index.to_be_bytes()[1..]].concat(),
        100,
    );
    let Ok(Message::Set(set)) = decode(&last) else {
        panic!("expected a SET");
    };
    assert_eq!(set.value, Value::from([("k", Value::Int(99))]));
}

#[test]
fn t_sec_08_the_largest_count_of_map_entries() {
    let payload = [b"\x21\x0B\x00\x02/a\xFF\xFF", &[0; 65_000][..]].concat();
    assert!(matches!(
        decode(&payload),
        Err(DecodeError::Truncated { .. })
    ));
    assert_takes_at_most(LIMIT, || drop(decode(&payload)));
}

// protocol/limits.md 1.2
#[test]
fn t_sec_08_too_many_members() {
    let member = b"\x00\x01\x41";
    for (count, expected) in [
        (1_024_u16, Ok(())),
        (1_025, Err(DecodeError::TooManyMembers { found: 1_025 })),
        (65_535, Err(DecodeError::TooManyMembers { found: 65_535 })),
    ] {
        let start = [b"\x30\x00", &count.to_be_bytes()[..]].concat();
        let payload = [start, member.repeat(count.min(21_000).into())].concat();
        assert_eq!(decode(&payload).map(drop), expected);
        assert_takes_at_most(LIMIT, || drop(decode(&payload)));
        let start = [
            b"\x82\xA4type\xA6BUNDLE\xA8messages\xDC",
            &count.to_be_bytes()[..],
        ]
        .concat();
        let payload = [start, b"\x81\xA4type\xA4PING".repeat(count.into())].concat();
        assert_eq!(decode(&payload).map(drop), expected);
    }
}

/// The worst that MessagePack can do: bundles in bundles, each level of which is searched for its
/// type and then for its members.
#[test]
fn t_sec_08_many_items_below_many_levels() {
    let filler = [b"\xDC\xFE\x00".as_slice(), &[0xC0; 0xFE00]].concat();
    let innermost = [
        b"\x83\xA4type\xA3SET\xA7address\xA2/a\xA5value",
        &filler[..],
    ]
    .concat();
    let payload = (0..8).fold(innermost, |inner, _| {
        [b"\x82\xA4type\xA6BUNDLE\xA8messages\x91", &inner[..]].concat()
    });
    assert!(decode(&payload).is_ok());
    assert_takes_at_most(4 * LIMIT, || drop(decode(&payload)));
}

#[test]
fn a_refused_message_is_answered_with_101() {
    let error = decode(&[0x30, 0x00, 0xFF, 0xFF]).expect_err("too many members");
    assert_eq!(error.code(), Code::InvalidMessage);
}
