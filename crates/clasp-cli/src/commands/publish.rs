//! `clasp pub`: sets a param, or sends an event or a stream value.

use clasp_proto::{Publish, Signal};

use crate::args::PubArgs;
use crate::commands::set::Done;
use crate::commands::{connect, value};
use crate::error::CommandError;

/// Publishes the value and prints what became of it.
///
/// # Errors
/// The router is not there, does not answer or refuses.
pub(crate) async fn run(args: PubArgs) -> Result<(), CommandError> {
    let value = value::read(&args.value, &args.how)?;
    let client = connect::briefly(&args.connect, args.how.timeout, &args.address).await?;
    let revision = if args.event {
        client.emit(&args.address, value.clone()).await?;
        None
    } else if args.stream {
        let publication = Publish {
            address: args.address.clone(),
            signal: Some(Signal::Stream),
            value: Some(value.clone()),
            timestamp: Some(client.router_time()),
            ..Publish::default()
        };
        client.publish(publication).await?;
        None
    } else {
        Some(client.set(&args.address, value.clone()).await?)
    };
    client.close().await;
    let done = Done {
        verb: "Published",
        address: &args.address,
        value: &value,
        revision,
    };
    done.print(args.how.json)
}
