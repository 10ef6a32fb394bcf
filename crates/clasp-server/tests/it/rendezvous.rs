//! Rendezvous: devices register at a server, and servers at each other.

use std::time::Duration;

use clasp_server::{Config, Protocol, Server, SidePort};
use clasp_transport::DialOptions;
use clasp_transport::http::{Answer, Method, Request, StatusCode, request};
use serde_json::Value;

use crate::harness::{address, check_served, server, soon, start, url};

fn with_rendezvous(config: &mut Config) {
    config.rendezvous_port = SidePort::Asked(0);
}

async fn ask(rendezvous: &str, method: Method, path: &str, json: Option<&str>) -> Answer {
    let url = format!("{rendezvous}{path}");
    let asked = Request {
        method,
        url: &url,
        json: json.map(|text| text.as_bytes().to_vec()),
        ..Request::default()
    };
    soon("an answer", request(asked, &DialOptions::default()))
        .await
        .expect("the port is open")
}

/// The urls of what is registered there.
async fn listed(rendezvous: &str) -> Vec<String> {
    let answer = ask(rendezvous, Method::GET, "/api/v1/discover?tag=stage", None).await;
    assert_eq!(answer.status, StatusCode::OK);
    let devices: Vec<Value> = serde_json::from_slice(&answer.body).expect("a list");
    let urls = devices.iter().filter_map(|device| device["url"].as_str());
    urls.map(str::to_owned).collect()
}

#[tokio::test]
async fn devices_register_and_are_found_over_http() {
    let server = start(with_rendezvous).await;
    let rendezvous = url(&server, Protocol::Rendezvous);
    let body = r#"{"name":"Lamp","endpoints":{"ws":"ws://127.0.0.1:1"},"tags":["stage"]}"#;
    let registered = ask(&rendezvous, Method::POST, "/api/v1/register", Some(body)).await;
    assert_eq!(registered.status, StatusCode::CREATED);
    assert_eq!(listed(&rendezvous).await, ["ws://127.0.0.1:1"]);
    check_served(&server).await;
}

/// Waits until the list is as wanted; asks as often as one address is answered.
async fn until_listed(rendezvous: &str, is_wanted: impl Fn(&[String]) -> bool) {
    let wait = async {
        while !is_wanted(&listed(rendezvous).await) {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    soon("the registration", wait).await;
}

/// A server that registers at another one and renews that often.
async fn registrant(rendezvous: &str) -> Server {
    let rendezvous = rendezvous.to_owned();
    server(|config| {
        config.rendezvous_url = Some(rendezvous);
        config.rendezvous_refresh = Duration::from_millis(300);
        config.rendezvous_tags = vec!["stage".to_owned()];
    })
    .await
}

#[tokio::test]
async fn a_server_registers_elsewhere_and_unregisters_when_it_stops() {
    let first = start(with_rendezvous).await;
    let rendezvous = url(&first, Protocol::Rendezvous);
    let second = registrant(&rendezvous).await;
    let expected = format!("{}/clasp", url(&second, Protocol::WebSocket));
    until_listed(&rendezvous, |urls| urls == [expected.as_str()]).await;
    second.shutdown().await;
    assert_eq!(listed(&rendezvous).await, [""; 0]);
}

#[tokio::test]
async fn a_registration_outlives_the_server_that_keeps_it() {
    let first = start(with_rendezvous).await;
    let rendezvous = url(&first, Protocol::Rendezvous);
    let port = address(&first, Protocol::Rendezvous).port();
    let second = registrant(&rendezvous).await;
    until_listed(&rendezvous, |urls| urls.len() == 1).await;
    first.shutdown().await;
    // It knows of nobody, and the second one has to notice.
    let again = start(|config| config.rendezvous_port = SidePort::Asked(port)).await;
    until_listed(&rendezvous, |urls| urls.len() == 1).await;
    check_served(&again).await;
    second.shutdown().await;
}

#[tokio::test]
async fn nobody_to_register_at_does_not_keep_a_server_from_serving() {
    let unused = start(with_rendezvous).await;
    let rendezvous = url(&unused, Protocol::Rendezvous);
    unused.shutdown().await;
    let server = start(|config| {
        config.rendezvous_url = Some(rendezvous);
        config.rendezvous_advertise = Some("wss://stage.example.org".to_owned());
    })
    .await;
    check_served(&server).await;
    soon("the end", server.shutdown()).await;
}
