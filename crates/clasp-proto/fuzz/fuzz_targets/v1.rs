//! Any bytes as a compact payload: an error, or a message that is the same after encoding it.
#![no_main]

use clasp_proto::binary::{decode, encode, view};
use clasp_proto::{EncodeError, MessageRef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let seen = view(payload);
    let message = match decode(payload) {
        Ok(message) => message,
        Err(error) => return assert_eq!(seen, Err(error)),
    };
    let mut written = Vec::new();
    match encode(&message, &mut written) {
        Ok(()) => {
            let again = decode(&written).expect("was just encoded");
            assert_eq!(format!("{again:?}"), format!("{message:?}"));
        }
        // Narrow numbers are written wide.
        Err(EncodeError::PayloadTooLarge { .. }) => {}
        Err(error) => unreachable!("{error}"),
    }
    let mut forwarded = Vec::new();
    match seen.expect("decodes") {
        MessageRef::Set(set) => set.write_with(set.revision, &mut forwarded),
        MessageRef::Publish(publish) => publish.write(&mut forwarded),
        MessageRef::Bundle(_) | MessageRef::Other(_) => return,
    }
    let again = decode(&forwarded).expect("was just written");
    assert_eq!(format!("{again:?}"), format!("{message:?}"));
});
