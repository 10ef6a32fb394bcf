//! Broadcast: asks everybody on the local network, and this machine, who is a router.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clasp_proto::{Features, Hello, Message, Qos, binary, frame, msgpack};
use if_addrs::IfAddr;
use tokio::net::UdpSocket;
use tokio::time::{Instant, interval, sleep_until};

use super::{Search, SearchError, Sighting, Source};
use crate::limits::SIGHTINGS_MAX;

/// The routers that answered until the time was over.
pub(super) async fn find(search: &Search) -> Result<Vec<Sighting>, SearchError> {
    let Some(port) = search.broadcast_port else {
        return Ok(Vec::new());
    };
    let deadline = Instant::now() + search.within;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.set_broadcast(true)?;
    let targets = targets(search.is_local);
    let hello = hello();
    let mut found = BTreeMap::new();
    let mut again = interval(ASK_AGAIN);
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    loop {
        tokio::select! {
            _ = again.tick() => ask(&socket, &hello, &targets, port).await?,
            received = socket.recv_from(&mut datagram) => {
                // An error is what became of an earlier question: nobody is there.
                if let Ok((bytes, sender)) = received
                    && let Some(name) = router_name(&datagram[..bytes])
                    && found.len() < SIGHTINGS_MAX
                {
                    found.insert(sender.ip(), name);
                }
            }
            () = sleep_until(deadline) => break,
        }
    }
    let sightings = found.into_iter();
    Ok(sightings
        .filter_map(|(ip, name)| sighting(ip, &name))
        .collect())
}

/// The addresses that reach everybody: of every network of this machine, since the general one reaches only the first.
fn targets(is_local: bool) -> Vec<Ipv4Addr> {
    let mut targets = vec![Ipv4Addr::LOCALHOST];
    if is_local {
        return targets;
    }
    targets.push(Ipv4Addr::BROADCAST);
    // Without the list the general address has to do.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let networks = interfaces
        .into_iter()
        .filter_map(|interface| match interface.addr {
            IfAddr::V4(address) => address.broadcast,
            IfAddr::V6(_) => None,
        });
    targets.extend(networks);
    targets.sort();
    targets.dedup();
    targets
}

/// One target that can be reached is enough.
async fn ask(socket: &UdpSocket, hello: &[u8], targets: &[Ipv4Addr], port: u16) -> io::Result<()> {
    let (mut has_asked, mut failed) = (false, None);
    for target in targets {
        match socket
            .send_to(hello, SocketAddr::from((*target, port)))
            .await
        {
            Ok(_) => has_asked = true,
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if !has_asked => Err(error),
        _ => Ok(()),
    }
}

/// What the published clients ask.
fn hello() -> Vec<u8> {
    let hello = Message::Hello(Hello {
        version: 1,
        features: Features::NONE,
        name: "Discovery".to_owned(),
        ..Hello::default()
    });
    let (mut payload, mut bytes) = (Vec::new(), Vec::new());
    binary::encode(&hello, &mut payload).expect("the name is short");
    frame::write(&mut bytes, Qos::Fire, &payload).expect("a HELLO fits a frame");
    bytes
}

/// The name in a WELCOME; nothing in anything else.
fn router_name(datagram: &[u8]) -> Option<String> {
    let (_, payload) = frame::split(datagram).ok()?;
    let message = if msgpack::is_msgpack(*payload.first()?) {
        msgpack::decode(payload).ok()?
    } else {
        binary::decode(payload).ok()?
    };
    match message {
        Message::Welcome(welcome) => Some(welcome.name),
        _ => None,
    }
}

fn sighting(ip: IpAddr, name: &str) -> Option<Sighting> {
    let address = SocketAddr::new(ip, WEBSOCKET_PORT);
    Sighting::new(
        Source::Broadcast,
        name,
        vec![format!("ws://{address}/clasp")],
    )
}

/// A datagram may get lost.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A WELCOME with a long name.
const DATAGRAM_BYTES_MAX: usize = 1024;

/// The answer has no port; this is the one that routers have unless told otherwise.
const WEBSOCKET_PORT: u16 = 7330;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_that_of_published_clients() {
        assert_eq!(
            hello(),
            b"\x53\x01\x00\x10\x01\x01\x00\x00\x09Discovery\x00\x00"
        );
    }

    #[test]
    fn only_a_welcome_is_an_answer() {
        let welcome = b"\x53\x01\x00\x40\x02\x01\xf8\x00\x06\x0a\x24\x18\x1e\x40\x00\x00\x24\
            00000000-0000-4000-8000-000000000000\x00\x0bCLASP Relay\x00\x00";
        assert_eq!(router_name(welcome).as_deref(), Some("CLASP Relay"));
        for length in 0..welcome.len() {
            assert_eq!(router_name(&welcome[..length]), None);
        }
        assert_eq!(router_name(&hello()), None);
        assert_eq!(router_name(b"HTTP/1.1 200 OK"), None);
    }

    #[test]
    fn an_answer_leads_to_the_usual_port() {
        let urls = |ip: &str| sighting(ip.parse().unwrap(), "Stage").unwrap().urls;
        assert_eq!(urls("10.0.0.7"), ["ws://10.0.0.7:7330/clasp"]);
        assert_eq!(urls("::1"), ["ws://[::1]:7330/clasp"]);
    }

    #[test]
    fn nothing_leaves_this_machine_if_so_wished() {
        assert_eq!(targets(true), [Ipv4Addr::LOCALHOST]);
        let everybody = targets(false);
        assert!(
            everybody.contains(&Ipv4Addr::BROADCAST) && everybody.contains(&Ipv4Addr::LOCALHOST)
        );
    }

    #[tokio::test]
    async fn answers_are_gathered_until_the_time_is_over() {
        let router = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let search = Search::default()
            .on_this_machine()
            .broadcast_port(router.local_addr().unwrap().port())
            .within(Duration::from_millis(300));
        let answer = async {
            let mut datagram = [0; 64];
            let (bytes, client) = router.recv_from(&mut datagram).await.unwrap();
            assert_eq!(datagram[..bytes], hello());
            for answer in [
                &b"noise"[..],
                b"\x53\x01\x00\x15\x02\x01\xf8\0\0\0\0\0\0\0\0\0\x01x\0\x02Ab\0\0\0",
            ] {
                router.send_to(answer, client).await.unwrap();
            }
        };
        let (found, ()) = tokio::join!(find(&search), answer);
        let expected = sighting(Ipv4Addr::LOCALHOST.into(), "Ab").unwrap();
        assert_eq!(found.unwrap(), [expected]);
    }
}
