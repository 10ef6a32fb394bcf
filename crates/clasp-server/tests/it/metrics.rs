//! The metrics port: what is counted, and how it is told.

use std::collections::BTreeMap;

use clasp_proto::{Get, Message, Publish, Set, Signal, Subscribe, TypeMask, Value};
use clasp_server::{Protocol, Server, Top};

use crate::authority::Authority;
use crate::harness::{Client, Running, address, ask, framed, hello, soon, start, stuck_reader};

/// Every sample of a server, by its name and labels.
pub(crate) struct Samples(BTreeMap<String, f64>);

impl Samples {
    pub(crate) async fn of(server: &Server) -> Self {
        let samples = exposition(server).await;
        let samples = samples.lines().filter(|line| !line.starts_with('#'));
        let parse = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
            (name.to_owned(), value.parse().expect("a value is a number"))
        };
        Self(samples.map(parse).collect())
    }

    pub(crate) fn get(&self, sample: &str) -> f64 {
        let value = self.0.get(sample).copied();
        value.unwrap_or_else(|| panic!("{sample} is not in {:#?}", self.0.keys()))
    }

    pub(crate) fn check(&self, expected: &[(&str, f64)]) {
        for (sample, value) in expected {
            assert_eq!(self.get(sample), *value, "{sample}");
        }
    }
}

pub(crate) async fn exposition(server: &Server) -> String {
    let (status, text) = ask(address(server, Protocol::Metrics), "GET /metrics").await;
    assert_eq!(status, 200);
    text
}

