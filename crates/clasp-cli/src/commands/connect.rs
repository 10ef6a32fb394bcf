//! Connecting the way all commands do.

use std::time::Duration;

use clasp_client::{Builder, Client, Reconnect};

use crate::args::ConnectArgs;
use crate::error::CommandError;

/// Connects for one question: answers within the time, or not at all.
///
/// # Errors
/// There is no router, or it refuses the client.
pub(crate) async fn briefly(args: &ConnectArgs, timeout: f64) -> Result<Client, CommandError> {
    let within = Duration::from_secs_f64(timeout);
    let client = builder(args)
        .reconnect(Reconnect::never())
        .connect_timeout(within)
        .call_timeout(within)
        // Nothing is asked from memory.
        .cache_addresses_max(0);
    Ok(client.connect().await?)
}

/// The options that the command line gives.
pub(crate) fn builder(args: &ConnectArgs) -> Builder {
    let builder = Client::builder(&args.server).name(&args.name);
    match &args.token {
        Some(token) => builder.token(token),
        None => builder,
    }
}
