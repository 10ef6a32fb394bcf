//! `clasp sub`: prints what happens at the addresses that match a pattern.

use std::time::Duration;

use clasp_client::limits::CONNECT_TIMEOUT;
use clasp_client::{Client, ClientError, Status, Subscription, Update};
use clasp_proto::{Pattern, TypeMask, text};
use serde_json::json;
use tokio::signal;
use tokio::time::{Instant, sleep_until};

use crate::args::SubArgs;
use crate::commands::connect;
use crate::error::CommandError;
use crate::output;

/// Prints one line for each update, through reconnects, until interrupted or told enough.
///
/// # Errors
/// The pattern is not one, the router is not there or refuses it, or there were fewer updates than wanted.
pub(crate) async fn run(args: SubArgs) -> Result<(), CommandError> {
    // What is wrong without a router needs none to be found out.
    Pattern::parse(&args.pattern).map_err(ClientError::from)?;
    let deadline = args
        .timeout
        .map(|within| Instant::now() + Duration::from_secs_f64(within));
    let mut builder = connect::builder(&args.connect);
    if let Some(within) = args.timeout {
        let within = Duration::from_secs_f64(within);
        builder = builder.connect_timeout(within.min(CONNECT_TIMEOUT));
    }
    let client = builder.connect().await?;
    let mut subscription = subscribe(&client, &args).await?;
    let mut changes = client.status_changes();
    output::status(&format!("Subscribed to {}", args.pattern));
    let mut received = 0;
    while args.count.is_none_or(|count| received < count) {
        tokio::select! {
            update = subscription.next() => match update {
                Some(update) => {
                    output::result(&line(&update, args.json))?;
                    received += 1;
                }
                None => return Err(ended(&client, &subscription)),
            },
            Some(status) = changes.next() => tell(&status),
            () = until(deadline) => return too_few(&args, received),
            _ = signal::ctrl_c() => break,
        }
    }
    tell_losses(&subscription);
    drop(subscription);
    client.close().await;
    Ok(())
}

async fn subscribe(client: &Client, args: &SubArgs) -> Result<Subscription, CommandError> {
    let mut call = client
        .subscribe(&args.pattern)
        .types(TypeMask::of(&args.types));
    if let Some(max_rate) = args.max_rate {
        call = call.max_rate(max_rate);
    }
    if let Some(epsilon) = args.epsilon {
        call = call.epsilon(epsilon);
    }
    Ok(call.await?)
}

fn line(update: &Update, as_json: bool) -> String {
    let value = text::to_json(&update.value);
    if !as_json {
        return format!("{} = {value}", update.address);
    }
    let mut object = json!({
        "address": update.address,
        "value": value,
        "revision": update.revision,
        "type": update.signal.word(),
        "timestamp": update.timestamp,
    });
    if let Some(phase) = update.phase {
        object["phase"] = phase.word().into();
        object["id"] = update.gesture.into();
    }
    object.to_string()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn tell(status: &Status) {
    match status {
        Status::Connected => output::status("Connected again"),
        Status::Reconnecting {
            reason,
            attempts: 0,
        } => {
            let cause = CommandError::Lost(reason.clone());
            output::status(&format!("Connection lost: {cause}; trying again"));
        }
        // Later attempts would only repeat the line, and the end is told as the command's failure.
        Status::Reconnecting { .. } | Status::Closed { .. } => {}
    }
}

fn tell_losses(subscription: &Subscription) {
    let (superseded, dropped) = (subscription.superseded(), subscription.dropped());
    if superseded + dropped > 0 {
        output::status(&format!(
            "Too slow to print everything: {superseded} values gave way to newer ones, {dropped} other updates were lost"
        ));
    }
}

fn too_few(args: &SubArgs, received: u64) -> Result<(), CommandError> {
    match (args.count, args.timeout) {
        (Some(wanted), Some(within)) => Err(CommandError::TooFew {
            received,
            wanted,
            within,
        }),
        _ => Ok(()),
    }
}

fn ended(client: &Client, subscription: &Subscription) -> CommandError {
    match (subscription.refusal(), client.status().reason()) {
        (None, Some(reason)) => CommandError::Lost(reason.clone()),
        (refusal, _) => CommandError::Unsubscribed {
            pattern: subscription.pattern().to_owned(),
            reason: refusal.map(|refusal| refusal.to_string()),
        },
    }
}
