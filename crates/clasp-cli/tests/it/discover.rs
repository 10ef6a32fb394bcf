//! `clasp discover` against servers on loopback, which are found in each of the three ways.

use std::net::UdpSocket;

use clasp_server::{Bound, Config, Protocol, Server, SidePort};
use tokio::task::spawn_blocking;

use crate::harness::{Ended, run};

/// A router that is found by mDNS and broadcast, and registers at a second one for rendezvous.
struct Stage {
    name: String,
    router: Server,
    rendezvous: Server,
}

impl Stage {
    async fn start() -> Self {
        let config = || Config {
            host: "127.0.0.1".to_owned(),
            websocket_port: Some(0),
            ..Config::development()
        };
        let rendezvous = Server::start(&Config {
            rendezvous_port: SidePort::Asked(0),
            ..config()
        })
        .await
        .expect("the rendezvous server starts");
        // Other tests announce themselves on this interface as well.
        let name = format!("Stage {}", std::process::id());
        let url = format!("http://{}", address(&rendezvous, Protocol::Rendezvous));
        let router = Server::start(&Config {
            name: name.clone(),
            mdns: true,
            broadcast_port: SidePort::Asked(0),
            rendezvous_url: Some(url),
            rendezvous_tags: vec!["live".to_owned()],
            ..config()
        })
        .await
        .expect("the router starts");
        Self {
            name,
            router,
            rendezvous,
        }
    }

    /// Runs the command until it lists the router: to register and to announce takes its time.
    async fn find(&self, arguments: &[&str]) -> String {
        let broadcast = address(&self.router, Protocol::Broadcast);
        let broadcast = broadcast.rsplit_once(':').expect("an address has a port").1;
        let rendezvous = format!("http://{}", address(&self.rendezvous, Protocol::Rendezvous));
        let mut all = vec!["discover", "--local", "--timeout", "1"];
        for argument in arguments {
            all.push(match *argument {
                "BROADCAST" => broadcast,
                "RENDEZVOUS" => &rendezvous,
                argument => argument,
            });
        }
        for _ in 0..TRIES_MAX {
            let ended = ended(&all).await;
            let mut lines = ended.stdout.lines();
            if let Some(line) = lines.find(|line| line.contains(&self.name)) {
                assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
                return line.to_owned();
            }
        }
        panic!("{all:?} does not find the router")
    }
}

fn address(server: &Server, protocol: Protocol) -> String {
    let is_wanted = |bound: &&Bound| bound.protocol == protocol;
    let bound = server.local_addrs().iter().find(is_wanted);
    bound.expect("the port is open").address.to_string()
}

/// Runs the command beside the servers of this process.
async fn ended(arguments: &[&str]) -> Ended {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let command = spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(&arguments)
    });
    command.await.expect("the command ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_is_found_in_each_way_and_listed_once() {
    let stage = Stage::start().await;
    let url = format!("ws://{}/clasp", address(&stage.router, Protocol::WebSocket));
    let name = &stage.name;
    let by_mdns = stage.find(&["--no-broadcast"]).await;
    assert_eq!(by_mdns, format!("{url}  {name}  (mdns)"));
    let by_broadcast = stage
        .find(&["--no-mdns", "--broadcast-port", "BROADCAST"])
        .await;
    assert_eq!(
        by_broadcast,
        format!("ws://127.0.0.1:7330/clasp  {name}  (broadcast)")
    );
    let by_rendezvous = [
        "--no-mdns",
        "--no-broadcast",
        "--rendezvous-url",
        "RENDEZVOUS",
        "--tag",
        "live",
    ];
    let by_rendezvous = stage.find(&by_rendezvous).await;
    assert_eq!(by_rendezvous, format!("{url}  {name}  (rendezvous)"));
    let all = [
        "--rendezvous-url",
        "RENDEZVOUS",
        "--broadcast-port",
        "BROADCAST",
        "--json",
    ];
    let expected = format!(
        r#"{{"name":"{name}","others":[],"sources":["mdns","broadcast","rendezvous"],"url":"{url}"}}"#
    );
    assert_eq!(stage.find(&all).await, expected);
    stage.router.shutdown().await;
    stage.rendezvous.shutdown().await;
}

#[test]
fn nothing_found_is_a_failure_that_says_what_did_not_work() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("it is bound").port().to_string();
    let check = |arguments: &[&str], code: i32, texts: &[&str]| {
        let ended = run(&[
            &["discover", "--local", "--no-mdns", "--timeout", "0.3"],
            arguments,
        ]
        .concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{ended:?}");
        for text in texts {
            assert!(ended.stderr.contains(text), "{ended:?}");
        }
    };
    check(
        &["--broadcast-port", &port],
        1,
        &["no router was found: is one running"],
    );
    let unreachable = ["--no-broadcast", "--rendezvous-url", "http://127.0.0.1:1"];
    check(
        &unreachable,
        1,
        &[
            "the rendezvous server http://127.0.0.1:1 cannot be asked",
            "refused",
        ],
    );
    let no_url = ["--no-broadcast", "--rendezvous-url", "127.0.0.1:1"];
    check(&no_url, 1, &["expected http://host:port"]);
    check(&["--no-broadcast"], 2, &["leave nothing to look for"]);
    check(&["--tag", "x"], 2, &["--rendezvous-url"]);
}

/// Each takes a second.
const TRIES_MAX: usize = 20;
