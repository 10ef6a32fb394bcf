//! Broadcast: answers the datagram of a client that looks for a router, within limits that make it useless for floods.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use clasp_proto::{Features, Message, Qos, Welcome, binary, frame};
use clasp_router::Now;
use tokio::net::UdpSocket;
use uuid::Uuid;

use crate::allowance::Allowances;
use crate::connection::PROTOCOL_VERSION;
use crate::handshake::read_hello;
use crate::limits::{
    ACCEPT_PAUSE_MAX, BROADCAST_ANSWERS, BROADCAST_ANSWERS_TOTAL, BROADCAST_DATAGRAM_BYTES_MAX,
    BROADCAST_NAME_BYTES_MAX, BROADCAST_SOURCES_MAX,
};
use crate::shared::Shared;

/// A bound socket, and whom it answers.
#[derive(Debug)]
pub(crate) struct Responder {
    socket: UdpSocket,
    /// The address of this machine that a client has to reach it by, unless any will do.
    host: Option<Ipv4Addr>,
}

impl Responder {
    /// Binds the port where clients ask.
    ///
    /// The port is not shared with other processes: of several that did, each would answer broadcasts, and only the
    /// last would get the other datagrams.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let (bind, host) = match address.ip() {
            IpAddr::V4(host) if host.is_loopback() => (host, None),
            // A socket that is bound to one address does not get broadcasts.
            IpAddr::V4(host) if !host.is_unspecified() => (Ipv4Addr::UNSPECIFIED, Some(host)),
            // Only IPv4 has broadcasts.
            _ => (Ipv4Addr::UNSPECIFIED, None),
        };
        let socket = std::net::UdpSocket::bind((bind, address.port()))?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self { socket, host })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// True if the client is on the side of this machine that is served.
    fn is_for_us(&self, client: SocketAddrV4) -> bool {
        let own_address = || {
            let probe = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            // Sends nothing: it makes the system choose a way.
            probe.connect(client)?;
            probe.local_addr()
        };
        self.host
            .is_none_or(|host| own_address().is_ok_and(|own| own.ip() == host))
    }
}

/// Answers until the shutdown begins.
pub(crate) async fn run(responder: Responder, shared: Arc<Shared>) {
    let mut answers = Answers::new(&shared.plan.name);
    let shutdown_begun = shared.shutdown.begun();
    tokio::pin!(shutdown_begun);
    let mut datagram = [0; BROADCAST_DATAGRAM_BYTES_MAX];
    loop {
        let received = tokio::select! {
            received = responder.socket.recv_from(&mut datagram) => received,
            () = &mut shutdown_begun => return,
        };
        match received {
            Ok((bytes, SocketAddr::V4(client))) => {
                let now = shared.clock.now();
                answer(&responder, &mut answers, &datagram[..bytes], client, now);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "cannot receive datagrams for discovery");
                tokio::select! {
                    () = tokio::time::sleep(ACCEPT_PAUSE_MAX) => {}
                    () = &mut shutdown_begun => return,
                }
            }
        }
    }
}

fn answer(
    responder: &Responder,
    answers: &mut Answers,
    datagram: &[u8],
    client: SocketAddrV4,
    now: Now,
) {
    if let Some(answer) = answers.answer(datagram, client, now)
        && responder.is_for_us(client)
    {
        // Nobody waits for a client: it asks again, or another router answers.
        let sent = responder.socket.try_send_to(&answer, client.into());
        tracing::debug!(%client, ?sent, "answered a client that looks for a router");
    }
}

/// What is said to whom, and how often.
#[derive(Debug)]
struct Answers {
    name: String,
    allowances: Allowances,
}

impl Answers {
    fn new(name: &str) -> Self {
        Self {
            name: name[..name.floor_char_boundary(BROADCAST_NAME_BYTES_MAX)].to_owned(),
            allowances: Allowances::new(
                BROADCAST_ANSWERS,
                BROADCAST_ANSWERS_TOTAL,
                BROADCAST_SOURCES_MAX,
            ),
        }
    }

    /// The answer to a HELLO of a client that has not asked too often; nothing to anything else. // protocol/limits.md 5.1
    fn answer(&mut self, datagram: &[u8], client: SocketAddrV4, now: Now) -> Option<Vec<u8>> {
        read_hello(datagram).ok()?;
        let source = IpAddr::from(*client.ip()).into();
        self.allowances.take(source, now.tick).ok()?;
        Some(welcome(&self.name, Uuid::new_v4(), now))
    }
}

/// A WELCOME without a session behind it: it tells the name, and by its sender the address.
fn welcome(name: &str, session: Uuid, now: Now) -> Vec<u8> {
    let welcome = Message::Welcome(Welcome {
        version: PROTOCOL_VERSION,
        features: Features::SIGNALS,
        time: now.wall.0,
        session: session.to_string(),
        name: name.to_owned(),
        token: None,
    });
    let (mut payload, mut bytes) = (Vec::new(), Vec::new());
    binary::encode(&welcome, &mut payload).expect("the name has been shortened");
    frame::write(&mut bytes, Qos::Fire, &payload).expect("a WELCOME fits a frame");
    bytes
}

