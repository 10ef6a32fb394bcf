//! TLS on every listener, and its certificate replaced while it serves.

use std::time::Duration;

use clasp_server::{Config, ConfigError, Counted, Plan, Protocol, Server};
use clasp_transport::tls::Trust;
use clasp_transport::{DialOptions, Link, LinkError, dial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::authority::Authority;
use crate::harness::{
    Client, PROTOCOLS, address, check_served, read_to_end, socket, soon, start, until, url,
};

async fn link(server: &Server, protocol: Protocol, trust: Trust) -> Result<Link, LinkError> {
    let options = DialOptions {
        trust,
        ..DialOptions::default()
    };
    soon("a link", dial(&url(server, protocol), &options)).await
}

/// Connects while it lasts, and says how often the certificate was not what it has to be.
async fn check_trusted(server: &Server, authority: &Authority) {
    for protocol in PROTOCOLS {
        let link = link(server, protocol, authority.trust()).await;
        assert!(link.is_ok(), "{protocol}: {link:?}");
    }
}

// protocol/wire.md 1.15
#[tokio::test]
async fn every_listener_speaks_tls_with_the_whole_chain() {
    let authority = Authority::new();
    let server = start(|config| authority.configure(config)).await;
    for (protocol, scheme) in PROTOCOLS.into_iter().zip(["wss", "quic", "tcps"]) {
        assert!(url(&server, protocol).starts_with(scheme));
    }
    check_served(&server).await;
    check_trusted(&server, &authority).await;
    let stranger = Authority::new();
    for protocol in PROTOCOLS {
        let refused = link(&server, protocol, stranger.trust()).await;
        assert!(
            matches!(refused, Err(LinkError::Tls { .. } | LinkError::Quic { .. })),
            "{protocol}: {refused:?}"
        );
    }
}

// protocol/wire.md 1.15
#[tokio::test]
async fn who_speaks_no_tls_is_told_what_to_use() {
    let authority = Authority::new();
    let server = start(|config| authority.configure(config)).await;
    let mut probe = socket(&server, Protocol::WebSocket).await;
    probe
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("the request is taken");
    let answer = String::from_utf8(read_to_end(&mut probe).await).expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("use wss://"),
        "{answer}"
    );
    let mut other = socket(&server, Protocol::Tcp).await;
    other
        .write_all(&[0, 0, 0, 5])
        .await
        .expect("bytes are taken");
    assert_eq!(read_to_end(&mut other).await, b"");
    check_served(&server).await;
}

/// What a port answers to a request for this path, without TLS and with it.
async fn answers(
    server: &Server,
    authority: &Authority,
    (protocol, path): (Protocol, &str),
) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut plain = socket(server, protocol).await;
    let taken = plain.write_all(request.as_bytes()).await;
    taken.expect("the request is taken");
    let plain = read_to_end(&mut plain).await;
    let mut stream = authority.stream(address(server, protocol)).await;
    let taken = stream.write_all(request.as_bytes()).await;
    taken.expect("the request is taken");
    let mut secured = Vec::new();
    soon("the answer", stream.read_to_end(&mut secured))
        .await
        .ok();
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(plain), text(secured))
}

/// What probes seldom have is the authority; what they ask for is no secret.
#[tokio::test]
async fn the_health_port_answers_with_and_without_tls() {
    let authority = Authority::new();
    let server = start(|config| {
        authority.configure(config);
        config.health_port = Some(0);
    })
    .await;
    let (plain, secured) = answers(&server, &authority, (Protocol::Health, "/readyz")).await;
    assert!(plain.ends_with("ready\n"), "{plain}");
    assert!(secured.ends_with("ready\n"), "{secured}");
}

/// Registering there needs a secret, so that nobody does it in the open.
#[cfg(feature = "rendezvous")]
#[tokio::test]
async fn the_rendezvous_port_answers_with_tls_only() {
    let authority = Authority::new();
    let server = start(|config| {
        authority.configure(config);
        config.rendezvous_port = clasp_server::SidePort::Asked(0);
    })
    .await;
    let health = (Protocol::Rendezvous, "/api/v1/health");
    let (plain, secured) = answers(&server, &authority, health).await;
    assert!(plain.starts_with("HTTP/1.1 400 "), "{plain}");
    assert!(secured.ends_with("OK"), "{secured}");
}

#[tokio::test]
async fn silent_peers_do_not_hold_up_others() {
    let authority = Authority::new();
    let server = start(|config| {
        authority.configure(config);
        config.pending_per_ip_max = 256;
    })
    .await;
    let mut silent = Vec::new();
    for protocol in [Protocol::WebSocket, Protocol::Tcp] {
        for _ in 0..50 {
            let mut socket = socket(&server, protocol).await;
            // The beginning of a handshake that never goes on.
            socket.write_all(b"\x16\x03\x01").await.expect("taken");
            silent.push(socket);
        }
    }
    // QUIC connections on which nobody opens a stream: the client says HELLO only when it sends.
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(
            link(&server, Protocol::Quic, authority.trust())
                .await
                .expect("a link"),
        );
    }
    let begun = Instant::now();
    check_served(&server).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    drop((silent, streams));
}

