//! The link over every transport, against our own server side and an independent one.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{accept_async, client_async};

use super::*;
use crate::websocket::{self, Origins, UpgradeRules};
use crate::{DialOptions, UpgradeProblem, dial, memory};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn frames(count: usize, bytes: usize) -> Vec<Bytes> {
    (0..count)
        .map(|i| Bytes::from(vec![i as u8; bytes]))
        .collect()
}

/// Sends every frame back, answers pings with pongs, says goodbye at the first empty frame.
async fn echo(mut stream: Stream, mut reader: FrameReader, mut buf: Vec<u8>) {
    let mut out = Vec::new();
    loop {
        let mut at = 0;
        loop {
            match reader.next(&mut buf, &mut at).unwrap() {
                Step::Binary(range) if range.is_empty() => {
                    websocket::close(&mut out, 1001, "going away");
                }
                Step::Binary(range) => match reader {
                    FrameReader::Length(_) => tcp::write_frame(&mut out, &buf[range]),
                    FrameReader::Bare(_) => out.extend_from_slice(&buf[range]),
                    FrameReader::WebSocket(_) => {
                        websocket::header(&mut out, 0x82, 0, range.len());
                        out.extend_from_slice(&buf[range]);
                    }
                },
                Step::Ping(range) => websocket::pong(&mut out, &buf[range]),
                Step::Close { .. } => return,
                Step::NeedMore(_) => break,
                step => panic!("unexpected {step:?}"),
            }
        }
        buf.drain(..at);
        stream.write_all(&out).await.unwrap();
        out.clear();
        if stream.read_buf(&mut buf).await.unwrap() == 0 {
            return;
        }
    }
}

async fn check_echo(link: &mut Link, count: usize, bytes: usize) {
    let sent = frames(count, bytes);
    link.send_many(&sent).await.unwrap();
    for expected in sent {
        assert_eq!(link.recv().await.unwrap(), Some(expected));
    }
}

async fn check_echo_of_all_sizes(link: &mut Link) {
    for (count, bytes) in [(1, 1), (300, 8), (40, 200), (3, FRAME_MAX)] {
        check_echo(link, count, bytes).await;
    }
    // More than a pipe holds, from both sides at once.
    check_echo(link, 60, 60_000).await;
}