#[cfg(test)]
mod tests {
    use clasp_router::{Tick, Timestamp};
    use data_encoding::HEXLOWER;

    use super::*;

    const SECOND: u64 = 1_000_000;

    /// What published clients send.
    const HELLO: &[u8] = b"\x53\x01\x00\x10\x01\x01\x00\x00\x09Discovery\x00\x00";

    fn client(number: u32) -> SocketAddrV4 {
        SocketAddrV4::new(number.into(), 40_000)
    }

    fn at(tick: u64) -> Now {
        Now {
            wall: Timestamp(1_700_000_000_000_000),
            tick: Tick(tick),
        }
    }

    /// The vectors of the protocol, from published clients and servers.
    #[test]
    fn request_and_answer_are_those_of_published_programs() {
        assert_eq!(
            HEXLOWER.encode(HELLO),
            "530100100101000009446973636f766572790000"
        );
        let session = "00000000-0000-4000-8000-000000000000".parse().unwrap();
        assert_eq!(
            HEXLOWER.encode(&welcome("CLASP Relay", session, at(0))),
            "530100400201f800060a24181e4000002430303030303030302d303030302d343030302d\
             383030302d303030303030303030303030000b434c4153502052656c61790000"
        );
    }

    #[test]
    fn a_hello_is_answered_with_a_new_session_each_time() {
        let mut answers = Answers::new("Stage");
        let mut ids = Vec::new();
        for number in 0..2 {
            let answer = answers.answer(HELLO, client(number), at(0)).unwrap();
            let (_, payload) = frame::split(&answer).unwrap();
            let Ok(Message::Welcome(welcome)) = binary::decode(payload) else {
                panic!("a WELCOME")
            };
            assert_eq!(welcome.name, "Stage");
            assert!(Uuid::parse_str(&welcome.session).is_ok());
            ids.push(welcome.session);
        }
        assert_ne!(ids[0], ids[1]);
    }

    // protocol/limits.md 5.1, T-SEC-15
    #[test]
    fn a_source_gets_little_more_than_it_sends() {
        let name = "\u{e4}".repeat(127) + "x";
        let mut answers = Answers::new(&name);
        let mut sizes = Vec::new();
        for request in 0..1000 {
            let now = at(request * SECOND / 100);
            sizes.extend(
                answers
                    .answer(HELLO, client(1), now)
                    .map(|answer| answer.len()),
            );
        }
        // Ten seconds, and what it may ask at once.
        let granted = BROADCAST_ANSWERS.burst as usize + 9;
        assert_eq!(sizes.len(), granted);
        let largest = sizes.iter().max().copied().unwrap_or_default();
        assert!(largest <= 6 * HELLO.len(), "{largest}");
        assert!(sizes.iter().sum::<usize>() <= 1000 * HELLO.len() / 10);
    }

    // T-SEC-11, T-SEC-15
    #[test]
    fn invented_sources_are_answered_at_a_bounded_rate_and_take_bounded_memory() {
        let mut answers = Answers::new("Stage");
        let answered = (0..100_000)
            .filter(|number| answers.answer(HELLO, client(*number), at(0)).is_some())
            .count();
        assert_eq!(answered, BROADCAST_ANSWERS_TOTAL.burst as usize);
        assert!(answers.allowances.sources() <= BROADCAST_SOURCES_MAX);
    }

    // T-SEC-11
    #[test]
    fn noise_is_not_answered_and_leaves_nothing() {
        let mut answers = Answers::new("Stage");
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for number in 0..100_000 {
            let noise: Vec<u8> = (0..random() % 64).map(|_| random() as u8).collect();
            assert_eq!(answers.answer(&noise, client(number), at(0)), None);
        }
        assert_eq!(answers.allowances.sources(), 0);
        for number in 0..100_000 {
            let mut mutated = HELLO.to_vec();
            let at_byte = random() as usize % mutated.len();
            mutated[at_byte] = random() as u8;
            // A changed letter of the name is still a HELLO.
            answers.answer(&mutated, client(number), at(0));
        }
        assert!(answers.allowances.sources() <= BROADCAST_SOURCES_MAX);
        for end in 0..HELLO.len() {
            assert_eq!(
                answers.answer(&HELLO[..end], client(1), at(60 * SECOND)),
                None
            );
        }
        assert!(answers.answer(HELLO, client(1), at(60 * SECOND)).is_some());
    }

    #[tokio::test]
    async fn hosts_say_what_is_bound() {
        let bound = |host: &str| Responder::bind(SocketAddr::new(host.parse().unwrap(), 0));
        let responder = bound("127.0.0.1").unwrap();
        let address = responder.local_addr().unwrap();
        assert!(address.ip().is_loopback());
        let everywhere = bound("::").unwrap().local_addr().unwrap();
        assert_eq!(everywhere.ip(), Ipv4Addr::UNSPECIFIED);
        let taken = Responder::bind(address);
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // An address for documentation, which no machine has (RFC 5737).
        let other_side = bound("192.0.2.1").unwrap();
        assert!(!other_side.is_for_us(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1)));
        assert!(responder.is_for_us(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1)));
    }
}
