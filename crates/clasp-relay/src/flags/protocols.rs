//! Options of transports and TLS.

use std::path::PathBuf;

use clap::Args;
use clasp_server::Config;

#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct Protocols {
    /// Port for CLASP frames over TCP, 0 for any free one
    #[arg(long, value_name = "PORT")]
    tcp_port: Option<u16>,
    /// UDP port for QUIC, 0 for any free one; needs --cert and --key
    #[arg(long, value_name = "PORT")]
    quic_port: Option<u16>,
    /// Certificate chain in PEM: every listener speaks TLS. Read again on SIGHUP and when the file changes
    #[arg(long, visible_alias = "cert-path", value_name = "PATH")]
    cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, visible_alias = "key-path", value_name = "PATH")]
    key: Option<PathBuf>,
}

impl Protocols {
    pub(super) fn apply(&self, config: &mut Config) {
        config.tcp_port = self.tcp_port;
        config.quic_port = self.quic_port;
        config.cert.clone_from(&self.cert);
        config.key.clone_from(&self.key);
    }
}

pub(super) const HEADING: &str = "Protocols and TLS";
