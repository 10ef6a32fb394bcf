//! Addresses that are none (protocol/router.md 3).

use clasp_proto::{Code, Message, Signal, Value};

use crate::stage::{Stage, announce, bundle, get, publish, set, subscribe};

/// Every message with this address is refused with 200, and nobody hears of it.
fn check_refused(address: &str) {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    let event = publish(address, Signal::Event, Value::Int(1));
    let expected = Some(Code::InvalidAddress);
    for message in [
        set(address, 1),
        event.clone(),
        get(address),
        announce([address.to_owned()]),
        bundle([set("/fine", 1), set(address, 1)]),
        bundle([event, set("/fine", 1)]),
    ] {
        let name = message.name();
        assert_eq!(stage.code(&writer, &message), expected, "{name} {address}");
    }
    assert_eq!(stage.router.params(), 0, "{address}");
    assert_eq!(stage.received(&reader), [], "{address}");
}

// protocol/router.md 3.1, 3.2, 3.4
#[test]
fn unusable_addresses_are_refused_and_reach_nobody() {
    let deep = "/a".repeat(65);
    let long = format!("/{}", "a".repeat(1024));
    let huge = format!("/{}", "a".repeat(60_000));
    for address in [
        "",
        "/",
        "//",
        "/a//b",
        "/a/",
        "a",
        "/p/*",
        "/p/**",
        "/a/b*",
        "/a\0",
        "/a\n",
        "/a\u{202e}b",
        &deep,
        &long,
        &huge,
    ] {
        check_refused(address);
    }
}

// protocol/router.md 3.1: the first byte is not cut off, whatever it is
#[test]
fn an_address_without_slash_reaches_no_subscriber_of_its_tail() {
    for address in ["Xfoo/bar", "\u{e9}foo/bar", "\u{1f600}/foo/bar", "foo/bar"] {
        check_refused(address);
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.reader("r", "/foo/bar"));
        assert!(stage.send(&writer, &set(address, 1)).is_err());
        assert_eq!(stage.received(&reader), []);
    }
}

// protocol/router.md 3.2
#[test]
fn addresses_at_the_bounds_work() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    let (deep, long) = ("/a".repeat(64), format!("/{}", "a".repeat(1023)));
    for address in [deep.as_str(), &long, "/\u{e9}/\u{1f600}", "/a b/?/[c]"] {
        stage.send(&writer, &set(address, 1)).unwrap();
        assert!(
            matches!(&stage.received(&reader)[..], [Message::Set(set)] if set.address == address)
        );
    }
}

// protocol/router.md 3.3
#[test]
fn case_matters() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/Foo"));
    stage.send(&writer, &set("/foo", 1)).unwrap();
    assert_eq!(stage.received(&reader), []);
    assert_eq!(
        stage.code(&writer, &get("/Foo")),
        Some(Code::AddressNotFound)
    );
}

// protocol/router.md 4.6
#[test]
fn patterns_that_are_none_are_refused_and_match_nothing() {
    let deep = "/a".repeat(65);
    let long = format!("/{}", "a".repeat(1024));
    for pattern in [
        "",
        "a/*",
        "/a//b",
        "//",
        "/a\0",
        &"/**".repeat(9),
        &deep,
        &long,
    ] {
        let mut stage = Stage::new();
        let reader = stage.session("r");
        let expected = Some(Code::InvalidPattern);
        assert_eq!(
            stage.code(&reader, &subscribe(1, pattern)),
            expected,
            "{pattern}"
        );
        let told = stage.received(&reader);
        assert!(
            matches!(&told[..], [Message::Error(error)] if error.address.as_deref() == Some(pattern)),
            "{told:?}"
        );
    }
}
