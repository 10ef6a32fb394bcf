//! `clasp crypto`: keys for encryption between clients, and their fingerprints.

use std::path::Path;

use clasp_auth::key::Pair;
use clasp_auth::{TokenDigest, private_file};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use p256::SecretKey;
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;

use super::key;
use crate::args::{CryptoCommand, FingerprintArgs, OutArgs};
use crate::error::CommandError;
use crate::output;

/// Makes a key pair, or prints the fingerprint of a key.
///
/// # Errors
/// The key file cannot be read or written.
pub(crate) fn run(command: &CryptoCommand) -> Result<(), CommandError> {
    match command {
        CryptoCommand::EcdhKeygen(out) => keygen(out),
        CryptoCommand::Fingerprint(args) => fingerprint_of(args),
    }
}

fn keygen(out: &OutArgs) -> Result<(), CommandError> {
    let secret = SecretKey::try_generate().map_err(clasp_auth::key::SigningKeyError::Random)?;
    let point = secret.public_key().to_sec1_point(false);
    let public = HEXLOWER.encode(point.as_bytes());
    let pair = Pair {
        secret: &HEXLOWER.encode(&secret.to_bytes()),
        public: &public,
    };
    key::keep(pair, out)?;
    output::status(&format!("Public key: {public}"));
    output::status(&format!("Fingerprint: {}", fingerprint(point.as_bytes())));
    Ok(())
}

fn fingerprint_of(args: &FingerprintArgs) -> Result<(), CommandError> {
    let path = Path::new(&args.key);
    let bytes = match hex(args.key.as_bytes()) {
        Some(bytes) => bytes,
        None => {
            let content = private_file::read_bounded(path, FILE_BYTES_MAX);
            let content = content.map_err(|source| CommandError::Read {
                path: path.to_owned(),
                source,
            })?;
            hex(content.trim_ascii()).unwrap_or(content)
        }
    };
    Ok(output::result(&fingerprint(&bytes))?)
}

/// The bytes, if the text has nothing but hexadecimal digits.
fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text).ok();
    bytes.filter(|bytes| !bytes.is_empty())
}

/// SHA-256 in groups that can be read aloud.
fn fingerprint(bytes: &[u8]) -> String {
    let digest = HEXLOWER.encode(TokenDigest::of_bytes(bytes).as_bytes());
    let digits: Vec<_> = digest.chars().collect();
    let groups = digits.chunks(4).map(|group| group.iter().collect());
    groups.collect::<Vec<String>>().join(" ")
}

/// A key file has some hundred bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
