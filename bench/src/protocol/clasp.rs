//! CLASP v1, binary encoding, one frame to a WebSocket message.

use super::{
    Event, FILLER, Kind, Publication, Reply, Template, be16, be64, put_text, stamp_at, websocket,
};

pub(super) fn hello(out: &mut Vec<u8>, token: &str) {
    let mut message = vec![HELLO, 1, 0xF8];
    put_text(&mut message, b"clasp-bench");
    put_text(&mut message, token.as_bytes());
    wrap(out, 0, &message);
}

pub(super) fn subscribe(out: &mut Vec<u8>, id: u32, pattern: &str) {
    let mut message = vec![SUBSCRIBE];
    message.extend_from_slice(&id.to_be_bytes());
    put_text(&mut message, pattern.as_bytes());
    message.extend_from_slice(&[0xFF, 0]);
    wrap(out, 1, &message);
}

pub(super) fn ping(out: &mut Vec<u8>) {
    wrap(out, 0, &[PING]);
}

pub(super) fn pong(out: &mut Vec<u8>) {
    wrap(out, 0, &[PONG]);
}

pub(super) fn template(publication: &Publication<'_>) -> Template {
    let Publication {
        kind,
        address,
        size,
        qos,
        ..
    } = *publication;
    let mut message = Vec::with_capacity(size + address.len() + 16);
    let value_type = if size <= 8 { TYPE_FLOAT } else { TYPE_BYTES };
    match kind {
        Kind::Set => {
            message.extend_from_slice(&[SET, value_type]);
            put_text(&mut message, address.as_bytes());
        }
        Kind::Event | Kind::Stream => {
            let signal: u8 = if kind == Kind::Event { 1 } else { 2 };
            message.extend_from_slice(&[PUBLISH, signal << 5]);
            put_text(&mut message, address.as_bytes());
            message.extend_from_slice(&[1, value_type]);
        }
    }
    if size > 8 {
        message.extend_from_slice(&(size as u16).to_be_bytes());
    }
    let at = message.len();
    message.resize(at + size.max(8), FILLER);
    let confirmed = qos > 0 || kind != Kind::Stream;
    let mut bytes = Vec::new();
    wrap(&mut bytes, u8::from(confirmed), &message);
    let stamp_at = bytes.len() - message.len() + at;
    Template {
        bytes,
        stamp_at,
        packet_id_at: 0,
    }
}