/// Waits until a sample has this value: what the peer did last may not be over yet.
async fn until(server: &Server, sample: &str, value: f64) -> Samples {
    soon(sample, async {
        loop {
            let samples = Samples::of(server).await;
            if samples.get(sample) == value {
                return samples;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

pub(crate) async fn start_with_metrics() -> Running {
    start(|config| config.metrics_port = Some(0)).await
}

fn set(address: &str) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: Value::Int(1),
        ..Set::default()
    })
}

fn event(address: &str, bytes: usize) -> Message {
    Message::Publish(Publish {
        address: address.to_owned(),
        signal: Some(Signal::Event),
        value: Some(Value::Bytes(vec![0; bytes])),
        ..Publish::default()
    })
}

fn subscribe(id: u32, pattern: &str) -> Message {
    Message::Subscribe(Subscribe {
        id,
        pattern: pattern.to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    })
}

/// One of nearly everything.
pub(crate) async fn some_traffic(server: &Server) -> (Client, Client) {
    let mut reader = Client::welcomed(server, Protocol::WebSocket).await;
    let mut writer = Client::welcomed(server, Protocol::Tcp).await;
    reader.send(&subscribe(1, "/a/*")).await;
    reader.send(&subscribe(2, "/b")).await;
    reader.sync().await;
    let missing = Message::Get(Get {
        address: "/missing".to_owned(),
    });
    for message in [
        set("/a/1"),
        set("/a/2"),
        event("/b", 100),
        set("/nobody"),
        missing,
    ] {
        writer.send(&message).await;
    }
    writer.sync().await;
    reader.sync().await;
    (reader, writer)
}

#[tokio::test]
async fn traffic_is_counted_exactly() {
    let server = start_with_metrics().await;
    let (reader, writer) = some_traffic(&server).await;
    let samples = Samples::of(&server).await;
    samples.check(&[
        ("clasp_ready", 1.0),
        ("clasp_sessions_active", 2.0),
        ("clasp_subscriptions_active", 2.0),
        ("clasp_state_params_active", 3.0),
        ("clasp_queued_bytes", 0.0),
        ("clasp_connections_accepted_total", 2.0),
        ("clasp_messages_total{type=\"hello\"}", 2.0),
        ("clasp_messages_total{type=\"subscribe\"}", 2.0),
        ("clasp_messages_total{type=\"set\"}", 3.0),
        ("clasp_messages_total{type=\"publish\"}", 1.0),
        ("clasp_messages_total{type=\"get\"}", 1.0),
        ("clasp_messages_total{type=\"ping\"}", 3.0),
        ("clasp_messages_total{type=\"federation_sync\"}", 0.0),
        ("clasp_message_latency_seconds_count{type=\"set\"}", 3.0),
        ("clasp_message_latency_seconds_count{type=\"ping\"}", 3.0),
        (
            "clasp_message_latency_seconds_bucket{type=\"set\",le=\"+Inf\"}",
            3.0,
        ),
        ("clasp_broadcast_fanout_bucket{le=\"0\"}", 1.0),
        ("clasp_broadcast_fanout_bucket{le=\"1\"}", 4.0),
        ("clasp_broadcast_fanout_sum", 3.0),
        ("clasp_broadcast_fanout_count", 4.0),
        ("clasp_deliveries_total", 3.0),
        ("clasp_errors_total{code=\"201\"}", 1.0),
        ("clasp_errors_total{code=\"400\"}", 0.0),
        ("clasp_sessions_ended_total{reason=\"left\"}", 0.0),
    ]);
    let seconds = samples.get("clasp_message_latency_seconds_sum{type=\"set\"}");
    assert!(seconds > 0.0 && seconds < 10.0, "{seconds}");
    let (received, sent) = ("clasp_received_bytes_total", "clasp_sent_bytes_total");
    assert!((200.0..1000.0).contains(&samples.get(received)));
    assert!((300.0..2000.0).contains(&samples.get(sent)));
    drop((reader, writer));
    let gone = until(&server, "clasp_sessions_active", 0.0).await;
    gone.check(&[
        ("clasp_subscriptions_active", 0.0),
        ("clasp_sessions_ended_total{reason=\"left\"}", 2.0),
    ]);
}

#[tokio::test]
async fn refused_peers_are_counted() {
    let server = start(|config| {
        config.metrics_port = Some(0);
        config.token = Some("secret".to_owned());
        config.messages_per_second = 5;
    })
    .await;
    let greet = async |token: Option<&str>| {
        let Message::Hello(mut greeting) = hello() else {
            unreachable!("it is a HELLO")
        };
        greeting.token = token.map(str::to_owned);
        let mut client = Client::dial(&server, Protocol::Tcp).await;
        client.send(&Message::Hello(greeting)).await;
        client.next().await;
        client
    };
    greet(None).await;
    greet(Some("guess")).await;
    greet(Some("guess again")).await;
    let mut client = greet(Some("secret")).await;
    for _ in 0..20 {
        client.send(&set("/a")).await;
    }
    client
        .send_frames(&[bytes::Bytes::from_static(b"noise")])
        .await;
    let samples = until(
        &server,
        "clasp_dropped_messages_total{reason=\"unreadable\"}",
        1.0,
    )
    .await;
    samples.check(&[
        ("clasp_auth_failures_total{reason=\"no_token\"}", 1.0),
        ("clasp_auth_failures_total{reason=\"wrong_token\"}", 2.0),
        ("clasp_errors_total{code=\"300\"}", 3.0),
    ]);
    let limited = samples.get("clasp_dropped_messages_total{reason=\"rate_limit\"}");
    assert!((1.0..=20.0).contains(&limited), "{limited}");
}

#[tokio::test]
async fn slow_consumers_are_counted_with_what_they_lose() {
    let server = start_with_metrics().await;
    let _stuck = stuck_reader(&server).await;
    let samples = Samples::of(&server).await;
    let queued = samples.get("clasp_queued_bytes_max");
    assert!(
        queued > 1e6 && queued <= samples.get("clasp_queued_bytes"),
        "{queued}"
    );
    let mut publisher = Client::welcomed(&server, Protocol::Tcp).await;
    let frames: Vec<_> = (0..60).map(|_| framed(&event("/e", 60_000))).collect();
    publisher.send_frames(&frames).await;
    let slow = "clasp_sessions_ended_total{reason=\"slow_consumer\"}";
    let samples = until(&server, slow, 1.0).await;
    assert!(samples.get("clasp_discarded_bytes_total") > 4e6);
    samples.check(&[("clasp_errors_total{code=\"503\"}", 1.0)]);
}

#[tokio::test]
async fn the_certificate_is_watched() {
    let authority = Authority::new();
    let server = start(|config| {
        authority.configure(config);
        config.metrics_port = Some(0);
    })
    .await;
    let (expiry, ok, failed) = (
        "clasp_certificate_expiry_seconds",
        "clasp_certificate_reloads_total{result=\"ok\"}",
        "clasp_certificate_reloads_total{result=\"failed\"}",
    );
    let samples = Samples::of(&server).await;
    samples.check(&[(ok, 0.0), (failed, 0.0)]);
    assert!(samples.get(expiry) > 86_400.0);
    server.reload();
    until(&server, ok, 1.0).await;
    authority.replace("server.key", "no key");
    server.reload();
    until(&server, failed, 1.0).await;
}

#[tokio::test]
async fn every_address_of_the_port_has_its_answer() {
    let server = start_with_metrics().await;
    let port = address(&server, Protocol::Metrics);
    let metrics = ask(port, "GET /").await;
    assert!(
        metrics.1.starts_with("# HELP clasp_ready "),
        "{}",
        metrics.1
    );
    assert_eq!(ask(port, "GET /health").await, (200, "OK".to_owned()));
    for (request, status) in [
        ("GET /metrics?name=x", 200),
        ("HEAD /metrics", 200),
        ("POST /metrics", 405),
        ("GET /healthz", 404),
        ("GET /metrics/", 404),
    ] {
        assert_eq!(ask(port, request).await.0, status, "{request}");
    }
}

#[tokio::test]
async fn top_tells_the_hottest_addresses() {
    let server = start_with_metrics().await;
    let (_reader, mut writer) = some_traffic(&server).await;
    for _ in 0..50 {
        writer.send(&set("/hot")).await;
        writer.sync().await;
    }
    let (status, text) = ask(address(&server, Protocol::Metrics), "GET /top").await;
    assert_eq!(status, 200, "{text}");
    let top: Top = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!((top.sessions, top.subscriptions, top.params), (2, 2, 4));
    assert_eq!(top.messages.get("set"), Some(&53));
    assert_eq!(top.messages.get("query"), None, "there were none");
    assert_eq!(top.errors.get("201"), Some(&1));
    assert_eq!((top.deliveries, top.superseded), (3, 0));
    assert!(top.uptime_seconds > 0.0 && top.resident_bytes.is_some());
    let hottest = &top.addresses[0];
    assert_eq!(hottest.address, "/hot");
    // A busy thread looks at some batches only.
    assert!((8..=200).contains(&hottest.count), "{hottest:?}");
}
