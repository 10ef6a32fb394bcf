//! Starting: everything is bound before anything is served.

use clasp_server::{Config, Protocol, Server, SidePort, StartError};

use crate::harness::{Client, PROTOCOLS, address, check_served, start};

#[tokio::test]
async fn a_server_on_free_ports_serves_all_protocols() {
    let server = start(|_| {}).await;
    assert!(server.is_ready());
    assert!(
        server
            .local_addrs()
            .iter()
            .all(|bound| bound.address.port() != 0)
    );
    check_served(&server).await;
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let server = start(|config| {
        config.health_port = Some(0);
        config.metrics_port = Some(0);
        config.rendezvous_port = SidePort::Asked(0);
        config.broadcast_port = SidePort::Asked(0);
    })
    .await;
    let services = [
        Protocol::Health,
        Protocol::Metrics,
        Protocol::Rendezvous,
        Protocol::Broadcast,
    ];
    for protocol in PROTOCOLS.into_iter().chain(services) {
        let taken = address(&server, protocol);
        let mut config = Config {
            host: "127.0.0.1".to_owned(),
            websocket_port: Some(0),
            ..Config::development()
        };
        match protocol {
            Protocol::WebSocket => config.websocket_port = Some(taken.port()),
            Protocol::Quic => config.quic_port = Some(taken.port()),
            Protocol::Tcp => config.tcp_port = Some(taken.port()),
            Protocol::Auth => config.auth_port = Some(taken.port()),
            Protocol::Health => config.health_port = Some(taken.port()),
            Protocol::Metrics => config.metrics_port = Some(taken.port()),
            Protocol::Rendezvous => config.rendezvous_port = SidePort::Asked(taken.port()),
            Protocol::Broadcast => config.broadcast_port = SidePort::Asked(taken.port()),
        }
        let Err(error) = Server::start(&config).await else {
            panic!("{taken} is taken")
        };
        let text = error.to_string();
        assert!(
            text.contains(&taken.to_string()) && text.contains(protocol.flag()),
            "{text}"
        );
        assert!(matches!(error, StartError::Bind { protocol: named, .. } if named == protocol));
    }
}

#[tokio::test]
async fn a_port_is_free_again_when_its_server_has_stopped() {
    let server = start(|_| {}).await;
    let port = address(&server, Protocol::Tcp).port();
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    server.shutdown().await;
    let again = start(|config| config.tcp_port = Some(port)).await;
    check_served(&again).await;
    client.end().await;
}