pub(super) fn drain(bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> usize {
    let mut used = 0;
    while let Some(frame) = websocket::first_frame(&bytes[used..]) {
        let body = &bytes[used + frame.start..used + frame.end];
        used += frame.end;
        match frame.opcode {
            websocket::BINARY => frames(body, report),
            websocket::CLOSE => report(Event::Closed),
            websocket::PING => report(Event::Reply(Reply::WebSocketPong(body.to_vec()))),
            _ => {}
        }
    }
    used
}

/// Wraps a message into a CLASP frame inside a masked WebSocket frame.
fn wrap(out: &mut Vec<u8>, qos: u8, message: &[u8]) {
    websocket::write_header(out, websocket::BINARY, message.len() + 4);
    out.extend_from_slice(&[MAGIC, qos << 6 | 1]);
    put_text(out, message);
}

/// A WebSocket message holds one CLASP frame; several are accepted.
fn frames(mut body: &[u8], report: &mut impl FnMut(Event<'_>)) {
    while body.len() >= 4 && body[0] == MAGIC {
        let header = if body[1] & 0x20 != 0 { 12 } else { 4 };
        let end = header + be16(body, 2);
        if body.len() < end || end == header {
            return;
        }
        message(&body[header..end], report);
        body = &body[end..];
    }
}

fn message(m: &[u8], report: &mut impl FnMut(Event<'_>)) {
    match m[0] {
        SET => report(Event::Message {
            stamp: value(m, m[1], 4 + be16(m, 2)).1,
        }),
        PUBLISH => {
            let at = 4 + be16(m, 2);
            let stamp = if m[at] == 1 {
                value(m, m[at + 1], at + 2).1
            } else {
                f64::NAN
            };
            report(Event::Message { stamp });
        }
        ACK if m[1] & 1 != 0 => report(Event::Ack {
            address: &m[4..4 + be16(m, 2)],
        }),
        ACK => report(Event::Ack { address: b"" }),
        SNAPSHOT => snapshot(m, report),
        BUNDLE => {
            let mut at = if m[1] & 0x80 != 0 { 12 } else { 4 };
            for _ in 0..be16(m, 2) {
                let len = be16(m, at);
                message(&m[at + 2..at + 2 + len], report);
                at += 2 + len;
            }
        }
        WELCOME => report(Event::Welcome),
        PING => report(Event::Reply(Reply::ClaspPong)),
        PONG => report(Event::Pong),
        ERROR => report(Event::Error {
            code: be16(m, 1) as u16,
            text: &m[5..5 + be16(m, 3)],
        }),
        _ => {}
    }
}

fn snapshot(m: &[u8], report: &mut impl FnMut(Event<'_>)) {
    let mut at = 3;
    for _ in 0..be16(m, 1) {
        let address_end = at + 2 + be16(m, at);
        let address = &m[at + 2..address_end];
        let (value_end, stamp) = value(m, m[address_end], address_end + 1);
        // eight bytes of revision, then flags
        let flags = m[value_end + 8];
        at = value_end + 9;
        if flags & 1 != 0 {
            at += 2 + be16(m, at);
        }
        if flags & 2 != 0 {
            at += 8;
        }
        report(Event::Param { address, stamp });
    }
    report(Event::Snapshot);
}

/// Position behind a value of type `code` at `at`, and its first eight bytes as a
/// number where there are any.
fn value(m: &[u8], code: u8, at: usize) -> (usize, f64) {
    match code & 0x0f {
        0 => (at, f64::NAN),
        1 | 2 => (at + 1, f64::from(m[at])),
        3 => (at + 2, f64::NAN),
        4 | 6 => (at + 4, f64::NAN),
        5 => (at + 8, be64(m, at) as i64 as f64),
        TYPE_FLOAT => (at + 8, stamp_at(m, at)),
        8 | TYPE_BYTES => {
            let end = at + 2 + be16(m, at);
            (end, super::stamp_of(&m[at + 2..end]))
        }
        code => {
            let mut end = at + 2;
            for _ in 0..be16(m, at) {
                if code != TYPE_ARRAY {
                    end += 2 + be16(m, end);
                }
                end = value(m, m[end], end + 1).0;
            }
            (end, f64::NAN)
        }
    }
}

const MAGIC: u8 = 0x53;
const HELLO: u8 = 0x01;
const WELCOME: u8 = 0x02;
const SUBSCRIBE: u8 = 0x10;
const PUBLISH: u8 = 0x20;
const SET: u8 = 0x21;
const SNAPSHOT: u8 = 0x23;
const BUNDLE: u8 = 0x30;
const PING: u8 = 0x41;
const PONG: u8 = 0x42;
const ACK: u8 = 0x50;
const ERROR: u8 = 0x51;
const TYPE_FLOAT: u8 = 7;
const TYPE_BYTES: u8 = 9;
const TYPE_ARRAY: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;

    /// A masked client frame turned into the unmasked frame that a server sends.
    fn as_server_frame(client: &[u8]) -> Vec<u8> {
        let body = client.iter().position(|byte| *byte == MAGIC).unwrap();
        let mut frame = vec![0x80 | websocket::BINARY];
        match client.len() - body {
            len @ 0..126 => frame.push(len as u8),
            len => {
                frame.push(126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&client[body..]);
        frame
    }

    #[test]
    fn the_stamp_of_a_template_comes_back_out_of_the_parser() {
        for kind in [Kind::Set, Kind::Event, Kind::Stream] {
            for size in [8, 256, 4096] {
                let publication = Publication {
                    kind,
                    address: "/a/b",
                    size,
                    qos: 0,
                    retain: false,
                };
                let mut client = Vec::new();
                Protocol::Clasp
                    .template(&publication)
                    .write(&mut client, 1234.5, 0);
                let server = as_server_frame(&client);
                let mut stamps = Vec::new();
                let used = Protocol::Clasp.drain(&server, &mut |event| {
                    if let Event::Message { stamp } = event {
                        stamps.push(stamp);
                    }
                });
                assert_eq!(
                    (used, stamps),
                    (server.len(), vec![1234.5]),
                    "{kind:?} {size}"
                );
            }
        }
    }
}
