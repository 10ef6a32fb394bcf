//! T-SEC-09: depth. Each test runs on a thread with little stack, so that a decoder that recurses
//! without end does not get away with it.

use std::thread;

use clasp_proto::limits::{BUNDLE_NESTING_MAX, FRAME_PAYLOAD_MAX, NESTING_MAX};
use clasp_proto::{
    Announce, Bundle, DecodeError, EncodeError, Message, Set, Value, binary, decode, encode_value,
    msgpack, view,
};

// protocol/wire.md 5.7, protocol/limits.md 1.1
#[test]
fn t_sec_09_values_in_v1() {
    let nested = |start: &[u8], deeper: &[u8], depth| {
        [start, &deeper.repeat(depth - 1), b"\x00\x00"].concat()
    };
    check(move |depth| nested(b"\x21\x0A\x00\x02/a", b"\x00\x01\x0A", depth));
    check(move |depth| nested(b"\x21\x0B\x00\x02/a", b"\x00\x01\x00\x00\x0B", depth));
}

// protocol/wire.md 8.8, protocol/limits.md 1.1
#[test]
fn t_sec_09_values_in_v0() {
    let start = b"\x83\xA4type\xA3SET\xA7address\xA2/a\xA5value";
    check(|depth| [&start[..], &b"\x91".repeat(depth - 1), b"\x90"].concat());
    check(|depth| [&start[..], &b"\x81\xA0".repeat(depth - 1), b"\x80"].concat());
}

/// A key that nobody reads is passed over, but not to any depth.
#[test]
fn t_sec_09_unknown_keys_in_v0() {
    with_little_stack(|| {
        let start = b"\x82\xA4type\xA4PING\xA1x";
        for (depth, expected) in [
            (NESTING_MAX, Ok(Message::Ping)),
            (1_000, Err(DecodeError::TooDeep)),
            (60_000, Err(DecodeError::TooDeep)),
        ] {
            let payload = [&start[..], &b"\x91".repeat(depth - 1), b"\x90"].concat();
            assert_eq!(decode(&payload), expected, "{depth}");
        }
    });
}

// protocol/wire.md 5.8, protocol/limits.md 1.1
#[test]
fn t_sec_09_bundles() {
    with_little_stack(|| {
        let mut v1 = b"\x30\x00\x00\x00".to_vec();
        let mut v0 = b"\x82\xA4type\xA6BUNDLE\xA8messages\x90".to_vec();
        let v0_start = b"\x82\xA4type\xA6BUNDLE\xA8messages\x91";
        for depth in 1..2_000 {
            let expected = depth <= BUNDLE_NESTING_MAX;
            for payload in [&v1, &v0] {
                match decode(payload) {
                    Ok(_) => assert!(expected, "{depth}"),
                    Err(error) => {
                        assert!(!expected, "{depth}");
                        let too_deep = [DecodeError::BundleTooDeep, DecodeError::TooDeep];
                        assert!(too_deep.contains(&error), "{error}");
                    }
                }
            }
            let length = (v1.len() as u16).to_be_bytes();
            v1.splice(..0, [0x30, 0x00, 0x00, 0x01, length[0], length[1]]);
            v0.splice(..0, v0_start.iter().copied());
        }
    });
}

/// A bundle as deep as may be, with a value as deep as may be in it, is read in both encodings.
#[test]
fn t_sec_09_the_deepest_message_there_is() {
    with_little_stack(|| {
        let value = (1..NESTING_MAX).fold(Value::Array(vec![]), |inner, _| vec![inner].into());
        let set = Message::Set(Set {
            address: "/a".into(),
            value,
            ..Set::default()
        });
        let deepest = (0..BUNDLE_NESTING_MAX).fold(set, |inner, _| in_bundle(inner));
        for encode in [binary::encode, msgpack::encode] {
            let mut payload = Vec::new();
            encode(&deepest, &mut payload).expect("as deep as may be");
            assert_eq!(decode(&payload).as_ref(), Ok(&deepest));
            let deeper = in_bundle(deepest.clone());
            assert_eq!(
                encode(&deeper, &mut payload),
                Err(EncodeError::BundleTooDeep)
            );
        }
    });
}

/// What stands in the meta of an ANNOUNCE are values of their own: each may be as deep as any.
#[test]
fn t_sec_09_the_deepest_meta_of_an_announce() {
    for (depth, fits) in [(NESTING_MAX, true), (NESTING_MAX + 1, false)] {
        let value = (0..depth).fold(Value::Null, |inner, _| vec![inner].into());
        let meta = Some([("k".to_owned(), value)].into());
        let announce = Message::Announce(Announce {
            meta,
            ..Announce::default()
        });
        let mut payload = Vec::new();
        assert_eq!(msgpack::encode(&announce, &mut payload).is_ok(), fits);
        if fits {
            assert_eq!(decode(&payload), Ok(announce));
        }
    }
}

// protocol/limits.md 1.4
#[test]
fn t_sec_09_values_that_are_too_deep_are_not_written() {
    let value = (0..NESTING_MAX).fold(Value::Null, |inner, _| vec![inner].into());
    let deeper = Value::Array(vec![value.clone()]);
    let mut out = vec![0xFF];
    assert_eq!(encode_value(&mut out, &deeper), Err(EncodeError::TooDeep));
    assert_eq!(out, [0xFF]);
    assert_eq!(encode_value(&mut out, &value), Ok(()));
}

fn in_bundle(message: Message) -> Message {
    Message::Bundle(Bundle {
        timestamp: None,
        messages: vec![message],
    })
}

/// Decodes and views values of this shape at the limit, one deeper, and as deep as a frame allows.
fn check(payload: impl Fn(usize) -> Vec<u8> + Send + 'static) {
    with_little_stack(move || {
        assert!(decode(&payload(NESTING_MAX)).is_ok());
        for depth in [NESTING_MAX + 1, 1_000, 100_000] {
            let mut payload = payload(depth);
            payload.truncate(FRAME_PAYLOAD_MAX);
            assert_eq!(decode(&payload), Err(DecodeError::TooDeep), "{depth}");
            assert_eq!(view(&payload), Err(DecodeError::TooDeep), "{depth}");
        }
    });
}

fn with_little_stack(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    thread
        .expect("a thread")
        .join()
        .expect("the thread did not fail");
}

/// An eighth of what a thread has by default.
const STACK_BYTES: usize = 256 * 1024;
