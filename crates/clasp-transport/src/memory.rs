//! An in-process pair of streams, for tests and embedding.

use crate::stream::Stream;

/// Two connected streams; what one writes the other reads. Each direction holds at most `capacity_bytes`.
///
/// ```
/// let (server_end, client_end) = clasp_transport::memory::pair(64 * 1024);
/// # drop((server_end, client_end));
/// ```
pub fn pair(capacity_bytes: usize) -> (Stream, Stream) {
    let (left, right) = tokio::io::duplex(capacity_bytes);
    (Stream::Memory(left), Stream::Memory(right))
}
