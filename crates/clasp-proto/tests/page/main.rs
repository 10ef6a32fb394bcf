//! The examples of docs/protocol/wire.md 11 are frames that mean what stands beside them.

use clasp_proto::{Message, decode, frame};

/// The frames of the page, each with its reading.
fn examples() -> Vec<(Vec<u8>, &'static str)> {
    let page = include_str!("../../../../docs/protocol/wire.md");
    let (_, after) = page
        .split_once("## 11. Examples")
        .expect("has a section 11");
    let (section, _) = after.split_once("\n## ").expect("has a section 12");
    section.lines().filter_map(example).collect()
}

/// A row of the table, or a rule, that begins with a frame in hex.
fn example(line: &'static str) -> Option<(Vec<u8>, &'static str)> {
    let (_, rest) = line.split_once("`53 ")?;
    let (hex, reading) = rest.split_once('`')?;
    let hex: String = hex.split(' ').collect();
    let bytes = hex.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).expect("the page is ASCII");
        u8::from_str_radix(pair, 16).expect("hex digits")
    });
    Some((std::iter::once(0x53).chain(bytes).collect(), reading))
}

// protocol/wire.md 11.1
#[test]
fn examples_read_as_they_say_and_are_written_the_same() {
    let examples = examples();
    assert_eq!(examples.len(), 8);
    for (bytes, reading) in &examples[..7] {
        let (header, payload) = frame::split(bytes).expect(reading);
        let message = decode(payload).expect(reading);
        assert!(reading.contains(message.name()), "{reading}: {message:?}");
        let (mut again, mut encoded) = (Vec::new(), Vec::new());
        clasp_proto::binary::encode(&message, &mut encoded).expect(reading);
        frame::write(&mut again, header.qos, &encoded).expect(reading);
        assert_eq!(&again, bytes, "{reading}");
    }
}

// protocol/wire.md 11.2
#[test]
fn a_query_of_v0_is_read_under_version_bits_1() {
    let examples = examples();
    let (bytes, reading) = &examples[7];
    let (header, payload) = frame::split(bytes).expect(reading);
    assert_eq!(header.version, 1);
    let Ok(Message::Query(query)) = decode(payload) else {
        panic!("{reading}");
    };
    assert_eq!(query.pattern, "/**");
}
