//! NATS client protocol, the client's side.

use super::redis::{line_end, number};
use super::{Event, FILLER, Publication, Reply, Template, stamp_of};

pub(super) fn connect(out: &mut Vec<u8>) {
    out.extend_from_slice(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n");
}

pub(super) fn subscribe(out: &mut Vec<u8>, id: u32, pattern: &str) {
    out.extend_from_slice(format!("SUB {pattern} {id}\r\n").as_bytes());
}

pub(super) fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PING\r\n");
}

pub(super) fn pong(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PONG\r\n");
}

pub(super) fn template(publication: &Publication<'_>) -> Template {
    let size = publication.size.max(8);
    let mut bytes = format!("PUB {} {size}\r\n", publication.address).into_bytes();
    let stamp_at = bytes.len();
    bytes.resize(stamp_at + size, FILLER);
    bytes.extend_from_slice(b"\r\n");
    Template {
        bytes,
        stamp_at,
        packet_id_at: 0,
    }
}

pub(super) fn drain(bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> usize {
    let mut used = 0;
    loop {
        let rest = &bytes[used..];
        let Some(end) = line_end(rest) else {
            return used;
        };
        let line = &rest[..end];
        let body = end + 2;
        if line.starts_with(b"MSG ") {
            let len = line.rsplit(|byte| *byte == b' ').next().map_or(0, number) as usize;
            if rest.len() < body + len + 2 {
                return used;
            }
            report(Event::Message {
                stamp: stamp_of(&rest[body..body + len]),
            });
            used += body + len + 2;
            continue;
        }
        match line {
            b"PONG" => report(Event::Pong),
            b"PING" => report(Event::Reply(Reply::NatsPong)),
            _ if line.starts_with(b"INFO") => report(Event::Welcome),
            _ if line.starts_with(b"-ERR") => report(Event::Error {
                code: 1,
                text: line,
            }),
            _ => {}
        }
        used += body;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_parsed_whole_or_not_at_all() {
        let mut bytes = b"MSG b.t.0 1 8\r\n".to_vec();
        bytes.extend_from_slice(&2.5f64.to_be_bytes());
        bytes.extend_from_slice(b"\r\n");
        for cut in 0..bytes.len() {
            assert_eq!(
                drain(&bytes[..cut], &mut |_| panic!("event from {cut} bytes")),
                0
            );
        }
        let mut stamps = Vec::new();
        let used = drain(&bytes, &mut |event| {
            if let Event::Message { stamp } = event {
                stamps.push(stamp);
            }
        });
        assert_eq!((used, stamps), (bytes.len(), vec![2.5]));
    }
}
