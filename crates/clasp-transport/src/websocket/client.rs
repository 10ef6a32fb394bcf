//! The client's side of the WebSocket upgrade.

use data_encoding::BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::SUBPROTOCOL;
use super::http::{HeadError, Received, accept_value, header, read_head};
use super::mask::Keys;
use crate::error::{LinkError, UpgradeProblem};
use crate::limits::HTTP_HEADERS_MAX;
use crate::stream::Stream;

/// Asks for an upgrade; gives the bytes that came behind the server's consent.
pub(crate) async fn upgrade(
    stream: &mut Stream,
    authority: &str,
    path: &str,
) -> Result<Vec<u8>, LinkError> {
    let key = nonce();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut received =
        read_head(stream, |byte| byte == b'H')
            .await
            .map_err(|error| match error {
                HeadError::Closed => LinkError::Upgrade(UpgradeProblem::HungUp),
                HeadError::TooLarge => LinkError::Upgrade(UpgradeProblem::HeadTooLarge),
                HeadError::NotHttp => LinkError::Upgrade(UpgradeProblem::NotHttp),
                HeadError::Io(error) => LinkError::Io(error),
            })?;
    let status = judge(&received, &key)?;
    let leftover = received.bytes.split_off(received.head_bytes);
    match status {
        SWITCHING_PROTOCOLS => Ok(leftover),
        status => Err(LinkError::Refused {
            status,
            text: body_text(stream, leftover).await,
        }),
    }
}

/// The status, after the headers of a consent have been checked (RFC 6455, 4.1).
fn judge(received: &Received, key: &str) -> Result<u16, LinkError> {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(&received.bytes[..received.head_bytes]);
    let (Ok(httparse::Status::Complete(_)), Some(status)) = (parsed, response.code) else {
        return Err(LinkError::Upgrade(UpgradeProblem::NotHttp));
    };
    if status != SWITCHING_PROTOCOLS {
        return Ok(status);
    }
    if header(response.headers, "Sec-WebSocket-Accept") != Some(&accept_value(key)) {
        return Err(LinkError::Upgrade(UpgradeProblem::Accept));
    }
    let subprotocol = header(response.headers, "Sec-WebSocket-Protocol");
    if subprotocol.is_some_and(|name| name != SUBPROTOCOL)
        || header(response.headers, "Sec-WebSocket-Extensions").is_some()
    {
        return Err(LinkError::Upgrade(UpgradeProblem::NotOffered));
    }
    Ok(status)
}

/// The beginning of a refusal's body, which says why.
async fn body_text(stream: &mut Stream, mut body: Vec<u8>) -> String {
    // A body cut short still says more than none.
    stream
        .take(BODY_BYTES_SHOWN)
        .read_to_end(&mut body)
        .await
        .ok();
    body.truncate(BODY_BYTES_SHOWN as usize);
    String::from_utf8_lossy(&body).trim().to_owned()
}

fn nonce() -> String {
    let mut keys = Keys::new();
    BASE64.encode(&[keys.next(), keys.next(), keys.next(), keys.next()].concat())
}

const SWITCHING_PROTOCOLS: u16 = 101;
const BODY_BYTES_SHOWN: u64 = 512;
