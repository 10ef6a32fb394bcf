//! Options of `clasp token entity`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clasp_auth::EntityId;

use crate::args::{EntityType, OutArgs};

/// Entity tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum EntityTokenCommand {
    /// Make the key pair of an entity
    Keygen(EntityKeygenArgs),
    /// Make a token with an entity's key
    Mint(EntityMintArgs),
    /// Print what a token says
    Inspect(EntityInspectArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EntityKeygenArgs {
    #[command(flatten)]
    pub(crate) out: OutArgs,
    /// What the entity is called
    #[arg(short, long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What the entity is
    #[arg(
        short = 't',
        long,
        alias = "type",
        value_enum,
        ignore_case = true,
        default_value = "device"
    )]
    pub(crate) entity_type: EntityType,
}

#[derive(Debug, Args)]
pub(crate) struct EntityMintArgs {
    /// The entity's key file
    #[arg(short, long, value_name = "PATH")]
    pub(crate) key: PathBuf,
    /// The entity's id, to be sure that it is the right key
    #[arg(long, value_name = "ID", value_parser = EntityId::parse)]
    pub(crate) id: Option<EntityId>,
}

#[derive(Debug, Args)]
pub(crate) struct EntityInspectArgs {
    /// The token
    pub(crate) token: String,
}