/// Certificates change while 200 clients a second connect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_reload_under_new_connections_fails_no_handshake() {
    let authority = Authority::new();
    let server = start(|config| {
        authority.configure(config);
        config.pending_per_ip_max = 256;
        config.sessions_max = 0;
    })
    .await;
    let mut before = Client::welcomed(&server, Protocol::WebSocket).await;
    let target = url(&server, Protocol::WebSocket);
    let options = DialOptions {
        trust: authority.trust(),
        timeout: Duration::from_secs(20),
    };
    let mut dialling = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / CONNECTIONS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    for number in 0..CONNECTIONS {
        ticks.tick().await;
        if number % (CONNECTIONS / RELOADS) == 0 {
            authority.install(&authority.sign());
            server.reload();
        }
        let (target, options) = (target.clone(), options.clone());
        dialling.spawn(async move { dial(&target, &options).await.map(drop) });
    }
    let mut failed = Vec::new();
    while let Some(outcome) = dialling.join_next().await {
        failed.extend(outcome.expect("dialling does not panic").err());
    }
    println!("{CONNECTIONS} connections in {:?}", begun.elapsed());
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed[0]
    );
    let reloaded = || server.counters().read(Counted::Reloaded);
    until("most of the reloads", || {
        reloaded() >= u64::from(RELOADS / 2)
    })
    .await;
    assert_eq!(before.sync().await, [], "who was there goes on");
}

#[tokio::test]
async fn a_changed_file_is_found_without_a_signal() {
    let authority = Authority::new();
    let server = start(|config| authority.configure(config)).await;
    let old = server.fingerprint();
    authority.install(&authority.sign());
    until("the new certificate", || server.fingerprint() != old).await;
    check_trusted(&server, &authority).await;
}

/// Kubernetes mounts secrets behind a link to a folder, and moves the link.
#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_moved_is_a_change() {
    use std::os::unix::fs::symlink;

    let authority = Authority::new();
    let folders = ["first", "second"].map(|name| authority.folder().join(name));
    for folder in &folders {
        std::fs::create_dir(folder).expect("a folder");
        let pair = authority.sign();
        std::fs::write(folder.join("tls.crt"), pair.cert).expect("a file");
        std::fs::write(folder.join("tls.key"), pair.key).expect("a file");
    }
    let (data, new) = (authority.path("data"), authority.path("data.new"));
    symlink(&folders[0], &data).expect("a link");
    let server = start(|config| {
        config.cert = Some(data.join("tls.crt"));
        config.key = Some(data.join("tls.key"));
    })
    .await;
    let old = server.fingerprint();
    symlink(&folders[1], &new).expect("a link");
    std::fs::rename(&new, &data).expect("the link can be moved");
    until("the new certificate", || server.fingerprint() != old).await;
    check_trusted(&server, &authority).await;
}

#[tokio::test]
async fn a_bad_new_file_keeps_the_old_certificate() {
    let authority = Authority::new();
    let server = start(|config| authority.configure(config)).await;
    let old = server.fingerprint();
    let good = authority.sign();
    let failures = || server.counters().read(Counted::ReloadFailed);
    let bad = [
        ("server.pem", String::new()),
        ("server.pem", good.cert[..good.cert.len() / 3].to_owned()),
        ("server.key", "no key".to_owned()),
        // Of a pair of which only one half has arrived.
        ("server.pem", authority.sign().cert),
        ("server.key", authority.sign().key),
    ];
    for (number, (name, text)) in bad.iter().enumerate() {
        authority.replace(name, text);
        server.reload();
        let expected = number as u64 + 1;
        until("the failure to be counted", || failures() >= expected).await;
        assert_eq!(server.fingerprint(), old, "{name} {number}");
    }
    let before = failures();
    authority.install(&authority.sign_expired());
    server.reload();
    until("the expired one to be refused", || failures() > before).await;
    assert_eq!(server.fingerprint(), old);
    check_trusted(&server, &authority).await;
    authority.install(&good);
    until("the good one", || server.fingerprint() != old).await;
    check_trusted(&server, &authority).await;
}

#[test]
fn wrong_settings_of_tls_are_told_at_once() {
    let check = |adjust: &dyn Fn(&mut Config), expected: &[&str]| {
        let mut config = Config::relay();
        adjust(&mut config);
        let errors = Plan::new(&config).expect_err("it cannot run");
        let texts: Vec<String> = errors.iter().map(ConfigError::to_string).collect();
        assert_eq!(texts, expected);
    };
    check(
        &|config| config.quic_port = Some(4433),
        &["--cert required for QUIC", "--key required for QUIC"],
    );
    check(
        &|config| config.cert = Some("a.pem".into()),
        &["--cert needs --key: give both for TLS, or none"],
    );
    check(
        &|config| config.key = Some("a.key".into()),
        &["--key needs --cert: give both for TLS, or none"],
    );
    check(
        &|config| {
            config.cert = Some("/none.pem".into());
            config.key = Some("/none.key".into());
        },
        &["cannot read /none.pem: entity not found"],
    );
}

const CONNECTIONS_PER_SECOND: u32 = 200;
const CONNECTIONS: u32 = 1000;
const RELOADS: u32 = 20;
