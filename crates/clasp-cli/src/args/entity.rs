//! Options of `clasp entity`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clasp_auth::{EntityId, PublicKey};

use super::TrustArgs;

/// Entities that a relay knows.
#[derive(Debug, Subcommand)]
pub(crate) enum EntityCommand {
    /// List entities, the newest first
    List(EntityListArgs),
    /// Print one entity
    Get(EntityGetArgs),
    /// Register an entity by its public key
    Create(Box<EntityCreateArgs>),
    /// Suspend an entity, let it in again, or revoke it for ever
    Status(EntityStatusArgs),
    /// Forget an entity
    Delete(EntityGetArgs),
}

/// The relay, and who asks it.
#[derive(Debug, Args)]
pub(crate) struct RegistryArgs {
    /// Auth port of the relay: http://host:port or https://
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://localhost:7350",
        env = "CLASP_RELAY_URL",
        hide_env_values = true
    )]
    pub(crate) relay: String,
    /// Token with admin:/** that the relay is shown
    #[arg(
        long,
        value_name = "TEXT",
        env = "CLASP_ADMIN_TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EntityListArgs {
    /// Entities to leave out at the beginning
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    pub(crate) offset: u64,
    /// Entities to list at most
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) limit: u64,
    /// Print one JSON object for each entity
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EntityGetArgs {
    /// The entity, for example clasp:GxWz2Za2u3DjqyYq9mA57y
    #[arg(value_parser = EntityId::parse)]
    pub(crate) id: EntityId,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EntityCreateArgs {
    /// What it is called
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What it is
    #[arg(
        long = "type",
        alias = "entity-type",
        value_enum,
        ignore_case = true,
        default_value = "device"
    )]
    pub(crate) entity_type: EntityType,
    /// Its public key: 64 hexadecimal digits or a did:key
    #[arg(long, value_name = "HEX|DID", value_parser = PublicKey::parse, required_unless_present = "key")]
    pub(crate) public_key: Option<PublicKey>,
    /// Its key file; only the public half is sent
    #[arg(long, value_name = "PATH", conflicts_with = "public_key")]
    pub(crate) key: Option<PathBuf>,
    /// Word to find it by; may be repeated
    #[arg(long, value_name = "WORD")]
    pub(crate) tag: Vec<String>,
    /// Address below which it may act; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) namespace: Vec<String>,
    /// What it may do: read:, write: or admin: and a pattern; may be repeated
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// Anything else to remember; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Print the entity as one JSON object instead of its id
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EntityStatusArgs {
    /// The entity, for example clasp:GxWz2Za2u3DjqyYq9mA57y
    #[arg(value_parser = EntityId::parse)]
    pub(crate) id: EntityId,
    /// What it shall be
    #[arg(value_enum, ignore_case = true)]
    pub(crate) status: EntityStatus,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EntityType {
    Device,
    User,
    Service,
    Router,
}

impl EntityType {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::User => "user",
            Self::Service => "service",
            Self::Router => "router",
        }
    }
}

/// Whether an entity is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EntityStatus {
    /// It is let in
    Active,
    /// It is not let in, until it is active again
    #[value(alias = "inactive")]
    Suspended,
    /// It is never let in again
    Revoked,
}

impl EntityStatus {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let (key, value) = pair.ok_or("expected a name, = and a value, for example room=attic")?;
    Ok((key.to_owned(), value.to_owned()))
}
