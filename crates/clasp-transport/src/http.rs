//! HTTP: one request to a service beside CLASP, and its answer.

use std::io;
use std::net::IpAddr;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, InvalidHeaderValue};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::time::timeout;

use crate::dial::{DialOptions, Target, plain, secure};
use crate::error::{LinkError, UrlProblem};
use crate::limits::HTTP_ANSWER_BYTES_MAX;
use crate::stream::Stream;

pub use hyper::{Method, StatusCode};

/// What is asked. It has no `Debug`, so that no log can show the credential.
#[derive(Clone, Default)]
pub struct Request<'a> {
    /// GET unless said otherwise.
    pub method: Method,
    /// `http://host[:port][/path]` (port 80 unless given), or `https` (443).
    pub url: &'a str,
    /// Goes into an `Authorization: Bearer` header.
    pub bearer: Option<&'a str>,
    /// A body of JSON.
    pub json: Option<Vec<u8>>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the request was carried out.
    pub status: StatusCode,
    /// At most 8 MiB.
    pub body: Vec<u8>,
    /// The address of this machine that it was asked from.
    pub local: IpAddr,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The url cannot be asked.
    #[error("expected http://host:port or https://host:port, found {url}: {problem}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What goes into a header has characters that none has.
    #[error("a header has characters that are not allowed there")]
    Header(#[from] InvalidHeaderValue),
    /// Nobody can be reached there.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What answers does not speak HTTP, or stopped.
    #[error("the server's answer is not HTTP, or not all of it")]
    Protocol(#[from] hyper::Error),
    /// The answer is larger than any that is expected.
    #[error("the server's answer has more than {HTTP_ANSWER_BYTES_MAX} bytes")]
    TooLarge,
}

/// Sends one request over a connection of its own, and reads all of the answer. Redirections are answers like others.
///
/// ```no_run
/// # async fn example() -> Result<(), clasp_transport::http::HttpError> {
/// use clasp_transport::http::{Request, request};
/// let url = "http://localhost:7340/api/v1/health";
/// let answer = request(Request { url, ..Request::default() }, &Default::default()).await?;
/// assert!(answer.status.is_success());
/// # Ok(()) }
/// ```
///
/// # Errors
/// The url is wrong, or there is no whole answer in the time of the options.
pub async fn request(request: Request<'_>, options: &DialOptions) -> Result<Answer, HttpError> {
    let (scheme, target) =
        Target::parse(request.url, Scheme::known).map_err(|problem| HttpError::Url {
            url: request.url.to_owned(),
            problem: told(problem),
        })?;
    let message = message(&request, &target)?;
    let conversation = async {
        let stream = match scheme {
            Scheme::Http => plain(&target).await?,
            Scheme::Https => secure(&target, &options.trust).await?,
        };
        let local = stream.local().ok_or(io::ErrorKind::NotConnected);
        let local = local.map_err(|kind| LinkError::Io(kind.into()))?;
        let (status, body) = converse(stream, message).await?;
        Ok(Answer {
            status,
            body,
            local: local.ip(),
        })
    };
    match timeout(options.timeout, conversation).await {
        Ok(answer) => answer,
        Err(_) => Err(HttpError::Link(LinkError::TimedOut {
            address: target.address(),
            within: options.timeout,
        })),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn known(name: &str) -> Option<(Self, u16)> {
        match name {
            "http" => Some((Self::Http, 80)),
            "https" => Some((Self::Https, 443)),
            _ => None,
        }
    }
}

/// The words of [`UrlProblem`], which names the schemes of routers.
fn told(problem: UrlProblem) -> &'static str {
    match problem {
        UrlProblem::Scheme => "the scheme is another one",
        UrlProblem::Host => "the host is missing",
        UrlProblem::Port => "the port must be a number from 1 to 65535",
        UrlProblem::Credentials => "user names and passwords in urls are not sent",
        UrlProblem::Characters => "it contains blanks or control characters",
    }
}

fn message(
    request: &Request<'_>,
    target: &Target<'_>,
) -> Result<hyper::Request<Full<hyper::body::Bytes>>, HttpError> {
    let body = request.json.clone().unwrap_or_default();
    let mut message = hyper::Request::new(Full::new(body.into()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target.path.parse().map_err(|_| HttpError::Url {
        url: request.url.to_owned(),
        problem: "its path has characters that are not allowed there",
    })?;
    let headers = message.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(target.authority)?);
    if request.json.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(bearer) = request.bearer {
        let mut value = HeaderValue::from_str(&format!("Bearer {bearer}"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(message)
}

async fn converse(
    stream: Stream,
    message: hyper::Request<Full<hyper::body::Bytes>>,
) -> Result<(StatusCode, Vec<u8>), HttpError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let response = sender.send_request(message).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), HTTP_ANSWER_BYTES_MAX);
        let body = body.collect().await.map_err(unread)?;
        Ok((status, body.to_bytes().into()))
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = connection => {
            ended?;
            // All that came is there to be read.
            answer.await
        }
    }
}

fn unread(error: Box<dyn std::error::Error + Send + Sync>) -> HttpError {
    if error.is::<LengthLimitError>() {
        return HttpError::TooLarge;
    }
    match error.downcast::<hyper::Error>() {
        Ok(error) => HttpError::Protocol(*error),
        // There is no third kind.
        Err(_) => HttpError::TooLarge,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that says `answer` and hangs up; gives what it was asked as well.
    async fn ask(mut asked: Request<'_>, answer: &[u8]) -> (Result<Answer, HttpError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{}", listener.local_addr().unwrap(), asked.url);
        asked.url = &url;
        let has_body = asked.json.is_some();
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            let end = if has_body { "}" } else { "\r\n\r\n" };
            while !seen.ends_with(end.as_bytes()) {
                seen.push(socket.read_u8().await.unwrap());
            }
            // It may hang up before it has everything.
            socket.write_all(answer).await.ok();
            String::from_utf8(seen).unwrap()
        };
        let options = DialOptions {
            timeout: Duration::from_secs(20),
            ..DialOptions::default()
        };
        tokio::join!(request(asked, &options), serve)
    }

    #[tokio::test]
    async fn a_request_is_sent_and_its_answer_read() {
        let asked = Request {
            method: Method::POST,
            url: "/api?x=1",
            bearer: Some("secret"),
            json: Some(b"{\"a\":1}".to_vec()),
        };
        let (answer, seen) = ask(
            asked,
            b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
        )
        .await;
        let expected = Answer {
            status: StatusCode::CREATED,
            body: b"ok".to_vec(),
            local: Ipv4Addr::LOCALHOST.into(),
        };
        assert_eq!(answer.unwrap(), expected);
        assert!(seen.starts_with("POST /api?x=1 HTTP/1.1\r\n"), "{seen}");
        for line in [
            "host: 127.0.0.1:",
            "content-type: application/json",
            "authorization: Bearer secret",
            "content-length: 7",
        ] {
            assert!(seen.contains(line), "{seen}");
        }
    }

    #[tokio::test]
    async fn answers_end_in_all_the_ways_of_http() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"[..],
            b"HTTP/1.0 200 OK\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
        ] {
            let (answer, seen) = ask(Request::default(), answer).await;
            assert_eq!(answer.unwrap().body, b"ok");
            assert!(seen.starts_with("GET / HTTP/1.1\r\n"), "{seen}");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        for answer in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
            b"\x16\x03\x01 not HTTP\r\n\r\n",
        ] {
            let (answer, _) = ask(Request::default(), answer).await;
            assert!(matches!(answer, Err(HttpError::Protocol(_))), "{answer:?}");
        }
        let mut large = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        large.resize(HTTP_ANSWER_BYTES_MAX + 1024, b'x');
        let (answer, _) = ask(Request::default(), &large).await;
        assert!(matches!(answer, Err(HttpError::TooLarge)), "{answer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_has_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Request {
            url: &url,
            ..Request::default()
        };
        let answer = request(asked, &DialOptions::default()).await;
        let timed_out = matches!(answer, Err(HttpError::Link(LinkError::TimedOut { .. })));
        assert!(timed_out, "{answer:?}");
    }

    #[tokio::test]
    async fn wrong_urls_say_what_was_expected() {
        for (url, problem) in [
            ("localhost:7340", "the scheme is another one"),
            ("ws://localhost", "the scheme is another one"),
            ("http://", "the host is missing"),
            ("http://host:x", "the port must be"),
            ("http://me:secret@host", "passwords"),
            ("https://host/a b", "blanks"),
        ] {
            let asked = Request {
                url,
                ..Request::default()
            };
            let error = request(asked, &DialOptions::default())
                .await
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("expected http://host:port"), "{error}");
            assert!(error.contains(problem), "{error}");
        }
    }
}
