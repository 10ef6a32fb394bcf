//! Options of being found: rendezvous, mDNS, broadcast.

use std::time::Duration;

use clap::Args;
use clasp_server::{Config, SidePort};

use super::value::seconds;

#[derive(Debug, Args)]
#[command(next_help_heading = "Discovery")]
pub(crate) struct Discovery {
    /// Port of the rendezvous server, 0 for none [default: 7340, if it is free]
    #[arg(long, value_name = "PORT")]
    rendezvous_port: Option<u16>,
    /// Seconds that a registration lasts there
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    rendezvous_ttl: Duration,
    /// Another rendezvous server, where this relay registers
    #[arg(long, value_name = "URL")]
    rendezvous_url: Option<String>,
    /// Where clients are told there to connect: ws://host:port or wss:// [default: the address that the server is reached from]
    #[arg(long, value_name = "URL")]
    rendezvous_advertise: Option<String>,
    /// Seconds between two renewals of that registration
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    rendezvous_refresh: Duration,
    /// Tag in that registration; may be repeated
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    rendezvous_tag: Vec<String>,
    /// UDP port where broadcasts of clients that look for a relay are answered, 0 for none [default: 7331, if it is free]
    #[arg(long, value_name = "PORT")]
    broadcast_port: Option<u16>,
    /// Do not announce this relay on the local network
    #[arg(long)]
    no_mdns: bool,
}

impl Discovery {
    pub(super) fn apply(&self, config: &mut Config) {
        let side_port = |asked: Option<u16>, default| match asked {
            None => default,
            Some(0) => SidePort::Off,
            Some(port) => SidePort::Asked(port),
        };
        config.rendezvous_port = side_port(self.rendezvous_port, config.rendezvous_port);
        config.rendezvous_ttl = self.rendezvous_ttl;
        config.rendezvous_url.clone_from(&self.rendezvous_url);
        config
            .rendezvous_advertise
            .clone_from(&self.rendezvous_advertise);
        config.rendezvous_refresh = self.rendezvous_refresh;
        config.rendezvous_tags.clone_from(&self.rendezvous_tag);
        config.broadcast_port = side_port(self.broadcast_port, config.broadcast_port);
        config.mdns = !self.no_mdns;
    }
}
