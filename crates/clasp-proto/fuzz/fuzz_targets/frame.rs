//! Any bytes as a WebSocket message: a header that is written again as it was, and a payload.
#![no_main]

use clasp_proto::frame::{Header, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let header = Header::parse(message);
    if let Ok((found, payload)) = split(message) {
        assert_eq!(header, Ok(Some(found)));
        assert_eq!(payload.len(), found.payload_len);
        let mut written = Vec::new();
        found.write(&mut written).expect("was read from a u16");
        assert_eq!(written.len(), found.header_len);
        assert_eq!(Header::parse(&written), header);
        let _ = clasp_proto::decode(payload);
    }
});
