//! T-SEC-10: numbers at their edges arrive as they were sent, in both encodings.

use clasp_proto::{
    Encoded, Message, Set, Subscribe, SubscribeOptions, Ttl, Value, binary, decode, encode_value,
    msgpack,
};

fn through_both(message: &Message) -> [Message; 2] {
    [binary::encode, msgpack::encode].map(|encode| {
        let mut payload = Vec::new();
        encode(message, &mut payload).expect("fits");
        decode(&payload).expect("was just encoded")
    })
}

// protocol/wire.md 5.3
#[test]
fn t_sec_10_floats_keep_their_bits() {
    let odd = [
        f64::NAN.to_bits(),
        0x7FF0_0000_0000_0001,
        0xFFF8_0000_0000_1234,
        f64::INFINITY.to_bits(),
        f64::NEG_INFINITY.to_bits(),
        (-0.0_f64).to_bits(),
        1,
        f64::MAX.to_bits(),
    ];
    for bits in odd {
        let value = Value::Float(f64::from_bits(bits));
        let set = Message::Set(Set {
            address: "/a".into(),
            value,
            ..Set::default()
        });
        for found in through_both(&set) {
            let Message::Set(Set {
                value: Value::Float(found),
                ..
            }) = found
            else {
                panic!("expected a SET of a float, found {found:?}");
            };
            assert_eq!(found.to_bits(), bits);
        }
    }
}

#[test]
fn t_sec_10_ints_at_their_ends() {
    for number in [i64::MIN, -1, 0, i64::MAX] {
        let value = Value::Int(number);
        let set = Message::Set(Set {
            address: "/a".into(),
            value,
            ..Set::default()
        });
        assert_eq!(through_both(&set), [set.clone(), set]);
    }
    for (tagged, expected) in [
        (&[0x02, 0x80][..], -128.0),
        (&[0x03, 0x80, 0x00], -32_768.0),
        (&[0x04, 0x80, 0x00, 0x00, 0x00], -2_147_483_648.0),
        (
            &[0x05, 0x80, 0, 0, 0, 0, 0, 0, 0],
            -9_223_372_036_854_775_808.0,
        ),
        (&[0x06, 0xBF, 0x00, 0x00, 0x00], -0.5),
    ] {
        let (found, _) = Encoded::parse_tagged(tagged).expect("well formed");
        assert_eq!(found.as_f64(), Some(expected));
        assert_eq!(found.to_value().as_f64(), Some(expected));
    }
}

#[test]
fn t_sec_10_subscription_options_at_their_ends() {
    for (max_rate, epsilon) in [
        (0, 0.0),
        (u32::MAX, f64::INFINITY),
        (1, f64::NEG_INFINITY),
        (1, -0.0),
    ] {
        let options = SubscribeOptions {
            max_rate: Some(max_rate),
            epsilon: Some(epsilon),
            history: Some(u32::MAX),
            window: Some(0),
        };
        let pattern = "/**".to_owned();
        let subscribe = Message::Subscribe(Subscribe {
            pattern,
            options,
            ..Subscribe::default()
        });
        assert_eq!(through_both(&subscribe), [subscribe.clone(), subscribe]);
    }
    let options = SubscribeOptions {
        epsilon: Some(f64::NAN),
        ..SubscribeOptions::default()
    };
    let not_a_number = Message::Subscribe(Subscribe {
        options,
        ..Subscribe::default()
    });
    for found in through_both(&not_a_number) {
        let Message::Subscribe(found) = found else {
            panic!("expected a SUBSCRIBE, found {found:?}");
        };
        assert!(found.options.epsilon.is_some_and(f64::is_nan));
    }
}

// protocol/wire.md 6.4
#[test]
fn t_sec_10_ttl_at_its_ends() {
    for ttl in [
        Ttl::Never,
        Ttl::Sliding(0x7FFF_FFFF),
        Ttl::Absolute(0),
        Ttl::Absolute(0x7FFF_FFFF),
    ] {
        let ttl = Some(ttl);
        let set = Message::Set(Set {
            address: "/a".into(),
            ttl,
            ..Set::default()
        });
        assert_eq!(through_both(&set), [set.clone(), set]);
    }
}

#[test]
fn t_sec_10_numbers_that_do_not_fit_an_int() {
    let mut huge = Vec::new();
    encode_value(&mut huge, &Value::Float(18_446_744_073_709_551_615.0)).expect("fits");
    let payload =
        b"\x83\xA4type\xA3SET\xA7address\xA2/a\xA5value\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    let Ok(Message::Set(set)) = decode(payload) else {
        panic!("expected a SET");
    };
    let mut found = Vec::new();
    encode_value(&mut found, &set.value).expect("fits");
    assert_eq!(found, huge);
    for negative in [
        &b"\xFF"[..],
        b"\xD3\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        b"\xCB\x3F\xF0\0\0\0\0\0\0",
    ] {
        let payload = [&b"\x82\xA4type\xABUNSUBSCRIBE\xA2id"[..], negative].concat();
        assert!(
            decode(&payload).is_err(),
            "an id is a whole number, not negative"
        );
    }
}
