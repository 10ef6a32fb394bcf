//! Options of who may connect and what they may do.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clasp_server::{AppConfigFile, Config};

use super::value::seconds;

#[derive(Debug, Args)]
#[command(next_help_heading = "Authentication")]
pub(crate) struct Authentication {
    /// Port for accounts and tokens over HTTP, 0 for any free one; sessions need a token then
    #[arg(long, value_name = "PORT")]
    auth_port: Option<u16>,
    /// File where accounts and their tokens are kept
    #[arg(long, value_name = "PATH", default_value = "relay-auth.db")]
    auth_db: PathBuf,
    /// Origin of web pages that may use the auth port [default: every page]; may be repeated
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    cors_origin: Vec<String>,
    /// File with the token of the operator; one is made if it is not there
    #[arg(long, value_name = "PATH")]
    admin_token: Option<PathBuf>,
    /// File with tokens as `clasp token` writes it, watched for changes; may be repeated
    #[arg(long, value_name = "PATH")]
    token_file: Vec<PathBuf>,
    /// Seconds that a token from the auth port is valid, 0 for ever
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    token_ttl: Duration,
    /// Address or network of a proxy whose X-Forwarded-For is believed; may be repeated
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    trusted_proxy: Vec<String>,
    /// Public key whose capability tokens are trusted: a file, 64 hexadecimal digits or did:key; may be repeated
    #[arg(long, value_name = "KEY")]
    trust_anchor: Vec<String>,
    /// File with a private key whose capability tokens are trusted; may be repeated
    #[arg(long, value_name = "PATH")]
    trust_anchor_secret: Vec<PathBuf>,
    /// How often a capability may have been handed on
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    cap_max_depth: usize,
    /// Believe capabilities that were handed on in format 1, which anybody can forge
    #[arg(long)]
    cap_insecure_v1_delegations: bool,
    /// File where entities are kept
    #[arg(long, value_name = "PATH")]
    registry_db: Option<PathBuf>,
    /// Seconds after which an entity token is too old, 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    entity_token_max_age: Duration,
    /// File with the rules of the application [default: the only *.json in /etc/clasp, else in ./config]
    #[arg(long, value_name = "PATH")]
    app_config: Option<PathBuf>,
    /// Messages a second of one session, 0 for any number [default: 0, or what those rules say]
    #[arg(long, value_name = "NUMBER")]
    max_messages_per_second: Option<u32>,
}

impl Authentication {
    pub(super) fn apply(&self, config: &mut Config) {
        config.auth_port = self.auth_port;
        config.auth_db.clone_from(&self.auth_db);
        config.cors_origins.clone_from(&self.cors_origin);
        config.admin_token.clone_from(&self.admin_token);
        config.token_files.clone_from(&self.token_file);
        config.token_ttl = self.token_ttl;
        config.trusted_proxies.clone_from(&self.trusted_proxy);
        config.trust_anchors.clone_from(&self.trust_anchor);
        config
            .trust_anchor_secrets
            .clone_from(&self.trust_anchor_secret);
        config.cap_max_depth = self.cap_max_depth;
        config.cap_insecure_v1_delegations = self.cap_insecure_v1_delegations;
        config.registry_db.clone_from(&self.registry_db);
        config.entity_token_max_age = self.entity_token_max_age;
        if let Some(path) = &self.app_config {
            config.app_config = AppConfigFile::At(path.clone());
        }
        config.messages_per_second_asked = self.max_messages_per_second;
    }
}
