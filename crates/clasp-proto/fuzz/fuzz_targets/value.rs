//! Any bytes as a tagged value: an error, or a value that is the same after encoding it.
#![no_main]

use clasp_proto::{Encoded, encode_value, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok((found, taken)) = Encoded::parse_tagged(bytes) else {
        return;
    };
    assert_eq!(taken, found.tagged_len());
    let value = found.to_value();
    assert_eq!(
        found.as_f64().map(f64::to_bits),
        value.as_f64().map(f64::to_bits)
    );
    let mut written = Vec::new();
    encode_value(&mut written, &value).expect("was read from the same fields");
    let (again, taken) = Encoded::parse_tagged(&written).expect("was just encoded");
    assert_eq!(taken, written.len());
    assert_eq!(format!("{:?}", again.to_value()), format!("{value:?}"));
    let json = text::to_json(&value).to_string();
    let _ = text::value_from_text(&json);
});
