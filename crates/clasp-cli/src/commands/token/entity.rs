//! Entity tokens: keys, tokens, and what those say.

use clasp_auth::{EntityToken, SigningKey};

use crate::args::{EntityKeygenArgs, EntityMintArgs, EntityTokenCommand};
use crate::commands::key;
use crate::commands::moment::{from_now, now_s};
use crate::error::CommandError;
use crate::output;

/// Makes a key or a token of an entity, or looks at a token.
///
/// # Errors
/// A key cannot be read or written, or a token is not what it should be.
pub(super) fn run(command: &EntityTokenCommand) -> Result<(), CommandError> {
    match command {
        EntityTokenCommand::Keygen(args) => keygen(args),
        EntityTokenCommand::Mint(args) => mint(args),
        EntityTokenCommand::Inspect(args) => inspect(&args.token),
    }
}

fn keygen(args: &EntityKeygenArgs) -> Result<(), CommandError> {
    let key = key::generate(&args.out)?;
    output::status(&format!("Entity ID: {}", key.public().entity_id()));
    output::status(&format!("Type: {}", args.entity_type.word()));
    if let Some(name) = &args.name {
        output::status(&format!("Name: {name}"));
    }
    Ok(())
}

fn mint(args: &EntityMintArgs) -> Result<(), CommandError> {
    let key = SigningKey::read(&args.key)?;
    let found = key.public().entity_id();
    if let Some(expected) = &args.id
        && *expected != found
    {
        return Err(CommandError::OtherEntity {
            path: args.key.clone(),
            expected: expected.clone(),
            found,
        });
    }
    output::result(&EntityToken::mint(&key, now_s()))?;
    output::status(&format!("Entity ID: {found}"));
    Ok(())
}

fn inspect(token: &str) -> Result<(), CommandError> {
    let token = EntityToken::decode(token)?;
    let lines = [
        format!("Entity ID: {}", token.id),
        format!("Timestamp: {}", token.timestamp_s),
        format!("Signature: {} bytes", token.signature.len()),
        format!("Created: {}", from_now(token.timestamp_s, now_s())),
    ];
    Ok(output::result(&lines.join("\n"))?)
}
