//! `clasp emit`: sends an event.

use crate::args::EmitArgs;
use crate::commands::set::Done;
use crate::commands::{connect, value};
use crate::error::CommandError;

/// Sends the event and says so once the router has taken it.
///
/// # Errors
/// The router is not there, does not answer or refuses.
pub(crate) async fn run(args: EmitArgs) -> Result<(), CommandError> {
    let value = value::read(&args.value, &args.how)?;
    let client = connect::briefly(&args.connect, args.how.timeout, &args.address).await?;
    client.emit(&args.address, value.clone()).await?;
    client.close().await;
    let done = Done {
        verb: "Emitted",
        address: &args.address,
        value: &value,
        revision: None,
    };
    done.print(args.how.json)
}
