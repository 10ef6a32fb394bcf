//! MQTT 3.1.1, the client's side.

use super::{Event, FILLER, Publication, Reply, Template, be16, put_text, stamp_of};

pub(super) fn connect(out: &mut Vec<u8>, client_id: &str) {
    // Clean session, keep-alive of the longest kind (some brokers refuse 0).
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0xff, 0xff];
    put_text(&mut body, client_id.as_bytes());
    packet(out, CONNECT, &body);
}

pub(super) fn subscribe(out: &mut Vec<u8>, id: u32, pattern: &str, qos: u8) {
    // Packet ids have 16 bits and are never 0.
    let mut body = (((id - 1) % 65535 + 1) as u16).to_be_bytes().to_vec();
    put_text(&mut body, pattern.as_bytes());
    body.push(qos);
    packet(out, SUBSCRIBE, &body);
}

pub(super) fn ping(out: &mut Vec<u8>) {
    packet(out, PINGREQ, &[]);
}

pub(super) fn puback(out: &mut Vec<u8>, id: u16) {
    packet(out, PUBACK << 4, &id.to_be_bytes());
}

pub(super) fn template(publication: &Publication<'_>) -> Template {
    let Publication {
        address,
        size,
        qos,
        retain,
        ..
    } = *publication;
    let mut body = Vec::new();
    put_text(&mut body, address.as_bytes());
    let packet_id_at = body.len();
    if qos > 0 {
        body.extend_from_slice(&[0, 1]);
    }
    let stamp_at = body.len();
    body.resize(stamp_at + size.max(8), FILLER);
    let mut bytes = Vec::new();
    packet(
        &mut bytes,
        PUBLISH << 4 | qos << 1 | u8::from(retain),
        &body,
    );
    let header = bytes.len() - body.len();
    let packet_id_at = if qos > 0 { header + packet_id_at } else { 0 };
    Template {
        bytes,
        stamp_at: header + stamp_at,
        packet_id_at,
    }
}

pub(super) fn drain(bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> usize {
    let mut used = 0;
    while let Some((start, end)) = first_packet(&bytes[used..]) {
        let first = bytes[used];
        one(first, &bytes[used + start..used + end], report);
        used += end;
    }
    used
}

fn one(first: u8, body: &[u8], report: &mut impl FnMut(Event<'_>)) {
    match first >> 4 {
        PUBLISH => {
            let mut at = 2 + be16(body, 0);
            if (first >> 1) & 3 > 0 {
                report(Event::Reply(Reply::MqttPuback(be16(body, at) as u16)));
                at += 2;
            }
            report(Event::Message {
                stamp: stamp_of(&body[at..]),
            });
        }
        CONNACK if body[1] == 0 => report(Event::Welcome),
        CONNACK => report(Event::Error {
            code: u16::from(body[1]),
            text: b"CONNACK",
        }),
        PUBACK => report(Event::Ack { address: b"" }),
        SUBACK => report(Event::SubAck),
        PINGRESP => report(Event::Pong),
        _ => {}
    }
}

/// Where the body of the first packet lies; None while it is incomplete.
fn first_packet(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut len, mut shift, mut start) = (0usize, 0, 1);
    loop {
        let byte = *bytes.get(start)?;
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        start += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (bytes.len() >= start + len).then_some((start, start + len))
}

fn packet(out: &mut Vec<u8>, first: u8, body: &[u8]) {
    out.push(first);
    let mut rest = body.len();
    while rest >= 128 {
        out.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    out.push(rest as u8);
    out.extend_from_slice(body);
}

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 9;
const PINGREQ: u8 = 0xC0;
const PINGRESP: u8 = 13;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Kind, Protocol};

    #[test]
    fn a_publication_is_parsed_whole_or_not_at_all() {
        let publication = Publication {
            kind: Kind::Event,
            address: "/a/b",
            size: 300,
            qos: 1,
            retain: false,
        };
        let mut bytes = Vec::new();
        Protocol::Mqtt
            .template(&publication)
            .write(&mut bytes, 7.5, 513);
        for cut in 0..bytes.len() {
            assert_eq!(
                drain(&bytes[..cut], &mut |_| panic!("event from {cut} bytes")),
                0
            );
        }
        let (mut stamps, mut ids) = (Vec::new(), Vec::new());
        let used = drain(&bytes, &mut |event| match event {
            Event::Message { stamp } => stamps.push(stamp),
            Event::Reply(Reply::MqttPuback(id)) => ids.push(id),
            _ => panic!("unexpected event"),
        });
        assert_eq!((used, stamps, ids), (bytes.len(), vec![7.5], vec![513]));
    }
}
