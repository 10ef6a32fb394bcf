//! T-SEC-06: text that is no text, and text that is no address. What is wrong with an address
//! itself is tested beside it; here it arrives on the wire.

use clasp_proto::{Address, Code, DecodeError, Message, Pattern, decode};

fn get(address: &[u8]) -> Vec<u8> {
    let length = (address.len() as u16).to_be_bytes();
    [&[0x22], &length[..], address].concat()
}

fn get_in_messagepack(address: &[u8]) -> Vec<u8> {
    let length = (address.len() as u16).to_be_bytes();
    [b"\x82\xA4type\xA3GET\xA7address\xDA", &length[..], address].concat()
}

// protocol/wire.md 5.1
#[test]
fn t_sec_06_bytes_that_are_no_text() {
    for (address, position) in [
        (&b"\xFF\xFE"[..], 0),
        (b"/a\xC0\xAF", 2),
        (b"/\xED\xA0\x80", 1),
        (b"/\xF4\x90\x80\x80", 1),
        (b"/a\xE2\x82", 2),
    ] {
        for payload in [get(address), get_in_messagepack(address)] {
            let error = decode(&payload).expect_err("not UTF-8");
            assert_eq!(error, DecodeError::Utf8 { position });
            assert_eq!(error.code(), Code::InvalidMessage);
        }
    }
}

// protocol/router.md 3.1
#[test]
fn t_sec_06_text_that_is_no_address() {
    let huge = format!("/{}", "a".repeat(65_534));
    let odd = [
        "",
        "a",
        "//",
        "/a//b",
        "/a\0",
        "/\u{202E}a",
        "/\u{200F}",
        "/a/",
        "/*",
        &huge,
    ];
    for text in odd {
        let Ok(Message::Get(found)) = decode(&get(text.as_bytes())) else {
            panic!("a GET of any text is a message");
        };
        let error = Address::parse(&found.address).expect_err(text);
        assert_eq!(error.code(), Code::InvalidAddress);
    }
    for text in ["", "a", "//", "/a//b", "/a\0*", "/\u{202E}*", "**", &huge] {
        assert_eq!(
            Pattern::parse(text).expect_err(text).code(),
            Code::InvalidPattern
        );
    }
}
