//! The text of a file, without a disk: what goes in comes out, and nothing else does.

use std::time::Duration;

use clasp_proto::limits::NESTING_MAX;
use clasp_proto::{Encoded, Ttl, Value, encode_value};
use clasp_router::{Export, ExportedParam, Stored, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::decode::{Decoded, decode};
use super::encode;
use super::error::Damage;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn stored(value: &Value) -> Stored {
    let mut bytes = Vec::new();
    encode_value(&mut bytes, value).unwrap();
    Stored::new(Encoded::parse_tagged(&bytes).unwrap().0)
}

fn param(address: &str, value: Stored) -> ExportedParam {
    ExportedParam {
        address: address.into(),
        value,
        revision: 7,
        writer: "6f9619ff-8b86-d011-b42d-00c04fc964ff".into(),
        written_at: NOW,
        ttl: None,
        expires_at: None,
    }
}

fn export(values: impl IntoIterator<Item = Stored>) -> Export {
    let values = values.into_iter().enumerate();
    Export {
        at: NOW,
        sequence: 0,
        param_ttl: Some(Duration::from_secs(3600)),
        forgotten: 9,
        params: values
            .map(|(number, value)| param(&format!("/p/{number}"), value))
            .collect(),
    }
}

fn written(export: &Export) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = encode::write(export, &mut bytes).unwrap();
    assert_eq!(length, bytes.len() as u64);
    bytes
}

fn read(bytes: &[u8]) -> Result<Export, Damage> {
    match decode(bytes, NOW)? {
        Decoded::Export(export) => Ok(export),
        Decoded::Newer(found) => panic!("format {found}"),
    }
}

/// The line of the only param.
fn line(value: &Value) -> String {
    let text = String::from_utf8(written(&export([stored(value)]))).unwrap();
    text.lines().nth(1).unwrap().to_owned()
}

/// Some of everything, in one small file.
fn sample() -> Export {
    let mut sample = export([
        stored(&Value::Null),
        stored(&Value::Float(-0.0)),
        stored(&Value::Bytes(vec![0, 255])),
        stored(&Value::from([("k \"\u{e9}\"", Value::from("text"))])),
    ]);
    sample.params[0].ttl = Some(Ttl::Never);
    for (param, ttl) in sample.params[1..]
        .iter_mut()
        .zip([Ttl::Sliding(60), Ttl::Absolute(0)])
    {
        param.ttl = Some(ttl);
        param.expires_at = Some(Timestamp(NOW.0 + 1));
    }
    sample
}

#[test]
fn the_text_is_that_of_4_5_and_more() {
    let beginning = "{\"address\":\"/p/0\",\"value\":";
    let end = ",\"revision\":7,\"writer\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\",\"timestamp\":1700000000000000";
    let check = |value: Value, json: &str, more: &str| {
        let expected = format!("{beginning}{json}{end}{more}}}");
        assert_eq!(line(&value), expected);
    };
    check(Value::Null, "null", "");
    check(Value::Bool(true), "true", "");
    check(Value::Int(i64::MIN), "-9223372036854775808", "");
    check(Value::Float(0.1), "0.1", "");
    check(Value::Float(-0.0), "-0.0", "");
    check(Value::from("a\n"), "\"a\\n\"", "");
    let list = Value::Array(vec![Value::Int(1), Value::from([("b", Value::Null)])]);
    check(list, "[1,{\"b\":null}]", "");
    // What JSON has no form for is there a second time.
    check(
        Value::Bytes(vec![0, 255]),
        "[0,255]",
        ",\"encoded\":\"CQACAP8=\"",
    );
    check(
        Value::Float(f64::INFINITY),
        "null",
        ",\"encoded\":\"B3/wAAAAAAAA\"",
    );
    let inside = Value::Array(vec![Value::Bytes(vec![])]);
    check(inside, "[[]]", ",\"encoded\":\"CgABCQAA\"");
}

#[test]
fn everything_comes_back() {
    let sample = sample();
    assert_eq!(read(&written(&sample)).unwrap(), sample);
    let empty = Export {
        param_ttl: None,
        ..export([])
    };
    assert_eq!(read(&written(&empty)).unwrap(), empty);
}

