//! The reader against tables of good and bad frames, and against any split of its input.

use proptest::prelude::*;

use super::*;
use crate::websocket::write;

const KEY: [u8; 4] = [0xA1, 0x02, 0x7F, 0xF3];

/// A masked client frame, in the shortest form.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write::header(&mut out, first, MASKED, payload.len());
    out.extend_from_slice(&KEY);
    out.extend(
        payload
            .iter()
            .zip(KEY.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    out
}

/// What a reader found, with the bytes in place of their positions.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Message(Vec<u8>),
    Text,
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>, Vec<u8>),
}

/// Feeds the bytes in the given pieces, dropping consumed bytes after each as a connection does.
fn read(mut reader: Reader, pieces: &[&[u8]]) -> Result<Vec<Found>, ProtocolError> {
    let (mut buf, mut found) = (Vec::new(), Vec::new());
    for piece in pieces {
        buf.extend_from_slice(piece);
        let mut at = 0;
        loop {
            found.push(match reader.next(&mut buf, &mut at)? {
                Step::Binary(range) => Found::Message(buf[range].to_vec()),
                Step::Assembled(message) => Found::Message(message),
                Step::Text => Found::Text,
                Step::Ping(range) => Found::Ping(buf[range].to_vec()),
                Step::Pong => Found::Pong,
                Step::Close { code, reason } => Found::Close(code, buf[reason].to_vec()),
                Step::NeedMore(bytes) => {
                    assert!(
                        bytes > buf.len() - at,
                        "asked for {bytes} with {} at hand",
                        buf.len() - at
                    );
                    assert!(bytes <= FRAME_MAX + 14, "asked for {bytes}");
                    break;
                }
            });
        }
        buf.drain(..at);
    }
    Ok(found)
}

fn message(bytes: &[u8]) -> Found {
    Found::Message(bytes.to_vec())
}

#[test]
fn good_frames_are_read() {
    let check = |frames: &[Vec<u8>], expected: &[Found]| {
        assert_eq!(
            read(Reader::server(), &[&frames.concat()]).as_deref(),
            Ok(expected)
        );
    };
    for length in [0, 1, 7, 8, 125, 126, 127, 65535, 65536, FRAME_MAX] {
        let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
        check(&[client_frame(0x82, &payload)], &[message(&payload)]);
    }
    check(
        &[client_frame(0x82, b"one"), client_frame(0x82, b"two")],
        &[message(b"one"), message(b"two")],
    );
    check(&[client_frame(0x81, b"text")], &[Found::Text]);
    check(
        &[client_frame(0x89, b"hi"), client_frame(0x8A, b"")],
        &[Found::Ping(b"hi".to_vec()), Found::Pong],
    );
    check(&[client_frame(0x88, b"")], &[Found::Close(None, vec![])]);
    check(
        &[client_frame(0x88, b"\x03\xE8bye")],
        &[Found::Close(Some(1000), b"bye".to_vec())],
    );
    check(
        &[
            client_frame(0x02, b"a"),
            client_frame(0x00, b""),
            client_frame(0x80, b"b"),
        ],
        &[message(b"ab")],
    );
    check(
        &[
            client_frame(0x02, b"a"),
            client_frame(0x89, b"p"),
            client_frame(0x80, b"b"),
        ],
        &[Found::Ping(b"p".to_vec()), message(b"ab")],
    );
    check(
        &[
            client_frame(0x01, b"a"),
            client_frame(0x80, b"b"),
            client_frame(0x82, b"c"),
        ],
        &[Found::Text, message(b"c")],
    );
}

