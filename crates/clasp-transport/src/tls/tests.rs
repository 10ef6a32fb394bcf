//! Both sides of TLS and QUIC on loopback.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::error::{HandshakeError, LinkError};
use crate::{DialOptions, Link, Stream, dial, quic};

fn localhost() -> Certificate {
    Certificate::self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
}

/// A file with the certificate, for clients that trust it and nobody else.
fn authority(certificate: &Certificate) -> Trust {
    let name = format!("clasp-authority-{}.pem", certificate.fingerprint());
    let path = std::env::temp_dir().join(name);
    let block = data_encoding::BASE64.encode(&certificate.key.cert[0]);
    let text = format!("-----BEGIN CERTIFICATE-----\n{block}\n-----END CERTIFICATE-----\n");
    std::fs::write(&path, text).expect("the file can be written");
    Trust::Authority(path)
}

async fn connect(url: &str, trust: &Trust) -> Result<Link, LinkError> {
    let options = DialOptions {
        trust: trust.clone(),
        ..DialOptions::default()
    };
    dial(url, &options).await
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let outcome = timeout(Duration::from_secs(20), future).await;
    outcome.expect("it comes within the deadline")
}

/// Accepts one connection, and sends back what it says.
async fn echo_tcp(listener: &TcpListener, tls: &ServerTls) -> Result<(), HandshakeError> {
    let (socket, _) = listener.accept().await?;
    echo(Link::length(accept(socket, tls).await?)).await;
    Ok(())
}

async fn echo_quic(listener: &quic::Listener) -> Result<(), HandshakeError> {
    let arriving = listener.accept().await.expect("the listener is open");
    echo(Link::bare(arriving.stream().await?)).await;
    Ok(())
}

async fn echo(mut link: Link) {
    while let Ok(Some(frame)) = link.recv().await {
        link.send_many(&[frame]).await.unwrap();
    }
    // The client has ended its half, and waits for ours.
    link.close(1000, "").await.ok();
}

/// Sends frames of all sizes and gets them back.
async fn check_echo(url: &str, trust: &Trust) {
    let mut link = connect(url, trust).await.unwrap();
    let sizes = [1, 100, 16_384, 65_535];
    let frames: Vec<Bytes> = sizes.map(frame_of).into();
    link.send_many(&frames).await.unwrap();
    for frame in &frames {
        assert_eq!(link.recv().await.unwrap().as_ref(), Some(frame));
    }
    link.close(1000, "").await.unwrap();
}

fn frame_of(payload_len: usize) -> Bytes {
    let mut frame = Vec::new();
    let payload = vec![7; payload_len];
    clasp_proto::frame::write(&mut frame, clasp_proto::Qos::Fire, &payload).unwrap();
    frame.into()
}

