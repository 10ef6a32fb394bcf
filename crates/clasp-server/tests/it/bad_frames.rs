//! Frames that break the WebSocket rules: 1002 or 1009, and nobody else notices (T-SEC-02).

use clasp_proto::Close;
use clasp_server::Protocol;
use tokio::io::AsyncWriteExt;

use crate::harness::{
    Client, check_served, framed, goodbye, hello, masked, read_to_end, read_until, start, upgraded,
};

/// What it is, the bytes, and how the server must close.
fn bad_frames() -> Vec<(&'static str, Vec<u8>, Close)> {
    let length = |bytes: [u8; 8]| [&[0x82, 0xFF][..], &bytes].concat();
    let rules = [
        ("reserved bits", vec![0xF2, 0x80, 0, 0, 0, 0]),
        ("an unknown opcode", vec![0x83, 0x80, 0, 0, 0, 0]),
        ("no mask", vec![0x82, 0x01, 0x00]),
        ("a 16-bit length of 125", vec![0x82, 0xFE, 0, 125]),
        ("a 64-bit length of 65535", length(65_535_u64.to_be_bytes())),
        (
            "a length with the top bit",
            length([0x80, 0, 0, 0, 0, 0, 0, 1]),
        ),
        ("a fragmented ping", vec![0x09, 0x80, 0, 0, 0, 0]),
        ("a long ping", vec![0x89, 0xFE, 0, 126]),
        ("a continuation of nothing", masked(0x80, b"")),
        (
            "a message inside a message",
            [masked(0x02, b"a"), masked(0x82, b"b")].concat(),
        ),
        (
            "endless fragments",
            [masked(0x02, b""), masked(0x00, b"").repeat(10_000)].concat(),
        ),
    ];
    let sizes = [
        ("a length of 2^63-1", length(i64::MAX.to_be_bytes())),
        ("a length of 65548", length(65_548_u64.to_be_bytes())),
        (
            "long fragments",
            [masked(0x02, &[0; 60_000]), masked(0x00, &[0; 60_000])].concat(),
        ),
    ];
    let rules = rules
        .into_iter()
        .map(|(what, bytes)| (what, bytes, Close::Protocol));
    let sizes = sizes
        .into_iter()
        .map(|(what, bytes)| (what, bytes, Close::TooLarge));
    rules.chain(sizes).collect()
}

// protocol/wire.md 1.9, protocol/router.md 14.6, protocol/errors.md 2.1
#[tokio::test]
async fn each_ends_its_connection_with_the_reason() {
    let server = start(|_| {}).await;
    let mut bystander = Client::welcomed(&server, Protocol::WebSocket).await;
    for (what, bytes, close) in bad_frames() {
        for greeting in [vec![], masked(0x82, &framed(&hello()))] {
            let mut socket = upgraded(&server).await;
            // The server may hang up before it has read everything.
            socket
                .write_all(&[&greeting[..], &bytes].concat())
                .await
                .ok();
            let closed = goodbye(&mut read_to_end(&mut socket).await);
            assert_eq!(
                closed.and_then(|closed| closed.code),
                Some(close.number()),
                "{what}"
            );
        }
    }
    assert_eq!(bystander.sync().await, []);
    check_served(&server).await;
}

// protocol/wire.md 1.10
#[tokio::test]
async fn a_tcp_length_beyond_the_largest_frame_ends_the_connection() {
    let server = start(|_| {}).await;
    for length in [65_548_u32, u32::MAX] {
        let mut socket = crate::harness::socket(&server, Protocol::Tcp).await;
        socket.write_all(&length.to_be_bytes()).await.unwrap();
        read_to_end(&mut socket).await;
    }
    check_served(&server).await;
}

// protocol/wire.md 1.5
#[tokio::test]
async fn fragments_and_text_are_taken_also_while_greeting() {
    let server = start(|_| {}).await;
    let hello = framed(&hello());
    let (first, second) = hello.split_at(7);
    let (second, third) = second.split_at(3);
    let mut socket = upgraded(&server).await;
    let pieces = [
        [
            masked(0x81, b"text"),
            masked(0x89, b"1"),
            masked(0x02, first),
        ],
        [masked(0x8A, b""), masked(0x89, b"2"), masked(0x00, second)],
        [masked(0x80, third), masked(0x01, b"te"), masked(0x89, b"3")],
    ];
    for (piece, name) in pieces.iter().zip([b'1', b'2', b'3']) {
        socket.write_all(&piece.concat()).await.unwrap();
        read_until(&mut socket, &[0x8A, 1, name]).await;
    }
    socket
        .write_all(&[masked(0x80, b"xt"), masked(0x88, &1000_u16.to_be_bytes())].concat())
        .await
        .unwrap();
    let closed = goodbye(&mut read_to_end(&mut socket).await).unwrap();
    assert_eq!(closed.code, Some(Close::Normal.number()));
}
