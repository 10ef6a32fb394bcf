//! `clasp top` against the metrics port of a real server.

use std::net::TcpListener;

use clasp_server::{Config, Protocol, Server};
use tokio::runtime::Runtime;

use crate::harness::{Running, clasp, run};

/// A server in this process, with its ports.
struct Metered {
    runtime: Runtime,
    server: Option<Server>,
}

impl Metered {
    fn start() -> Self {
        let config = Config {
            host: "127.0.0.1".to_owned(),
            websocket_port: Some(0),
            health_port: Some(0),
            metrics_port: Some(0),
            name: "Stage".to_owned(),
            ..Config::development()
        };
        let runtime = Runtime::new().expect("a runtime can be made");
        let server = runtime.block_on(Server::start(&config));
        Self {
            runtime,
            server: Some(server.expect("the server starts")),
        }
    }

    fn url(&self, protocol: Protocol) -> String {
        let server = self.server.as_ref().expect("it runs until it is dropped");
        let mut bound = server.local_addrs().iter();
        let bound = bound.find(|bound| bound.protocol == protocol);
        let address = bound.expect("the listener is open").address;
        format!("{}://{address}", protocol.scheme(false))
    }

    fn set(&self, address: &str) {
        let set = clasp(&["set", address, "1"])
            .env("CLASP_SERVER", self.url(Protocol::WebSocket))
            .output();
        assert!(set.expect("the command can be started").status.success());
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

#[test]
fn one_look_is_text_or_an_object() {
    let server = Metered::start();
    server.set("/lights/1");
    let url = server.url(Protocol::Metrics);
    let once = ["top", "--once", "--interval", "0.1", "--metrics"];
    // The url that the relay logs is as good.
    for url in [&url, &format!("{url}/metrics"), &format!("{url}/")] {
        let ended = run(&[&once[..], &[url]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let lines: Vec<_> = ended.stdout.lines().collect();
        assert!(lines[0].starts_with("Stage 0."), "{lines:#?}");
        assert!(
            lines[1].starts_with("sessions 0   subscriptions 0   params 1"),
            "{lines:#?}"
        );
        assert_eq!(lines.last(), Some(&"           0  /lights/1"), "{lines:#?}");
    }
    let ended = run(&[&once[..], &[&url, "--json"]].concat());
    let object: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    assert_eq!(object["messages"]["set"], 1);
    assert_eq!(object["rates"]["messages"]["set"], 0.0);
    assert_eq!(object["addresses"][0]["address"], "/lights/1");
}

#[test]
fn looks_go_on_until_interrupted() {
    let server = Metered::start();
    let url = server.url(Protocol::Metrics);
    let top = Running::start(&["top", "--json", "--interval", "0.05", "--metrics", &url]);
    let busy = || {
        let object: serde_json::Value = serde_json::from_str(&top.line()).expect("it is JSON");
        object["rates"]["messages"]["set"].as_f64() > Some(0.0)
    };
    assert!(!busy());
    server.set("/a");
    while !busy() {}
    top.signal("INT");
    assert_eq!(top.wait().code, 0);
}

#[test]
fn who_has_no_metrics_is_told_how_to_get_them() {
    let server = Metered::start();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let nobody = format!("http://{}", free.expect("there is a free port"));
    for (url, code, cause) in [
        (
            nobody.as_str(),
            1,
            "start the router with `clasp-relay --metrics-port 9090`",
        ),
        (&server.url(Protocol::Health), 1, "/top answered 404"),
        ("localhost:9090", 2, "--metrics: expected http://host:port"),
    ] {
        let ended = run(&["top", "--once", "--metrics", url]);
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{url}");
        assert!(ended.stderr.contains(cause), "{url}: {}", ended.stderr);
    }
}
