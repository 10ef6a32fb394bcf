//! Any bytes as a MessagePack payload: an error, or a message that is the same after encoding it.
#![no_main]

use clasp_proto::msgpack::{decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let Ok(message) = decode(payload) else {
        return;
    };
    let mut written = Vec::new();
    encode(&message, &mut written).expect("a fuzzed payload is far smaller than a frame");
    let again = decode(&written).expect("was just encoded");
    assert_eq!(format!("{again:?}"), format!("{message:?}"));
    // A router answers and forwards in the compact encoding only.
    let mut forwarded = Vec::new();
    if clasp_proto::binary::encode(&message, &mut forwarded).is_ok() {
        clasp_proto::binary::decode(&forwarded).expect("was just encoded");
    }
});
