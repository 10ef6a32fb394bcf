//! The server's side of the WebSocket upgrade, and the answers to everything else that speaks HTTP.
// protocol/wire.md 1.1, 1.2, 1.7, 1.8, 1.12, 1.13 and protocol/wire.md 9.5

use tokio::io::AsyncWriteExt;

use super::http::{HeadError, Received, accept_value, header, last_answer, lists, read_head};
use super::{Origins, SUBPROTOCOL};
use crate::error::HandshakeError;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX};
use crate::stream::Stream;

/// What a server asks of an upgrade.
#[derive(Debug, Clone)]
pub struct UpgradeRules {
    /// The pages whose scripts may connect.
    pub origins: Origins,
}

/// A connection that has become a WebSocket.
#[derive(Debug)]
pub struct Upgraded {
    /// Frames follow on it.
    pub stream: Stream,
    /// Bytes that came with the request; the first frames begin in them.
    pub leftover: Vec<u8>,
}

/// Reads one HTTP request and makes a WebSocket of it, on any path, with or without subprotocol.
/// Everything else is answered and ends as an error; `is_ready` is asked for `/readyz`.
/// There is no deadline in here: the caller sets one.
///
/// # Errors
/// See [`HandshakeError`]; a health probe is [`HandshakeError::PlainHttp`].
pub async fn accept(
    mut stream: Stream,
    rules: &UpgradeRules,
    is_ready: impl Fn() -> bool,
) -> Result<Upgraded, HandshakeError> {
    let outcome = match read_head(&mut stream, |byte| byte.is_ascii_uppercase()).await {
        Ok(received) => judge(&received, rules, &is_ready).map(|reply| (reply, received)),
        Err(HeadError::Closed) => return Err(HandshakeError::Closed),
        Err(HeadError::Io(error)) => return Err(HandshakeError::Io(error)),
        Err(HeadError::TooLarge) => Err((HandshakeError::HeadTooLarge, Reply::HeadTooLarge)),
        Err(HeadError::NotHttp) => Err((HandshakeError::NotHttp, Reply::BadRequest)),
    };
    match outcome {
        Ok((reply, mut received)) => {
            stream.write_all(&reply).await?;
            Ok(Upgraded {
                stream,
                leftover: received.bytes.split_off(received.head_bytes),
            })
        }
        Err((error, reply)) => {
            last_answer(stream, &reply.to_bytes()).await?;
            Err(error)
        }
    }
}

/// An answer that is no upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reply {
    Plain { state: State, with_body: bool },
    BadRequest,
    Forbidden { origin: String },
    VersionRequired,
    HeadTooLarge,
}

/// What a plain request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Lives,
    Ready,
    NotReady,
}

impl State {
    fn of(path: &str, is_ready: impl Fn() -> bool) -> Self {
        match path.split('?').next() {
            Some("/readyz") if is_ready() => Self::Ready,
            Some("/readyz") => Self::NotReady,
            _ => Self::Lives,
        }
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Lives => ("200 OK", "ok\n"),
            Self::Ready => ("200 OK", "ready\n"),
            Self::NotReady => ("503 Service Unavailable", "not ready\n"),
        }
    }
}

impl Reply {
    fn to_bytes(&self) -> Vec<u8> {
        let (status, extra, body) = match self {
            Self::Plain { state, .. } => {
                let (status, body) = state.words();
                (status, "", body.to_owned())
            }
            Self::BadRequest => (
                "400 Bad Request",
                "",
                "expected a WebSocket upgrade or a plain request\n".to_owned(),
            ),
            Self::Forbidden { origin } => ("403 Forbidden", "", forbidden_text(origin)),
            Self::VersionRequired => (
                "426 Upgrade Required",
                "Sec-WebSocket-Version: 13\r\n",
                "expected WebSocket version 13\n".to_owned(),
            ),
            Self::HeadTooLarge => (
                "431 Request Header Fields Too Large",
                "",
                format!("expected a request head of at most {HTTP_HEAD_BYTES_MAX} bytes\n"),
            ),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n{extra}\r\n",
            body.len()
        );
        let with_body = !matches!(
            self,
            Self::Plain {
                with_body: false,
                ..
            }
        );
        [
            head.as_bytes(),
            if with_body { body.as_bytes() } else { b"" },
        ]
        .concat()
    }
}

fn forbidden_text(origin: &str) -> String {
    format!(
        "origin {origin} may not connect: allow it with --allow-origin {origin}, or every page with --allow-origin '*'\n"
    )
}

/// The bytes that complete the upgrade, or what to answer instead.
fn judge(
    received: &Received,
    rules: &UpgradeRules,
    is_ready: impl Fn() -> bool,
) -> Result<Vec<u8>, (HandshakeError, Reply)> {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(&received.bytes[..received.head_bytes]) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err((HandshakeError::HeadTooLarge, Reply::HeadTooLarge));
        }
        Ok(httparse::Status::Partial) | Err(_) => {
            return Err((HandshakeError::NotHttp, Reply::BadRequest));
        }
    }
    let headers = &*request.headers;
    if request.method != Some("GET") || !lists(headers, "Upgrade", "websocket") {
        let with_body = request.method != Some("HEAD");
        let state = State::of(request.path.unwrap_or_default(), is_ready);
        return Err((HandshakeError::PlainHttp, Reply::Plain { state, with_body }));
    }
    let key = header(headers, "Sec-WebSocket-Key").filter(|key| is_key(key));
    let (Some(key), true) = (key, lists(headers, "Connection", "upgrade")) else {
        return Err((HandshakeError::Incomplete, Reply::BadRequest));
    };
    if header(headers, "Sec-WebSocket-Version") != Some("13") {
        return Err((HandshakeError::Version, Reply::VersionRequired));
    }
    if let Some(origin) = header(headers, "Origin")
        && !rules.origins.allows(origin, header(headers, "Host"))
    {
        let origin: String = origin.chars().take(ORIGIN_CHARS_SHOWN).collect();
        return Err((
            HandshakeError::Origin {
                origin: origin.clone(),
            },
            Reply::Forbidden { origin },
        ));
    }
    Ok(switching_protocols(
        key,
        lists(headers, "Sec-WebSocket-Protocol", SUBPROTOCOL),
    ))
}

/// Sixteen bytes in base64.
fn is_key(key: &str) -> bool {
    key.len() == 24 && key.ends_with("==")
}

fn switching_protocols(key: &str, with_subprotocol: bool) -> Vec<u8> {
    let accept = accept_value(key);
    let subprotocol = if with_subprotocol {
        format!("Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n")
    } else {
        String::new()
    };
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{subprotocol}\r\n"
    )
    .into_bytes()
}

const ORIGIN_CHARS_SHOWN: usize = 200;

#[cfg(test)]
mod tests;
