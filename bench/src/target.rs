//! Where the load goes: protocol, transport and address of the server.

use crate::protocol::Protocol;
use anyhow::{Context as _, Result, bail};
use std::net::{SocketAddr, ToSocketAddrs};

#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) protocol: Protocol,
    pub(crate) websocket: bool,
    pub(crate) socket: SocketAddr,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) qos: u8,
}

impl Target {
    /// Understands ws:// (CLASP), mqtt://, mqtt+ws://, nats://, nats+ws://, redis:// and raw://.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").context("URL without scheme")?;
        let (protocol, websocket) = match scheme {
            "ws" => (Protocol::Clasp, true),
            "mqtt" => (Protocol::Mqtt, false),
            "mqtt+ws" => (Protocol::Mqtt, true),
            "nats" => (Protocol::Nats, false),
            "nats+ws" => (Protocol::Nats, true),
            "redis" => (Protocol::Redis, false),
            "raw" => (Protocol::Raw, false),
            other => bail!("unknown scheme {other}"),
        };
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let socket = host.to_socket_addrs()?.next().context("no address")?;
        Ok(Self {
            protocol,
            websocket,
            socket,
            host: host.to_string(),
            path: path.to_string(),
            token: String::new(),
            qos: 0,
        })
    }

    /// MQTT and NATS over WebSocket are byte streams inside binary frames;
    /// CLASP makes its own frames, one message each.
    pub(crate) fn tunnels(&self) -> bool {
        self.websocket && self.protocol != Protocol::Clasp
    }

    /// The HTTP request that opens a WebSocket.
    pub(crate) fn upgrade_request(&self) -> String {
        let subprotocol = match self.protocol {
            Protocol::Clasp => "Sec-WebSocket-Protocol: clasp\r\n",
            Protocol::Mqtt => "Sec-WebSocket-Protocol: mqtt\r\n",
            _ => "",
        };
        format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{subprotocol}\r\n",
            self.path, self.host
        )
    }
}
