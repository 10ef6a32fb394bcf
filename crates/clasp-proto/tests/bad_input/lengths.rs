//! T-SEC-03: length and count fields that promise more than there is.

use allocation_counter::measure;
use clasp_proto::{Code, DecodeError, Message, binary, decode, msgpack};

use crate::samples::messages;

/// Each two bytes of each message become the largest length: those that are a length field must
/// give an error, and none may make the decoder reserve memory for what is not there.
#[test]
fn t_sec_03_every_u16_of_every_message_at_its_largest() {
    for message in messages() {
        let mut payload = Vec::new();
        binary::encode(&message, &mut payload).expect("fits");
        assert_lies_are_cheap(&message, &payload, |at| {
            let mut lying = payload.clone();
            lying[at..payload.len().min(at + 2)].fill(0xFF);
            lying
        });
    }
}

/// The same for the 32-bit counts of MessagePack, which take the place of each item.
#[test]
fn t_sec_03_every_item_of_every_messagepack_message_at_its_largest() {
    for message in messages() {
        let mut payload = Vec::new();
        msgpack::encode(&message, &mut payload).expect("fits");
        for marker in [0xC6, 0xDB, 0xDD, 0xDF] {
            assert_lies_are_cheap(&message, &payload, |at| {
                [
                    &payload[..at],
                    &[marker, 0xFF, 0xFF, 0xFF, 0xFF],
                    &payload[at..],
                ]
                .concat()
            });
        }
    }
}

/// The count fields, one by one, with nothing behind them and with a body that is bad from its
/// first entry on: no more memory than four times the bytes.
// protocol/wire.md 5.9, protocol/limits.md 1.3
#[test]
fn t_sec_03_counts_without_a_body_reserve_nothing_to_speak_of() {
    let counts: [(&str, &[u8]); 11] = [
        ("array", b"\x21\x0A\x00\x02/a\xFF\xFF"),
        ("map", b"\x21\x0B\x00\x02/a\xFF\xFF"),
        ("bytes", b"\x21\x09\x00\x02/a\xFF\xFF"),
        ("string", b"\x21\x08\x00\x02/a\xFF\xFF"),
        ("samples", b"\x20\x40\x00\x02/a\x02\xFF\xFF"),
        ("snapshot", b"\x23\xFF\xFF"),
        ("announce", b"\x03\x00\x00\xFF\xFF"),
        ("result", b"\x61\xFF\xFF"),
        ("patterns", b"\x04\x01\xFF\xFF"),
        ("revisions", b"\x04\x01\x00\x00\xFF\xFF"),
        ("bundle", b"\x30\x00\x04\x00"),
    ];
    for (name, start) in counts {
        for body in [0, 16, 1_000, 60_000] {
            let payload = [start, &vec![0xFF; body]].concat();
            let (error, memory) = memory_of(&payload).expect_err(name);
            assert_eq!(error.code(), Code::InvalidMessage, "{name}");
            assert!(memory <= 4 * payload.len(), "{name} {body}: {memory} bytes");
        }
    }
}

/// The 32-bit counts of MessagePack with nothing behind them.
// protocol/wire.md 5.9, protocol/limits.md 1.3
#[test]
fn t_sec_03_counts_of_messagepack_without_a_body() {
    let counts: [(&str, &[u8]); 7] = [
        ("message", b"\xDF\xFF\xFF\xFF\xFF"),
        (
            "array",
            b"\x83\xA4type\xA3SET\xA7address\xA2/a\xA5value\xDD\xFF\xFF\xFF\xFF",
        ),
        (
            "map",
            b"\x83\xA4type\xA3SET\xA7address\xA2/a\xA5value\xDF\xFF\xFF\xFF\xFF",
        ),
        (
            "string",
            b"\x82\xA4type\xA3GET\xA7address\xDB\xFF\xFF\xFF\xFF",
        ),
        ("bytes", b"\x82\xA4type\xA3GET\xA1x\xC6\xFF\xFF\xFF\xFF"),
        (
            "members",
            b"\x82\xA4type\xA6BUNDLE\xA8messages\xDD\xFF\xFF\xFF\xFF",
        ),
        (
            "params",
            b"\x82\xA4type\xA8SNAPSHOT\xA6params\xDD\xFF\xFF\xFF\xFF",
        ),
    ];
    for (name, start) in counts {
        for body in [0, 16, 60_000] {
            let payload = [start, &vec![0x01; body]].concat();
            let (error, memory) = memory_of(&payload).expect_err(name);
            assert_eq!(error.code(), Code::InvalidMessage, "{name}");
            assert!(memory <= 4 * payload.len(), "{name} {body}: {memory} bytes");
        }
    }
}

/// Decodes what `lie` makes of a message for each place in it.
fn assert_lies_are_cheap(message: &Message, payload: &[u8], lie: impl Fn(usize) -> Vec<u8>) {
    let whole = memory_of(payload).expect("well formed");
    let mut refused = 0;
    for at in 1..payload.len() {
        let lying = lie(at);
        let memory = match memory_of(&lying) {
            Ok(memory) => memory,
            Err((error, memory)) => {
                assert_eq!(error.code(), Code::InvalidMessage);
                refused += 1;
                memory
            }
        };
        let limit = whole + 4 * lying.len();
        assert!(memory <= limit, "{message:?} {at}: {memory} bytes");
    }
    assert!(refused > 0, "{message:?} has a length field");
}

/// Bytes of memory that decoding takes at once.
fn memory_of(payload: &[u8]) -> Result<usize, (DecodeError, usize)> {
    let mut found = None;
    let memory = measure(|| found = Some(decode(payload))).bytes_max as usize;
    match found.expect("was decoded") {
        Ok(_) => Ok(memory),
        Err(error) => Err((error, memory)),
    }
}
