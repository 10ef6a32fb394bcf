//! Answers that are written for every message: without building the message first.

use super::writer::{Write, flag};
use super::{ACK, RESULT, encode};
use crate::error::EncodeError;
use crate::limits::{COUNT_MAX, FRAME_PAYLOAD_MAX};
use crate::message::SignalDefinition;

/// Appends the payload of an ACK with what is known of the write.
///
/// # Panics
/// If the address has more than 65535 bytes, which no received address has.
pub fn write_ack(out: &mut Vec<u8>, address: Option<&str>, revision: Option<u64>) {
    out.push(ACK);
    out.push(flag(ACK_ADDRESS, address.is_some()) | flag(ACK_REVISION, revision.is_some()));
    if let Some(address) = address {
        out.str(address)
            .expect("a received address has at most 65535 bytes");
    }
    if let Some(revision) = revision {
        out.u64(revision);
    }
}

/// The payloads of the RESULT messages for `signals`: as many signals as fit into the first one,
/// then the next (protocol/router.md 7). At least one, so that every QUERY is answered.
///
/// # Errors
/// A signal that fits into no frame.
pub fn split_result(signals: &[SignalDefinition]) -> Result<Vec<Vec<u8>>, EncodeError> {
    let mut payloads = Vec::new();
    let (mut bytes, mut count) = (Vec::new(), 0);
    let mut entry = Vec::new();
    for signal in signals {
        entry.clear();
        encode::signal(&mut entry, signal, None)?;
        if RESULT_HEADER_BYTES + bytes.len() + entry.len() > FRAME_PAYLOAD_MAX || count == COUNT_MAX
        {
            payloads.push(result(count, &bytes));
            bytes.clear();
            count = 0;
        }
        bytes.extend_from_slice(&entry);
        count += 1;
    }
    if count > 0 || payloads.is_empty() {
        payloads.push(result(count, &bytes));
    }
    Ok(payloads)
}

fn result(count: usize, signals: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(RESULT_HEADER_BYTES + signals.len());
    payload.push(RESULT);
    payload.u16(count as u16);
    payload.extend_from_slice(signals);
    payload
}

const ACK_ADDRESS: u8 = 0x01;
const ACK_REVISION: u8 = 0x02;

/// Type and count.
const RESULT_HEADER_BYTES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary;
    use crate::message::{Ack, Message};
    use crate::signal::Signal;

    #[test]
    fn an_ack_is_the_encoded_message() {
        for (address, revision) in [(None, None), (Some("/a"), None), (Some("/a"), Some(7))] {
            let (mut written, mut encoded) = (Vec::new(), Vec::new());
            write_ack(&mut written, address, revision);
            let address = address.map(str::to_owned);
            let ack = Message::Ack(Ack {
                address,
                revision,
                ..Ack::default()
            });
            encode(&ack, &mut encoded).unwrap();
            assert_eq!(written, encoded);
        }
    }

    #[test]
    fn results_are_split_by_bytes_and_complete() {
        let signal = |number: usize| SignalDefinition {
            address: format!("/stage/fixture/{number:05}/intensity"),
            signal: Signal::Param,
            datatype: Some("float".into()),
            access: None,
            meta: None,
        };
        for count in [0, 1, 3000] {
            let signals: Vec<_> = (0..count).map(signal).collect();
            let mut found = Vec::new();
            for payload in split_result(&signals).unwrap() {
                assert!(payload.len() <= FRAME_PAYLOAD_MAX);
                let Ok(Message::Result(result)) = binary::decode(&payload) else {
                    panic!("expected a RESULT");
                };
                found.extend(result.signals);
            }
            assert_eq!(found, signals);
        }
    }
}