async fn tcp_listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn quic_listener(tls: &ServerTls) -> (quic::Listener, SocketAddr) {
    let listener = quic::Listener::bind(([127, 0, 0, 1], 0).into(), tls).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn frames_travel_over_tls_and_quic() {
    let certificate = localhost();
    let trust = authority(&certificate);
    let tls = ServerTls::new(certificate);
    let (listener, address) = tcp_listener().await;
    let url = format!("tcps://{address}");
    let (served, ()) =
        soon(async { tokio::join!(echo_tcp(&listener, &tls), check_echo(&url, &trust)) }).await;
    served.unwrap();
    let (listener, address) = quic_listener(&tls);
    let url = format!("quic://localhost:{}", address.port());
    let (served, ()) =
        soon(async { tokio::join!(echo_quic(&listener), check_echo(&url, &trust)) }).await;
    served.unwrap();
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_taken() {
    let (other, tls) = (authority(&localhost()), ServerTls::new(localhost()));
    let (listener, address) = tcp_listener().await;
    let (udp, udp_address) = quic_listener(&tls);
    let urls = [format!("tcps://{address}"), format!("quic://{udp_address}")];
    for trust in [Trust::System, other] {
        let tcp =
            soon(async { tokio::join!(echo_tcp(&listener, &tls), connect(&urls[0], &trust)) });
        let error = tcp.await.1.unwrap_err();
        assert!(
            matches!(
                error,
                LinkError::Tls { .. } | LinkError::Trust(TlsError::NoAuthorities)
            ),
            "{error}"
        );
        if matches!(error, LinkError::Trust(_)) {
            continue;
        }
        let quic = soon(async { tokio::join!(echo_quic(&udp), connect(&urls[1], &trust)) });
        let error = quic.await.1.unwrap_err();
        assert!(matches!(error, LinkError::Quic { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_taken_except_by_who_takes_any() {
    let certificate = Certificate::self_signed(vec!["stage.example".to_owned()]);
    let trust = authority(&certificate);
    let tls = ServerTls::new(certificate);
    let (listener, address) = tcp_listener().await;
    let url = format!("tcps://{address}");
    let refused = soon(async { tokio::join!(echo_tcp(&listener, &tls), connect(&url, &trust)) });
    let error = refused.await.1.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    let any = Trust::Anybody;
    let (served, ()) =
        soon(async { tokio::join!(echo_tcp(&listener, &tls), check_echo(&url, &any)) }).await;
    served.unwrap();
}

#[tokio::test]
async fn a_new_certificate_is_that_of_the_next_handshake() {
    let (old, new) = (localhost(), localhost());
    let (trust_old, trust_new) = (authority(&old), authority(&new));
    let tls = ServerTls::new(old);
    let (listener, address) = tcp_listener().await;
    let (udp, udp_address) = quic_listener(&tls);
    let (url, udp_url) = (format!("tcps://{address}"), format!("quic://{udp_address}"));
    let (first, mut before) = soon(async {
        let accepting = async {
            let (socket, _) = listener.accept().await.unwrap();
            accept(socket, &tls).await.unwrap()
        };
        let (stream, link) = tokio::join!(accepting, connect(&url, &trust_old));
        (stream, link.unwrap())
    })
    .await;
    tls.replace(new);
    let after =
        soon(async { tokio::join!(echo_tcp(&listener, &tls), check_echo(&url, &trust_new)) });
    after.await.0.unwrap();
    let after = soon(async { tokio::join!(echo_quic(&udp), check_echo(&udp_url, &trust_new)) });
    after.await.0.unwrap();
    // Who was there before notices nothing.
    let goes_on = async {
        before.send_many(&[frame_of(5)]).await.unwrap();
        before.recv().await.unwrap()
    };
    let serve = async {
        let mut link = Link::length(first);
        let frame = link.recv().await.unwrap().expect("the frame");
        link.send_many(&[frame]).await.unwrap();
    };
    let (answer, ()) = soon(async { tokio::join!(goes_on, serve) }).await;
    assert_eq!(answer, Some(frame_of(5)));
}

#[tokio::test]
async fn who_speaks_plain_http_is_told() {
    let tls = ServerTls::new(localhost());
    let (listener, address) = tcp_listener().await;
    let check = async |request: &[u8], expected: &[u8]| {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request).await.unwrap();
        let error = soon(echo_tcp(&listener, &tls)).await.unwrap_err();
        assert!(matches!(error, HandshakeError::NotTls), "{error}");
        let mut answer = Vec::new();
        soon(client.read_to_end(&mut answer)).await.ok();
        assert!(answer.ends_with(expected), "{answer:?}");
        assert_eq!(answer.is_empty(), expected.is_empty());
    };
    let text = b"\r\nContent-Length: 45\r\nConnection: close\r\n\r\nthis port speaks TLS: use wss:// or https://\n";
    check(b"G", text).await;
    check(b"\0\0", b"").await;
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_after_all_is_refused() {
    let tls = ServerTls::new(localhost());
    let (listener, address) = tcp_listener().await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&[HANDSHAKE_RECORD; 64]).await.unwrap();
    let error = soon(echo_tcp(&listener, &tls)).await.unwrap_err();
    assert!(matches!(error, HandshakeError::Tls(_)), "{error}");
    let (mut client, listening) = (TcpStream::connect(address).await.unwrap(), &listener);
    client.shutdown().await.unwrap();
    let error = soon(echo_tcp(listening, &tls)).await.unwrap_err();
    assert!(matches!(error, HandshakeError::Closed), "{error}");
}

#[test]
fn a_stream_of_any_kind_fits_where_a_socket_did() {
    // Connections keep one each.
    assert!(size_of::<Stream>() <= 64);
}
