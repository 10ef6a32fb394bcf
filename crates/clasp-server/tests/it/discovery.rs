//! Being found on the local network: broadcasts over UDP, mDNS; all on loopback.

use clasp_proto::{Message, binary, frame};
use clasp_server::{Protocol, SidePort};
use mdns_sd::{IfKind, Receiver, ServiceDaemon, ServiceEvent};
use tokio::net::{TcpListener, UdpSocket};

use crate::harness::{address, check_served, framed, hello, soon, start};

#[tokio::test]
async fn a_broadcast_is_answered_and_noise_is_not() {
    let server = start(|config| {
        config.name = "Stage".to_owned();
        config.broadcast_port = SidePort::Asked(0);
    })
    .await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    socket
        .connect(address(&server, Protocol::Broadcast))
        .await
        .expect("an address");
    for noise in [&b""[..], b"S", b"\x53\x01\x00\x01\x41", &[0; 4096]] {
        socket.send(noise).await.expect("datagrams are sent");
    }
    socket
        .send(&framed(&hello()))
        .await
        .expect("datagrams are sent");
    let mut answer = [0; 256];
    let bytes = soon("an answer", socket.recv(&mut answer))
        .await
        .expect("the port is open");
    let (_, payload) = frame::split(&answer[..bytes]).expect("a whole frame");
    let Ok(Message::Welcome(welcome)) = binary::decode(payload) else {
        panic!("expected a WELCOME")
    };
    assert_eq!(welcome.name, "Stage");
    assert_eq!(server.sessions(), 0, "it is no session");
    assert!(
        socket.try_recv(&mut answer).is_err(),
        "one answer to one HELLO"
    );
}

#[tokio::test]
async fn what_is_on_by_default_gives_way_to_who_has_the_port() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let rendezvous = tcp.local_addr().expect("it is bound").port();
    let broadcast = udp.local_addr().expect("it is bound").port();
    let server = start(|config| {
        config.rendezvous_port = SidePort::IfFree(rendezvous);
        config.broadcast_port = SidePort::IfFree(broadcast);
    })
    .await;
    let bound = server.local_addrs();
    assert!(
        bound.iter().all(|bound| bound.protocol.is_clasp()),
        "{bound:?}"
    );
    check_served(&server).await;
}

/// The next event of this instance that is of the kind.
async fn await_event(
    events: &Receiver<ServiceEvent>,
    instance: &str,
    mut is_wanted: impl FnMut(&ServiceEvent, &str) -> bool,
) -> ServiceEvent {
    let fullname = format!("{instance}._clasp._tcp.local.");
    let find = async {
        loop {
            let event = events.recv_async().await.expect("the search goes on");
            if is_wanted(&event, &fullname) {
                return event;
            }
        }
    };
    soon("an mDNS event", find).await
}

#[tokio::test]
async fn mdns_announces_the_server_until_it_stops() {
    // Tests of other processes may be on this interface as well.
    let name = format!("test {}", std::process::id());
    let daemon = ServiceDaemon::new().expect("mDNS can be used");
    daemon.disable_interface(IfKind::All).expect("it listens");
    daemon
        .enable_interface(IfKind::LoopbackV4)
        .expect("it listens");
    let events = daemon.browse("_clasp._tcp.local.").expect("it listens");
    let server = start(|config| {
        config.name.clone_from(&name);
        config.mdns = true;
    })
    .await;
    let found = await_event(&events, &name, |event, fullname| {
        matches!(event, ServiceEvent::ServiceResolved(service) if service.fullname == fullname)
    })
    .await;
    let ServiceEvent::ServiceResolved(service) = found else {
        panic!("it is resolved")
    };
    let websocket = address(&server, Protocol::WebSocket);
    assert_eq!(service.port, websocket.port());
    let addresses: Vec<_> = service.addresses.iter().map(|ip| ip.to_ip_addr()).collect();
    assert_eq!(addresses, [websocket.ip()]);
    let port = websocket.port().to_string();
    for (key, text) in [
        ("name", &name[..]),
        ("version", "2"),
        ("features", "psetg"),
        ("ws", &port),
    ] {
        assert_eq!(service.get_property_val_str(key), Some(text), "{key}");
    }
    server.shutdown().await;
    await_event(&events, &name, |event, fullname| {
        matches!(event, ServiceEvent::ServiceRemoved(_, removed) if removed == fullname)
    })
    .await;
    daemon.shutdown().expect("it ends");
}
