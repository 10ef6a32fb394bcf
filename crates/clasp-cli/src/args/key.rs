//! Options of `clasp key`, `clasp identity` and `clasp crypto`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Make and show keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key pair that signs: its seed in 64 hexadecimal digits
    Generate(OutArgs),
    /// Print the public half of a key
    Show(KeyShowArgs),
}

/// Where a secret goes.
#[derive(Debug, Args)]
pub(crate) struct OutArgs {
    /// Write the secret to this new file, which only you may read, and the public key to PATH.pub [default: print it]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the files if they exist: the key that is there is lost
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeyShowArgs {
    /// Key file, as written by generate
    pub(crate) path: PathBuf,
    /// How the public key is written
    #[arg(long, value_enum, default_value = "hex")]
    pub(crate) format: KeyFormat,
}

/// Forms of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyFormat {
    /// 64 hexadecimal digits
    Hex,
    /// did:key:z6Mk...
    Did,
}

/// Show who a key is.
#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Print the forms of a key's public half: entity id, DID, peer id of libp2p, hexadecimal digits
    Show(IdentityShowArgs),
    /// Make a key pair, and print those forms
    Generate(OutArgs),
}

#[derive(Debug, Args)]
pub(crate) struct IdentityShowArgs {
    /// Key file, as written by generate
    pub(crate) key: PathBuf,
}

/// Keys for encryption between clients.
#[derive(Debug, Subcommand)]
pub(crate) enum CryptoCommand {
    /// Make a P-256 key pair for ECDH: the private scalar in 64 hexadecimal digits
    EcdhKeygen(OutArgs),
    /// Print the SHA-256 of a key, to compare it over another channel
    Fingerprint(FingerprintArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FingerprintArgs {
    /// Hexadecimal digits, or a file that has them, or a file of other bytes
    #[arg(value_name = "HEX|PATH")]
    pub(crate) key: String,
}
