//! Random and mutated frames by the hundred thousand: no panic, no hang, no memory kept (T-SEC-11).

use bytes::Bytes;
use clasp_proto::{
    Bundle, Get, Message, Phase, Publish, Qos, Query, Set, Signal, Subscribe, Sync, TypeMask, Value,
};
use clasp_server::{Counted, Protocol};

use crate::harness::{Client, check_served, framed, framed_payload, resident_bytes, start_alone};

/// Fewer than the server forgives, so that each frame is looked at.
const FRAMES_PER_LINK: usize = 12;
const FRAMES: usize = 100_000;

/// Reproducible noise (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    /// Nothing like a frame, or a frame around nonsense.
    fn random_frame(&mut self) -> Bytes {
        let count = self.below(80);
        let bytes = self.bytes(count);
        match self.below(3) {
            0 => bytes.into(),
            _ => framed_payload(Qos::Confirm, &bytes),
        }
    }

    /// A good frame with a few bytes changed, cut, or repeated.
    fn mutated_frame(&mut self, good: &[Bytes]) -> Bytes {
        let mut bytes = good[self.below(good.len())].to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len().max(1));
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.extend_from_within(at..),
                _ if bytes.is_empty() => {}
                2 => bytes[at] = 0xFF,
                _ => bytes[at] = self.next() as u8,
            }
        }
        bytes.into()
    }
}

pub(crate) fn good_frames() -> Vec<Bytes> {
    let set = Set {
        address: "/a/b".to_owned(),
        value: Value::Float(0.5),
        lock: true,
        ..Set::default()
    };
    let nested = Value::Map(
        [(
            "key".to_owned(),
            Value::Array(vec![Value::Int(1), Value::Null]),
        )]
        .into(),
    );
    let deep = Set {
        address: "/a/c".to_owned(),
        value: nested,
        ..Set::default()
    };
    let gesture = Publish {
        address: "/g".to_owned(),
        signal: Some(Signal::Gesture),
        phase: Some(Phase::Move),
        id: Some(7),
        value: Some(Value::String("text".to_owned())),
        ..Publish::default()
    };
    let subscribe = Subscribe {
        id: 1,
        pattern: "/a/*/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    };
    let messages = vec![Message::Set(set.clone()), Message::Publish(gesture.clone())];
    [
        Message::Set(set),
        Message::Set(deep),
        Message::Publish(gesture),
        Message::Subscribe(subscribe),
        Message::Bundle(Bundle {
            timestamp: None,
            messages,
        }),
        Message::Get(Get {
            address: "/a/b".to_owned(),
        }),
        Message::Query(Query {
            pattern: "/**".to_owned(),
        }),
        Message::Sync(Sync {
            t1: 1,
            t2: None,
            t3: None,
        }),
    ]
    .iter()
    .map(framed)
    .collect()
}

/// Sends so many frames of noise, on one link after the other, and sees that each link comes to an end.
async fn make_noise(server: &clasp_server::Server, noise: &mut Noise, frames: usize) {
    let good = good_frames();
    for round in 0..frames / FRAMES_PER_LINK {
        let protocol = if round % 2 == 0 {
            Protocol::WebSocket
        } else {
            Protocol::Tcp
        };
        let mut client = Client::welcomed(server, protocol).await;
        let batch: Vec<Bytes> = (0..FRAMES_PER_LINK)
            .map(|index| {
                if index % 2 == 0 {
                    noise.random_frame()
                } else {
                    noise.mutated_frame(&good)
                }
            })
            .collect();
        client.send_frames(&batch).await;
        client.sync().await;
    }
}

// protocol/wire.md 7.3
#[tokio::test]
async fn noise_is_answered_and_leaves_nothing_behind() {
    let server = start_alone(|config| config.params_max = 1000).await;
    let mut noise = Noise(0x5EED);
    make_noise(&server, &mut noise, FRAMES / 10).await;
    let before = resident_bytes();
    make_noise(&server, &mut noise, 2 * FRAMES).await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 5 * 1024 * 1024, "{grown} bytes more");
    assert_eq!(server.counters().read(Counted::Panicked), 0);
    check_served(&server).await;
}