#[tokio::test]
async fn websocket_carries_frames_both_ways_and_the_close_reason() {
    let (listener, address) = listener().await;
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let rules = UpgradeRules {
            origins: Origins::listed([]),
        };
        let upgraded = websocket::accept(socket.into(), &rules, || true)
            .await
            .unwrap();
        echo(
            upgraded.stream,
            FrameReader::websocket_server(),
            upgraded.leftover,
        )
        .await;
    };
    let client = async {
        let mut link = dial(&format!("ws://{address}/clasp"), &DialOptions::default())
            .await
            .unwrap();
        check_echo_of_all_sizes(&mut link).await;
        link.send_many(&[Bytes::new()]).await.unwrap();
        assert_eq!(link.recv().await.unwrap(), None);
        assert_eq!(
            link.closed(),
            Some(&Closed {
                code: Some(1001),
                reason: "going away".to_owned()
            })
        );
        link.close(1000, "").await.unwrap();
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn tcp_and_memory_carry_frames_both_ways() {
    let (listener, address) = listener().await;
    let (server_end, client_end) = memory::pair(4096);
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        tokio::join!(
            echo(socket.into(), FrameReader::length(), Vec::new()),
            echo(server_end, FrameReader::length(), Vec::new())
        );
    };
    let client = async {
        let mut tcp = dial(&format!("tcp://{address}"), &DialOptions::default())
            .await
            .unwrap();
        check_echo_of_all_sizes(&mut tcp).await;
        tcp.close(1000, "").await.unwrap();
        let mut memory = Link::length(client_end);
        check_echo_of_all_sizes(&mut memory).await;
        memory.close(1000, "").await.unwrap();
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn an_independent_server_understands_our_link() {
    let (listener, address) = listener().await;
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(socket).await.unwrap();
        for bytes in [1, 126, FRAME_MAX] {
            let message = socket.next().await.unwrap().unwrap();
            assert_eq!(message, Message::Binary(vec![0; bytes].into()));
            socket.send(Message::Ping(b"p"[..].into())).await.unwrap();
            socket.send(message).await.unwrap();
            assert_eq!(
                socket.next().await.unwrap().unwrap(),
                Message::Pong(b"p"[..].into())
            );
        }
        let frame = CloseFrame {
            code: CloseCode::Policy,
            reason: "no".into(),
        };
        socket.send(Message::Close(Some(frame))).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    };
    let client = async {
        let mut link = dial(&format!("ws://{address}"), &DialOptions::default())
            .await
            .unwrap();
        for bytes in [1, 126, FRAME_MAX] {
            check_echo(&mut link, 1, bytes).await;
        }
        assert_eq!(link.recv().await.unwrap(), None);
        assert_eq!(
            link.closed(),
            Some(&Closed {
                code: Some(1008),
                reason: "no".to_owned()
            })
        );
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn an_independent_client_understands_our_server_side() {
    let (listener, address) = listener().await;
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let rules = UpgradeRules {
            origins: Origins::Any,
        };
        let upgraded = websocket::accept(socket.into(), &rules, || true)
            .await
            .unwrap();
        echo(
            upgraded.stream,
            FrameReader::websocket_server(),
            upgraded.leftover,
        )
        .await;
    };
    let client = async {
        let socket = TcpStream::connect(address).await.unwrap();
        let (mut socket, _) = client_async(format!("ws://{address}/any"), socket)
            .await
            .unwrap();
        for bytes in [1, 126, 65535, FRAME_MAX] {
            let message = Message::Binary(vec![7; bytes].into());
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.send(Message::Ping(b"p"[..].into())).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::Pong(b"p"[..].into())
        );
        socket.send(Message::Binary(Bytes::new())).await.unwrap();
        let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else {
            panic!("expected a close")
        };
        assert_eq!(
            (u16::from(frame.code), frame.reason.as_str()),
            (1001, "going away")
        );
    };
    tokio::join!(server, client);
}

/// A server that answers the first bytes with `answer` and hangs up.
async fn dial_to(answer: &'static [u8]) -> LinkError {
    let (listener, address) = listener().await;
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.readable().await.unwrap();
        let mut request = [0; 1024];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(answer).await.unwrap();
    };
    let url = format!("ws://{address}");
    let options = DialOptions::default();
    let (_, outcome) = tokio::join!(server, dial(&url, &options));
    outcome.unwrap_err()
}

#[tokio::test]
async fn a_server_that_does_not_upgrade_is_an_error_with_its_words() {
    let refused = dial_to(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nnot today").await;
    assert!(
        matches!(&refused, LinkError::Refused { status: 403, text } if text == "not today"),
        "{refused:?}"
    );
    let check = async |answer, expected| {
        let error = dial_to(answer).await;
        assert!(
            matches!(error, LinkError::Upgrade(problem) if problem == expected),
            "{error:?}"
        );
    };
    check(b"", UpgradeProblem::HungUp).await;
    check(b"S\x01\x00\x01", UpgradeProblem::NotHttp).await;
    check(
        b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        UpgradeProblem::Accept,
    )
    .await;
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (_listener, address) = listener().await;
    let options = DialOptions {
        timeout: Duration::from_millis(20),
        ..DialOptions::default()
    };
    let error = dial(&format!("ws://{address}"), &options)
        .await
        .unwrap_err();
    assert!(matches!(error, LinkError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn a_frame_cut_short_is_an_error_and_a_large_one_is_not_sent() {
    let (mut server_end, client_end) = memory::pair(4096);
    let mut link = Link::length(client_end);
    let too_large = link.send_many(&frames(1, FRAME_MAX + 1)).await;
    assert!(
        matches!(too_large, Err(LinkError::TooLarge { bytes: 65548 })),
        "{too_large:?}"
    );
    server_end
        .write_all(&[0, 0, 0, 1, b'x', 0, 0])
        .await
        .unwrap();
    drop(server_end);
    assert_eq!(link.recv().await.unwrap(), Some(Bytes::from_static(b"x")));
    assert!(matches!(link.recv().await, Err(LinkError::Truncated)));
}
