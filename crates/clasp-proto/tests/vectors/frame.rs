//! The three ways in which a vector gives its frame (protocol/wire.md 12).

use serde_json::{Map, Value as Json};

/// The bytes of a vector's frame, if it has one.
pub(crate) fn frame_bytes(vector: &Map<String, Json>) -> Option<Vec<u8>> {
    let frame = if let Some(text) = vector.get("frame_hex") {
        hex(text.as_str().expect("hex"))
    } else if let Some(runs) = vector.get("frame_rle") {
        runs.as_array()
            .expect("runs")
            .iter()
            .flat_map(run)
            .collect()
    } else {
        let bundles = vector.get("frame_gen")?;
        assert_eq!(bundles["kind"], "nested_bundles");
        nested_bundles(bundles["n"].as_u64().expect("a number"))
    };
    if let Some(length) = vector.get("frame_len") {
        assert_eq!(length.as_u64(), Some(frame.len() as u64));
    }
    Some(frame)
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a hex digit") as u8;
    let (pairs, odd) = text.as_bytes().as_chunks();
    assert!(odd.is_empty());
    pairs
        .iter()
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}

/// `[hex, repeat]`
fn run(run: &Json) -> Vec<u8> {
    let times = run[1].as_u64().expect("a number") as usize;
    hex(run[0].as_str().expect("hex")).repeat(times)
}

fn nested_bundles(count: u64) -> Vec<u8> {
    let mut payload = vec![0x30, 0, 0, 0];
    for _ in 1..count {
        if payload.len() > 65_529 {
            break;
        }
        let length = (payload.len() as u16).to_be_bytes();
        payload.splice(0..0, [0x30, 0, 0, 1, length[0], length[1]]);
    }
    let length = (payload.len() as u16).to_be_bytes();
    [&[0x53, 0x01, length[0], length[1]], &payload[..]].concat()
}
