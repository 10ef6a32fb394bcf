//! `clasp token`: tokens in a file or at a relay, capability tokens, entity tokens.

mod capability;
mod entity;
mod file;
mod remote;

use clasp_proto::Scopes;

use crate::args::TokenCommand;
use crate::error::CommandError;

/// Makes, prints or revokes tokens.
///
/// # Errors
/// A file or a relay does not do what is asked, or a token is not what it should be.
pub(crate) async fn run(command: &TokenCommand) -> Result<(), CommandError> {
    match command {
        TokenCommand::Create(args) => match &args.relay.relay {
            Some(url) => remote::create(url, args).await,
            None => file::create(args),
        },
        TokenCommand::Revoke(args) => match &args.relay.relay {
            Some(url) => remote::revoke(url, args).await,
            None => file::revoke(args),
        },
        TokenCommand::List(args) => file::list(args),
        TokenCommand::Show(args) => file::show(args),
        TokenCommand::Prune(args) => file::prune(args),
        TokenCommand::Cap(command) => capability::run(command),
        TokenCommand::Entity(command) => entity::run(command),
    }
}

/// The scopes with commas between them.
fn listed(scopes: &Scopes) -> String {
    let texts = scopes.iter().map(ToString::to_string);
    texts.collect::<Vec<_>>().join(", ")
}
