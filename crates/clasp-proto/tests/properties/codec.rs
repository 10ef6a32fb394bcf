//! Both encodings: what goes in comes out, and nothing that comes in breaks anything.

use clasp_proto::{
    DecodeError, EncodeError, Encoded, Message, MessageRef, binary, decode, encode_value, msgpack,
    view,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::messages::{carried_by_v0, carried_by_v1, message, value};

type Encode = fn(&Message, &mut Vec<u8>) -> Result<(), EncodeError>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn v1_gives_back_what_it_carries(message in message()) {
        let payload = encoded(binary::encode, &message);
        let found = binary::decode(&payload).expect("was just encoded");
        let expected = carried_by_v1(message);
        assert_same(&found, &expected)?;
        prop_assert_eq!(encoded(binary::encode, &found), payload);
    }

    #[test]
    fn v0_gives_back_what_it_carries(message in message()) {
        let payload = encoded(msgpack::encode, &message);
        prop_assert!(msgpack::is_msgpack(payload[0]));
        let found = msgpack::decode(&payload).expect("was just encoded");
        assert_same(&found, &carried_by_v0(message))?;
    }

    #[test]
    fn values_stay_as_they_are(value in value()) {
        let mut bytes = Vec::new();
        encode_value(&mut bytes, &value).expect("fits");
        let length = bytes.len();
        bytes.extend_from_slice(b"more");
        let (found, taken) = Encoded::parse_tagged(&bytes).expect("was just encoded");
        prop_assert_eq!(taken, length);
        prop_assert_eq!(found.tagged_len(), length);
        let mut again = Vec::new();
        encode_value(&mut again, &found.to_value()).expect("fits");
        prop_assert_eq!(&again, &bytes[..length]);
        prop_assert_eq!(found.as_f64().map(f64::to_bits), value.as_f64().map(f64::to_bits));
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(payload in vec(any::<u8>(), 0..200)) {
        check_any(&payload)?;
    }

    #[test]
    fn any_bytes_behind_a_known_type_are_a_message_or_an_error(
        kind in 0_u8..0x62,
        rest in vec(any::<u8>(), 0..100),
    ) {
        check_any(&[&[kind], &rest[..]].concat())?;
    }

    #[test]
    fn damaged_messages_are_a_message_or_an_error(
        message in message(),
        is_v1 in any::<bool>(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        cut in of_index(),
    ) {
        let encode: Encode = if is_v1 { binary::encode } else { msgpack::encode };
        let mut payload = encoded(encode, &message);
        for (place, byte) in damage {
            let place = place.index(payload.len());
            payload[place] = byte;
        }
        if let Some(cut) = cut {
            payload.truncate(cut.index(payload.len()));
        }
        check_any(&payload)?;
    }

    #[test]
    fn what_is_cut_off_is_missed(message in message(), cut in any::<Index>()) {
        let payload = encoded(binary::encode, &message);
        let cut = cut.index(payload.len());
        match binary::decode(&payload[..cut]) {
            Err(DecodeError::Truncated { .. }) => {}
            // Only the rate at the end of a PUBLISH has no flag that announces it.
            Ok(Message::Publish(publish)) => prop_assert!(publish.rate.is_none()),
            found => prop_assert!(false, "{found:?}"),
        }
    }
}

fn of_index() -> impl Strategy<Value = Option<Index>> {
    prop::option::of(any::<Index>())
}

/// Decoding does not panic, and what the views of a payload write is the same message again.
fn check_any(payload: &[u8]) -> Result<(), TestCaseError> {
    let Ok(seen) = view(payload) else {
        prop_assert!(decode(payload).is_err());
        return Ok(());
    };
    let message = decode(payload).expect("the view is well formed");
    let mut written = Vec::new();
    match &seen {
        MessageRef::Set(set) => set.write_with(set.revision, &mut written),
        MessageRef::Publish(publish) => publish.write(&mut written),
        MessageRef::Bundle(_) | MessageRef::Other(_) => return Ok(()),
    }
    assert_same(
        &binary::decode(&written).expect("was just written"),
        &message,
    )?;
    prop_assert!(written.len() <= payload.len());
    Ok(())
}

fn encoded(encode: Encode, message: &Message) -> Vec<u8> {
    let mut payload = Vec::new();
    encode(message, &mut payload).expect("small enough for a frame");
    payload
}

/// Equal in every field; floats are compared by their bits, which only the bytes show.
fn assert_same(found: &Message, expected: &Message) -> Result<(), TestCaseError> {
    prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    let found = encoded(msgpack::encode, found);
    prop_assert_eq!(found, encoded(msgpack::encode, expected));
    Ok(())
}
