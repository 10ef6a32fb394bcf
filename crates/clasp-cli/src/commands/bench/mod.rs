//! `clasp bench`: how fast a router is, measured with this program's own client.
//!
//! Publisher and subscribers share one process and one clock, so a message's delay is known without comparing clocks.
//! The first part of each run is not counted, and what never arrives is counted as lost.

mod flow;
mod histogram;
mod report;

use std::time::Duration;

use clasp_client::{Builder, Client, Reconnect};
use clasp_server::{Config, Server};
use tokio::signal;

use crate::args::{BenchArgs, Scenario};
use crate::error::CommandError;
use flow::{Flow, Measured, Pace};
use report::Report;

/// Measures and prints the results.
///
/// # Errors
/// There is no router, or it delivers nothing.
pub(crate) async fn run(args: BenchArgs) -> Result<(), CommandError> {
    tokio::select! {
        outcome = measure(&args) => outcome,
        _ = signal::ctrl_c() => Ok(()),
    }
}

async fn measure(args: &BenchArgs) -> Result<(), CommandError> {
    let (server, url) = match &args.server {
        Some(url) => (None, url.clone()),
        None => own_router()
            .await
            .map(|(server, url)| (Some(server), url))?,
    };
    let mut report = Report::new(args, &url);
    for (scenario, flow) in flows(args) {
        let measured = one(args, &url, &flow, scenario).await?;
        if measured.delivered == 0 {
            return Err(CommandError::NothingDelivered);
        }
        report.add(scenario, &flow, measured);
    }
    report.print(args.json)?;
    if let Some(server) = server {
        server.shutdown().await;
    }
    Ok(())
}

/// A router of our own, on a port of the system's choice and without a rate limit.
async fn own_router() -> Result<(Server, String), CommandError> {
    let config = Config {
        host: "127.0.0.1".to_owned(),
        websocket_port: Some(0),
        sessions_max: 0,
        pending_per_ip_max: usize::MAX,
        messages_per_second: 0,
        drain_timeout: Duration::ZERO,
        ..Config::development()
    };
    let server = Server::start(&config).await?;
    let bound = server
        .local_addrs()
        .first()
        .expect("a server that listens for WebSocket has an address");
    let url = format!("ws://{}", bound.address);
    Ok((server, url))
}

fn flows(args: &BenchArgs) -> Vec<(&'static str, Flow)> {
    let flow = |subscribers, pace| Flow {
        subscribers,
        pace,
        size: usize::from(args.size),
        measured: Duration::from_secs_f64(args.seconds),
    };
    let window = Pace::Window(u64::from(args.window));
    let throughput = ("throughput", flow(1, window));
    let fanout = ("fanout", flow(args.subscribers as usize, window));
    let latency = ("latency", flow(1, Pace::Rate(args.rate)));
    match args.scenario {
        Scenario::All => vec![throughput, fanout, latency],
        Scenario::Throughput => vec![throughput],
        Scenario::Fanout => vec![fanout],
        Scenario::Latency => vec![latency],
    }
}

/// Connects everybody, runs one flow, and parts.
async fn one(
    args: &BenchArgs,
    url: &str,
    flow: &Flow,
    scenario: &str,
) -> Result<Measured, CommandError> {
    let publisher = connect(args, url).await?;
    let mut clients = Vec::with_capacity(flow.subscribers);
    let mut subscriptions = Vec::with_capacity(flow.subscribers);
    let address = format!("/bench/{}", publisher.session());
    for _ in 0..flow.subscribers {
        let client = connect(args, url).await?;
        subscriptions.push(client.subscribe(&address).await?);
        clients.push(client);
    }
    let mut measured = flow
        .run(&publisher, &address, subscriptions, scenario)
        .await?;
    measured.refused = publisher.last_refusal();
    publisher.close().await;
    for client in clients {
        client.close().await;
    }
    Ok(measured)
}

async fn connect(args: &BenchArgs, url: &str) -> Result<Client, CommandError> {
    let builder: Builder = Client::builder(url)
        .name("clasp bench")
        .reconnect(Reconnect::never())
        .cache_addresses_max(0);
    let builder = builder.trust(args.trust.trust());
    let builder = match &args.token {
        Some(token) => builder.token(token),
        None => builder,
    };
    Ok(builder.connect().await?)
}