// protocol/wire.md 1.9
#[test]
fn bad_frames_are_refused_with_their_close_code() {
    let check = |bytes: &[u8], error: ProtocolError, close_number| {
        assert_eq!(read(Reader::server(), &[bytes]), Err(error), "{bytes:02x?}");
        assert_eq!(error.close().number(), close_number);
    };
    check(&[0xC2, 0x80], ProtocolError::ReservedBits, 1002);
    check(&[0xA2, 0x80], ProtocolError::ReservedBits, 1002);
    check(&[0x92, 0x80], ProtocolError::ReservedBits, 1002);
    for opcode in [0x3, 0x7, 0xB, 0xF] {
        check(
            &[0x80 | opcode, 0x80],
            ProtocolError::UnknownOpcode(opcode),
            1002,
        );
    }
    check(&[0x82, 0x01], ProtocolError::Unmasked, 1002);
    check(&[0x82, 0xFE, 0, 125], ProtocolError::LongForm(125), 1002);
    check(
        &[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
        ProtocolError::LongForm(65535),
        1002,
    );
    check(
        &[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1],
        ProtocolError::LengthTopBit,
        1002,
    );
    let huge = i64::MAX as u64;
    check(
        &[&[0x82, 0xFF], &huge.to_be_bytes()[..]].concat(),
        ProtocolError::TooLarge { bytes: huge },
        1009,
    );
    check(
        &[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 12],
        ProtocolError::TooLarge { bytes: 65548 },
        1009,
    );
    for opcode in [0x8, 0x9, 0xA] {
        check(&[opcode, 0x80], ProtocolError::FragmentedControl, 1002);
        check(&[0x80 | opcode, 0xFE], ProtocolError::LongControl, 1002);
    }
    check(&[0x80, 0x80], ProtocolError::UnexpectedContinuation, 1002);
    let interrupted = [client_frame(0x02, b"a"), client_frame(0x82, b"b")].concat();
    check(&interrupted, ProtocolError::InterruptedMessage, 1002);
    let grown = [
        client_frame(0x02, &[0; 65535]),
        client_frame(0x00, &[0; 13]),
    ]
    .concat();
    check(&grown, ProtocolError::TooLarge { bytes: 65548 }, 1009);
    check(&client_frame(0x88, b"\x03"), ProtocolError::CloseCode, 1002);
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        check(
            &client_frame(0x88, &code.to_be_bytes()),
            ProtocolError::CloseCode,
            1002,
        );
    }
    check(
        &client_frame(0x88, b"\x03\xE8\xFF"),
        ProtocolError::CloseReason,
        1002,
    );
}

#[test]
fn a_client_refuses_masked_frames_and_reads_those_of_our_writer() {
    assert_eq!(
        read(Reader::client(), &[&client_frame(0x82, b"x")]),
        Err(ProtocolError::Masked)
    );
    let long = "\u{20ac}".repeat(50);
    let mut bytes = Vec::new();
    write::header(&mut bytes, 0x82, 0, 3);
    bytes.extend_from_slice(b"abc");
    write::ping(&mut bytes, b"p");
    write::pong(&mut bytes, &[b'q'; 200]);
    write::close(&mut bytes, 1001, &long);
    let expected = [
        message(b"abc"),
        Found::Ping(b"p".to_vec()),
        Found::Pong,
        Found::Close(Some(1001), "\u{20ac}".repeat(41).into_bytes()),
    ];
    assert_eq!(
        read(Reader::client(), &[&bytes]).as_deref(),
        Ok(&expected[..])
    );
}

// protocol/limits.md 4.10
#[test]
fn endless_empty_fragments_end_at_the_limit() {
    let mut bytes = client_frame(0x02, b"");
    for _ in 1..FRAGMENTS_MAX {
        bytes.extend(client_frame(0x00, b""));
    }
    let finished = [bytes.clone(), client_frame(0x80, b"")].concat();
    assert_eq!(read(Reader::server(), &[&bytes]), Ok(vec![]));
    assert_eq!(
        read(Reader::server(), &[&finished]),
        Err(ProtocolError::TooManyFragments)
    );
}

fn any_frames() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let first = prop_oneof![
        4 => Just(0x82u8),
        1 => prop::sample::select(vec![0x81, 0x02, 0x01, 0x80, 0x00, 0x89, 0x8A]),
    ];
    let payload = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::collection::vec(any::<u8>(), 120..300),
        1 => (65_500usize..65_540).prop_map(|length| vec![0x5A; length]),
    ];
    prop::collection::vec((first, payload), 0..12).prop_map(|frames| {
        frames
            .into_iter()
            .map(|(first, payload)| shortened(first, payload))
            .collect()
    })
}

/// Control frames carry at most 125 bytes.
fn shortened(first: u8, mut payload: Vec<u8>) -> (u8, Vec<u8>) {
    if first & 0x08 != 0 {
        payload.truncate(CONTROL_BYTES_MAX);
    }
    (first, payload)
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(frames in any_frames(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let bytes: Vec<u8> = frames.iter().flat_map(|(first, payload)| client_frame(*first, payload)).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[start..cut]);
            start = cut;
        }
        prop_assert_eq!(read(Reader::server(), &pieces), read(Reader::server(), &[&bytes]));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let one_by_one: Vec<&[u8]> = bytes.chunks(1).collect();
        for reader in [Reader::server, Reader::client] {
            prop_assert_eq!(read(reader(), &one_by_one), read(reader(), &[&bytes]));
        }
    }
}
