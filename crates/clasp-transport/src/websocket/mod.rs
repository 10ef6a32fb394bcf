//! WebSocket (RFC 6455) as CLASP uses it: binary messages, no extensions, subprotocol `clasp`.

pub(crate) mod client;
mod frame;
mod handshake;
mod http;
mod mask;
mod origin;
mod write;

pub use frame::Reader;
pub use handshake::{UpgradeRules, Upgraded, accept};
pub(crate) use http::last_answer;
pub use origin::Origins;
pub(crate) use write::ClientFrames;
#[cfg(test)]
pub(crate) use write::header;
pub use write::{close, ping, pong};

/// The name that every published client offers.
// protocol/wire.md 1.1
pub const SUBPROTOCOL: &str = "clasp";

const OPCODE_CONTINUATION: u8 = 0x0;
const OPCODE_TEXT: u8 = 0x1;
const OPCODE_BINARY: u8 = 0x2;
const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PING: u8 = 0x9;
const OPCODE_PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
