//! Legacy encoding (v0, MessagePack): decode, and encode for tools and tests (protocol/wire.md 3.4, 8.1).

mod decode;
mod encode;
mod read;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use encode::encode;

/// Whether a payload with this first byte is MessagePack: a map of any size (protocol/wire.md 3.1).
pub const fn is_msgpack(first: u8) -> bool {
    matches!(first, 0x80..=0x8F | 0xDE | 0xDF)
}