#[test]
fn what_4_5_wrote_is_read() {
    let old = include_bytes!("tests/written-by-4.5.json");
    let export = read(old).unwrap();
    let values: Vec<_> = export
        .params
        .iter()
        .map(|param| (&*param.address, param.value.encoded().to_value()))
        .collect();
    let colour = Value::from([
        ("b", Value::Float(0.5)),
        ("g", Value::Int(0)),
        ("r", Value::Int(255)),
    ]);
    let expected = [
        ("/stage/lights/1/level", Value::Float(0.75)),
        ("/stage/lights/1/colour", colour),
        ("/stage/cue", Value::Int(12)),
        ("/stage/title", Value::from("Vorspiel \u{2013} \u{266b}")),
        ("/stage/armed", Value::Bool(false)),
        ("/stage/nothing", Value::Null),
        // It was bytes once: the file does not tell.
        (
            "/stage/raw",
            Value::Array([0, 127, 255].map(Value::Int).into()),
        ),
        ("/stage/large", Value::Float(18_446_744_073_709_551_615.0)),
    ];
    assert_eq!(values, expected);
    let first = &export.params[0];
    assert_eq!(first.revision, 42);
    assert_eq!(&*first.writer, "b2f7c8de-0000-4000-8000-000000000001");
    assert_eq!(first.written_at, Timestamp(1_763_900_000_123_456));
    // Without writer and time, as such files may be.
    let bare = &export.params[5];
    assert_eq!((&*bare.writer, bare.written_at), ("restore", NOW));
    let times = export
        .params
        .iter()
        .map(|param| (param.ttl, param.expires_at));
    assert!(times.into_iter().all(|times| times == (None, None)));
    assert_eq!(
        (export.at, export.param_ttl, export.forgotten),
        (NOW, None, 0)
    );
}

#[test]
fn every_bit_of_a_file_counts() {
    let whole = written(&sample());
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            assert!(decode(&damaged, NOW).is_err(), "bit {bit} of byte {at}");
        }
        assert!(decode(&whole[..at], NOW).is_err(), "cut at {at}");
    }
    let longer = [&whole[..], b"\n"].concat();
    assert!(matches!(decode(&longer, NOW), Err(Damage::Cut)));
}

#[test]
fn every_bit_of_a_large_file_counts() {
    let values = (0..1_000).map(|number| stored(&Value::Float(f64::from(number) / 7.0)));
    let mut damaged = written(&export(values));
    let length = damaged.len();
    assert!(read(&damaged).is_ok());
    // A walk over offsets that is the same each time.
    let mut at = 0x9E37_79B9_usize;
    for round in 0..1000 {
        at = at
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(round);
        let at = (at >> 16) % length;
        damaged[at] ^= 1 << (round % 8);
        assert!(decode(&damaged, NOW).is_err(), "byte {at}");
        damaged[at] ^= 1 << (round % 8);
        assert!(decode(&damaged[..at], NOW).is_err(), "cut at {at}");
    }
}

#[test]
fn what_is_no_snapshot_is_told_from_what_is_damaged() {
    let check = |text: &str, expected: &str| {
        let found = read(text.as_bytes()).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{text}: {found}");
    };
    check("", "it is empty");
    check(
        "SQLite format 3\0",
        "it is no snapshot: expected value at line 1",
    );
    check("[]", "it is no snapshot: invalid length 0");
    check("{}", "it is no snapshot: missing field `params`");
    check(
        "{\"params\":[],\"more\":1}",
        "it is no snapshot: unknown field `more`",
    );
    check(
        "{\"params\":[{\"address\":\"/a\",\"value\":1}]}",
        "it is no snapshot: missing field `revision`",
    );
    check(
        "{\"params\":[{\"address\":\"/a\",\"value\":1,\"revision\":1,\"ttl\":\"never\"}]}",
        "it is no snapshot: unknown field `ttl`",
    );
    let long = "x".repeat(65_536);
    check(
        &format!("{{\"params\":[{{\"address\":\"/a\",\"value\":\"{long}\",\"revision\":1}}]}}"),
        "/a: ",
    );
    let text = String::from_utf8(written(&sample())).unwrap();
    check(&text.replace("/p/1", "/p/0"), "its checksum is not");
    check(text.trim_end(), "its end is missing");
    check("{\"clasp_snapshot\":1}", "its end is missing");
}

