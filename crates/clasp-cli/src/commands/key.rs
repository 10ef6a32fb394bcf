//! `clasp key`: key pairs that sign tokens.

use clasp_auth::SigningKey;
use clasp_auth::key::Pair;

use crate::args::{KeyCommand, KeyFormat, KeyShowArgs, OutArgs};
use crate::error::CommandError;
use crate::output;

/// Makes a key pair, or prints the public half of one.
///
/// # Errors
/// The key file cannot be read or written.
pub(crate) fn run(command: &KeyCommand) -> Result<(), CommandError> {
    match command {
        KeyCommand::Generate(out) => generate(out).map(drop),
        KeyCommand::Show(args) => show(args),
    }
}

/// Makes a key pair; its secret goes where the options say.
pub(super) fn generate(out: &OutArgs) -> Result<SigningKey, CommandError> {
    let key = SigningKey::generate()?;
    let public = key.public().hex();
    let pair = Pair {
        secret: &key.to_hex(),
        public: &public,
    };
    keep(pair, out)?;
    output::status(&format!("Public key: {public}"));
    Ok(key)
}

/// Writes a key pair to files, or its secret to stdout.
pub(super) fn keep(pair: Pair<'_>, out: &OutArgs) -> Result<(), CommandError> {
    let Some(path) = &out.out else {
        return Ok(output::result(pair.secret)?);
    };
    pair.write_new(path, out.force)?;
    output::done(&format!("Key saved to: {}", path.display()));
    Ok(())
}

fn show(args: &KeyShowArgs) -> Result<(), CommandError> {
    let public = SigningKey::read(&args.path)?.public();
    let text = match args.format {
        KeyFormat::Hex => public.hex(),
        KeyFormat::Did => public.did(),
    };
    Ok(output::result(&text)?)
}
