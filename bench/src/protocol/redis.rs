//! RESP, the protocol of redis, the client's side.

use super::{Event, FILLER, Kind, Publication, Template, stamp_of};

pub(super) fn subscribe(out: &mut Vec<u8>, pattern: &str) {
    let verb: &[u8] = if pattern.contains('*') {
        b"PSUBSCRIBE"
    } else {
        b"SUBSCRIBE"
    };
    out.extend_from_slice(&command(&[verb, pattern.as_bytes()]));
}

pub(super) fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(&command(&[b"PING"]));
}

pub(super) fn template(publication: &Publication<'_>) -> Template {
    let body = vec![FILLER; publication.size.max(8)];
    let verb: &[u8] = if publication.kind == Kind::Set {
        b"SET"
    } else {
        b"PUBLISH"
    };
    let bytes = command(&[verb, publication.address.as_bytes(), &body]);
    let stamp_at = bytes.len() - 2 - body.len();
    Template {
        bytes,
        stamp_at,
        packet_id_at: 0,
    }
}

pub(super) fn drain(bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> usize {
    let mut used = 0;
    while let Some(len) = first_answer(&bytes[used..], report) {
        used += len;
    }
    used
}

/// Reports the first answer and returns its length; None while it is incomplete.
fn first_answer(bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> Option<usize> {
    let first = *bytes.first()?;
    if first == b'*' {
        return push(bytes, report);
    }
    let item = first_item(bytes)?;
    let text = &bytes[item.start..item.end];
    match first {
        b'+' if text == b"PONG" => report(Event::Pong),
        b'-' => report(Event::Error { code: 1, text }),
        _ => report(Event::Ack { address: b"" }),
    }
    Some(item.len)
}

/// An array: a message, a pong while subscribed, or the answer to a subscription.
fn push(bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> Option<usize> {
    let end = line_end(bytes)?;
    let mut at = end + 2;
    let (mut first, mut last): (&[u8], &[u8]) = (b"", b"");
    for index in 0..number(&bytes[1..end]) {
        let item = first_item(&bytes[at..])?;
        last = &bytes[at + item.start..at + item.end];
        if index == 0 {
            first = last;
        }
        at += item.len;
    }
    match first {
        b"message" | b"pmessage" => report(Event::Message {
            stamp: stamp_of(last),
        }),
        b"pong" => report(Event::Pong),
        _ => report(Event::SubAck),
    }
    Some(at)
}

/// Length of one item, and where its text lies in it.
struct Item {
    len: usize,
    start: usize,
    end: usize,
}

fn first_item(bytes: &[u8]) -> Option<Item> {
    let end = line_end(bytes)?;
    if bytes[0] != b'$' {
        return Some(Item {
            len: end + 2,
            start: 1,
            end,
        });
    }
    let Ok(len) = usize::try_from(number(&bytes[1..end])) else {
        return Some(Item {
            len: end + 2,
            start: 0,
            end: 0,
        });
    };
    let start = end + 2;
    let item = Item {
        len: start + len + 2,
        start,
        end: start + len,
    };
    (bytes.len() >= item.len).then_some(item)
}

fn command(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Position of the first CR LF.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\r\n")
}

/// A decimal number, possibly negative.
pub(super) fn number(text: &[u8]) -> i64 {
    let (sign, digits) = text
        .strip_prefix(b"-")
        .map_or((1, text), |digits| (-1, digits));
    sign * digits.iter().fold(0i64, |sum, digit| {
        sum * 10 + i64::from(*digit) - i64::from(b'0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_parsed_whole_or_not_at_all() {
        let full = b"*4\r\n$8\r\npmessage\r\n$3\r\na/*\r\n$3\r\na/b\r\n$8\r\n12345678\r\n";
        for cut in 0..full.len() {
            assert_eq!(
                drain(&full[..cut], &mut |_| panic!("event from {cut} bytes")),
                0
            );
        }
        let mut events = 0;
        assert_eq!((drain(full, &mut |_| events += 1), events), (full.len(), 1));
    }
}
