//! HTTP/1.1 heads: reading one without reading past a bound, and the pieces both sides of an upgrade need.

use std::io;
use std::time::Duration;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::limits::{HTTP_BODY_BYTES_DRAINED, HTTP_HEAD_BYTES_MAX};
use crate::stream::Stream;

/// Bytes up to the end of a head, and what came with them.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    /// Where the head ends and the leftover begins.
    pub(crate) head_bytes: usize,
}

#[derive(Debug)]
pub(crate) enum HeadError {
    Closed,
    TooLarge,
    NotHttp,
    Io(io::Error),
}

/// Reads until a head is complete. `first_byte` tells at once whether the peer can be speaking HTTP.
pub(crate) async fn read_head(
    stream: &mut Stream,
    first_byte: fn(u8) -> bool,
) -> Result<Received, HeadError> {
    let mut bytes = Vec::with_capacity(FIRST_READ_BYTES);
    let mut searched = 0;
    loop {
        let room = HTTP_HEAD_BYTES_MAX - bytes.len();
        if room == 0 {
            return Err(HeadError::TooLarge);
        }
        bytes.reserve(FIRST_READ_BYTES.min(room));
        let read = stream
            .take(room as u64)
            .read_buf(&mut bytes)
            .await
            .map_err(HeadError::Io)?;
        if read == 0 {
            return Err(HeadError::Closed);
        }
        if !first_byte(bytes[0]) {
            return Err(HeadError::NotHttp);
        }
        if let Some(head_bytes) = head_end(&bytes, searched) {
            return Ok(Received { bytes, head_bytes });
        }
        // The blank line may have begun in the last three bytes.
        searched = bytes.len().saturating_sub(3);
    }
}

/// Writes an answer and closes. What the peer still sends is read for a moment, since closing a socket
/// with unread bytes resets it, and a reset may overtake the answer.
pub(crate) async fn last_answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &[u8],
) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(HTTP_BODY_BYTES_DRAINED as u64);
    let mut sink = tokio::io::sink();
    let drain = tokio::io::copy(&mut rest, &mut sink);
    // Neither the peer's silence nor its reset matters after the answer.
    timeout(DRAIN_TIME, drain).await.ok();
    Ok(())
}

/// The end of the blank line that ends a head.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let tail = &bytes[from..];
    let end = tail.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(from + end + 4)
}

/// The text of a header, if there is one and it is text.
pub(crate) fn header<'a>(headers: &'a [httparse::Header<'_>], name: &str) -> Option<&'a str> {
    let header = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name))?;
    str::from_utf8(header.value).ok().map(str::trim)
}

/// Is the word among the comma-separated ones of any header of that name?
pub(crate) fn lists(headers: &[httparse::Header<'_>], name: &str, word: &str) -> bool {
    headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| str::from_utf8(header.value).ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

/// `Sec-WebSocket-Accept` for a key (RFC 6455, 4.2.2).
pub(crate) fn accept_value(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(ACCEPT_GUID);
    BASE64.encode(&hash.finalize())
}

const DRAIN_TIME: Duration = Duration::from_millis(500);
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Holds the whole head of nearly every client.
const FIRST_READ_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_value_is_that_of_the_rfc() {
        assert_eq!(
            accept_value("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
