//! Connecting the way all commands do.

use std::time::Duration;

use clasp_client::{Builder, Client, ClientError, Reconnect};
use clasp_proto::Address;

use crate::args::ConnectArgs;
use crate::error::CommandError;

/// Connects for one question about an address: answers within the time, or not at all.
///
/// # Errors
/// The address is not one, which needs no router to be found out; there is no router, or it refuses the client.
pub(crate) async fn briefly(
    args: &ConnectArgs,
    timeout: f64,
    address: &str,
) -> Result<Client, CommandError> {
    Address::check(address).map_err(ClientError::from)?;
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
    let builder = builder.trust(args.trust.trust());
    match &args.token {
        Some(token) => builder.token(token),
        None => builder,
    }
}
