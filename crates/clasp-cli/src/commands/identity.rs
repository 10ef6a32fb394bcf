//! `clasp identity`: who a key is.

use clasp_auth::{PublicKey, SigningKey};

use super::key;
use crate::args::IdentityCommand;
use crate::error::CommandError;
use crate::output;

/// Prints the forms of a public key.
///
/// # Errors
/// The key file cannot be read or written.
pub(crate) fn run(command: &IdentityCommand) -> Result<(), CommandError> {
    match command {
        IdentityCommand::Show(args) => {
            let public = SigningKey::read(&args.key)?.public();
            output::result(&names(&public))?;
            Ok(output::result(&format!("Public key: {}", public.hex()))?)
        }
        IdentityCommand::Generate(out) => {
            let public = key::generate(out)?.public();
            output::status(&names(&public));
            Ok(())
        }
    }
}

fn names(public: &PublicKey) -> String {
    format!(
        "EntityId: {}\nDID: {}\nPeerID: {}",
        public.entity_id(),
        public.did(),
        public.peer_id()
    )
}