#[test]
fn t_sec_09_deep_nesting_is_no_snapshot() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let text = format!(
            "{{\"params\":[{{\"address\":\"/a\",\"value\":{open}{close},\"revision\":1}}]}}"
        );
        read(text.as_bytes())
    };
    assert!(nested(NESTING_MAX).is_ok());
    assert!(matches!(nested(NESTING_MAX + 1), Err(Damage::Value { .. })));
    assert!(matches!(nested(1_000_000), Err(Damage::Shape(_))));
}

#[test]
fn t_dur_11_a_format_to_come_is_no_damage() {
    let text = String::from_utf8(written(&sample())).unwrap();
    let newer = text.replacen(":1,", ":2,\"more\":[],", 1);
    let content = newer.split(",\"checksum\"").next().unwrap();
    let seal = super::format::seal(sha2::Digest::new_with_prefix(content));
    let newer = format!("{content}{seal}");
    assert!(matches!(
        decode(newer.as_bytes(), NOW),
        Ok(Decoded::Newer(2))
    ));
}

#[test]
fn wrong_encodings_are_found_behind_a_right_checksum() {
    let text = String::from_utf8(written(&sample())).unwrap();
    for wrong in ["CQACAP8", "CQACAP8A", "////"] {
        let changed = text.replace("CQACAP8=", wrong);
        let content = changed.split(",\"checksum\"").next().unwrap();
        let seal = super::format::seal(sha2::Digest::new_with_prefix(content));
        let found = read(format!("{content}{seal}").as_bytes());
        assert!(matches!(found, Err(Damage::Encoded { .. })), "{wrong}");
    }
}

/// Any value as clients may encode it: numbers of every width, and maps in any order.
fn tagged() -> impl Strategy<Value = Vec<u8>> {
    fn of(code: u8, body: &[u8]) -> Vec<u8> {
        [&[code], body].concat()
    }
    fn texts(text: &str) -> Vec<u8> {
        [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
    }
    let leaf = prop_oneof![
        Just(of(0x00, &[])),
        any::<u8>().prop_map(|byte| of(0x01, &[byte])),
        any::<u8>().prop_map(|byte| of(0x02, &[byte])),
        any::<u16>().prop_map(|bits| of(0x03, &bits.to_be_bytes())),
        any::<u32>().prop_map(|bits| of(0x04, &bits.to_be_bytes())),
        any::<i64>().prop_map(|number| of(0x05, &number.to_be_bytes())),
        any::<u32>().prop_map(|bits| of(0x06, &bits.to_be_bytes())),
        any::<u64>().prop_map(|bits| of(0x07, &bits.to_be_bytes())),
        any::<String>().prop_map(|text| of(0x08, &texts(&text))),
        vec(any::<u8>(), 0..40).prop_map(|bytes| {
            let length = (bytes.len() as u16).to_be_bytes();
            of(0x09, &[&length, &bytes[..]].concat())
        }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let counted = |code: u8, items: Vec<Vec<u8>>| {
            let count = (items.len() as u16).to_be_bytes();
            of(code, &[&count, &items.concat()[..]].concat())
        };
        let key = select(vec!["", "a", "b", "\u{e9} \""]);
        let entry = (key, inner.clone()).prop_map(|(key, value)| [texts(key), value].concat());
        prop_oneof![
            vec(inner, 0..4).prop_map(move |items| counted(0x0A, items)),
            vec(entry, 0..4).prop_map(move |items| counted(0x0B, items)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn values_come_back_bit_by_bit(values in vec(tagged(), 0..4)) {
        let values = values.iter().map(|bytes| {
            let (value, length) = Encoded::parse_tagged(bytes).unwrap();
            assert_eq!(length, bytes.len());
            Stored::new(value)
        });
        let export = export(values);
        prop_assert_eq!(read(&written(&export)).unwrap(), export);
    }

    #[test]
    fn any_bytes_are_a_snapshot_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&bytes, NOW).is_err());
    }
}

#[test]
#[ignore = "measures: run alone with --release"]
fn writing_and_reading_take_their_time() {
    let begin = std::time::Instant::now;
    for count in [100_000, 1_000_000] {
        let values = (0..count).map(|number| stored(&Value::Float(f64::from(number) / 7.0)));
        let export = export(values);
        let started = begin();
        let text = written(&export);
        let writing = started.elapsed();
        let started = begin();
        let read = read(&text).unwrap();
        let reading = started.elapsed();
        assert_eq!(read.params.len(), export.params.len());
        println!(
            "{count} params: {} bytes, written in {writing:?}, read in {reading:?}",
            text.len()
        );
    }
}
