//! From a url to a link.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::{LinkError, UrlProblem};
use crate::link::Link;
use crate::quic;
use crate::stream::Stream;
use crate::tls::{ClientTls, Trust};
use crate::websocket::client;

/// How to dial.
#[derive(Debug, Clone)]
pub struct DialOptions {
    /// For finding the host, connecting and upgrading together. 10 s unless set.
    pub timeout: Duration,
    /// Whose certificates are taken, where the url asks for TLS.
    pub trust: Trust,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            trust: Trust::System,
        }
    }
}

/// Connects to a router, by a url with one of these schemes. The path matters for proxies only.
///
/// | Scheme | Transport | Port unless given |
/// | --- | --- | --- |
/// | `ws`, `wss` | WebSocket, the second with TLS | 80, 443 |
/// | `tcp`, `tcps` | frames behind lengths, the second with TLS | 7340 |
/// | `quic` | QUIC, which always has TLS | 7331 |
///
/// ```no_run
/// # async fn example() -> Result<(), clasp_transport::LinkError> {
/// let mut link = clasp_transport::dial("ws://localhost:7330", &Default::default()).await?;
/// while let Some(frame) = link.recv().await? {
///     println!("{} bytes", frame.len());
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// The url is wrong, nobody answers, the certificate is not trusted, or the server refuses the upgrade.
pub async fn dial(url: &str, options: &DialOptions) -> Result<Link, LinkError> {
    let (scheme, target) = Target::parse(url, Scheme::known).map_err(|problem| LinkError::Url {
        url: url.to_owned(),
        problem,
    })?;
    match timeout(options.timeout, connect(scheme, &target, &options.trust)).await {
        Ok(link) => link,
        Err(_) => Err(LinkError::TimedOut {
            address: target.address(),
            within: options.timeout,
        }),
    }
}

async fn connect(scheme: Scheme, target: &Target<'_>, trust: &Trust) -> Result<Link, LinkError> {
    match scheme {
        Scheme::Tcp => Ok(Link::length(plain(target).await?)),
        Scheme::Tcps => Ok(Link::length(secure(target, trust).await?)),
        Scheme::Ws => upgrade(plain(target).await?, target).await,
        Scheme::Wss => upgrade(secure(target, trust).await?, target).await,
        Scheme::Quic => quic(target, trust).await,
    }
}

async fn upgrade(mut stream: Stream, target: &Target<'_>) -> Result<Link, LinkError> {
    let leftover = client::upgrade(&mut stream, target.authority, target.path).await?;
    Ok(Link::websocket(stream, &leftover))
}

pub(crate) async fn plain(target: &Target<'_>) -> Result<Stream, LinkError> {
    tcp_socket(target).await.map(Stream::from)
}

pub(crate) async fn secure(target: &Target<'_>, trust: &Trust) -> Result<Stream, LinkError> {
    let tls = ClientTls::new(trust)?;
    let name = ServerName::try_from(target.host.to_owned());
    let name = name.map_err(|_| LinkError::ServerName {
        host: target.host.to_owned(),
    })?;
    let socket = tcp_socket(target).await?;
    let connected = TlsConnector::from(tls.tcp()).connect(name, socket).await;
    match connected {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream.into()))),
        Err(source) => Err(LinkError::Tls {
            address: target.address(),
            source,
        }),
    }
}

async fn tcp_socket(target: &Target<'_>) -> Result<TcpStream, LinkError> {
    let socket = TcpStream::connect((target.host, target.port)).await;
    let socket = socket.map_err(|source| LinkError::Connect {
        address: target.address(),
        source,
    })?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Tries the addresses of the host one after the other.
async fn quic(target: &Target<'_>, trust: &Trust) -> Result<Link, LinkError> {
    let tls = ClientTls::new(trust)?;
    let unknown = |source| LinkError::Connect {
        address: target.address(),
        source,
    };
    let found = lookup_host((target.host, target.port)).await;
    let mut left: Vec<SocketAddr> = found.map_err(unknown)?.collect();
    let last = left.pop();
    for address in left {
        // An address where nobody listens says nothing: the others are to have their time.
        let attempt = timeout(QUIC_ATTEMPT_TIME, quic::connect(address, target.host, &tls));
        if let Ok(Ok(stream)) = attempt.await {
            return Ok(Link::bare(stream));
        }
    }
    let last = last.ok_or_else(|| unknown(io::ErrorKind::NotFound.into()))?;
    quic::connect(last, target.host, &tls).await.map(Link::bare)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Ws,
    Wss,
    Tcp,
    Tcps,
    Quic,
}

impl Scheme {
    /// A scheme and the port that goes without saying.
    fn known(name: &str) -> Option<(Self, u16)> {
        match name {
            "ws" => Some((Self::Ws, 80)),
            "wss" => Some((Self::Wss, 443)),
            "tcp" => Some((Self::Tcp, 7340)),
            "tcps" => Some((Self::Tcps, 7340)),
            "quic" => Some((Self::Quic, 7331)),
            _ => None,
        }
    }
}

/// The parts of a url that matter for dialling, besides its scheme.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// Host and port as written, for the `Host` header.
    pub(crate) authority: &'a str,
    /// Without the brackets of an IPv6 address.
    host: &'a str,
    port: u16,
    pub(crate) path: &'a str,
}

impl<'a> Target<'a> {
    /// Takes a url with one of the known schemes apart.
    pub(crate) fn parse<S>(
        url: &'a str,
        known: fn(&str) -> Option<(S, u16)>,
    ) -> Result<(S, Self), UrlProblem> {
        if url.bytes().any(|byte| byte <= b' ' || byte == 0x7F) {
            return Err(UrlProblem::Characters);
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlProblem::Scheme)?;
        let (scheme, default_port) =
            known(&scheme.to_ascii_lowercase()).ok_or(UrlProblem::Scheme)?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlProblem::Credentials);
        }
        let (host, port) = host_and_port(authority, default_port)?;
        // A query without a path would need a slash in front; CLASP servers ignore both.
        let path = if path.starts_with('/') { path } else { "/" };
        let target = Self {
            authority,
            host,
            port,
            path,
        };
        Ok((scheme, target))
    }

    pub(crate) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn host_and_port(authority: &str, default_port: u16) -> Result<(&str, u16), UrlProblem> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(UrlProblem::Host)?;
            (
                host,
                port.strip_prefix(':')
                    .or_else(|| port.is_empty().then_some("")),
            )
        }
        None => authority
            .split_once(':')
            .map_or((authority, Some("")), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(UrlProblem::Host);
    }
    match port {
        Some("") => Ok((host, default_port)),
        Some(port) => match port.parse() {
            Ok(0) | Err(_) => Err(UrlProblem::Port),
            Ok(port) => Ok((host, port)),
        },
        None => Err(UrlProblem::Port),
    }
}

/// What each but the last address of a host gets.
const QUIC_ATTEMPT_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let check = |url, address: &str, path| {
            let (_, target) = Target::parse(url, Scheme::known).unwrap();
            assert_eq!(
                (target.address().as_str(), target.path),
                (address, path),
                "{url}"
            );
        };
        check("ws://localhost:7330", "localhost:7330", "/");
        check("WS://localhost:7330/", "localhost:7330", "/");
        check("ws://host/clasp?x=1#y", "host:80", "/clasp?x=1");
        check("ws://host?x", "host:80", "/");
        check("ws://[::1]:7330/clasp", "[::1]:7330", "/clasp");
        check("ws://[::1]", "[::1]:80", "/");
        check("tcp://127.0.0.1", "127.0.0.1:7340", "/");
        check("tcps://127.0.0.1", "127.0.0.1:7340", "/");
        check("wss://host/clasp", "host:443", "/clasp");
        check("quic://host", "host:7331", "/");
    }

    #[test]
    fn wrong_urls_say_what_is_wrong() {
        let check = |url, problem| {
            assert_eq!(Target::parse(url, Scheme::known), Err(problem), "{url}");
        };
        check("localhost:7330", UrlProblem::Scheme);
        check("http://localhost", UrlProblem::Scheme);
        check("ws://", UrlProblem::Host);
        check("ws://:7330", UrlProblem::Host);
        check("ws://[::1", UrlProblem::Host);
        check("ws://[::1]7330", UrlProblem::Port);
        check("ws://host:0", UrlProblem::Port);
        check("ws://host:65536", UrlProblem::Port);
        check("ws://::1", UrlProblem::Host);
        check("ws://user:secret@host", UrlProblem::Credentials);
        check("ws://host/a b", UrlProblem::Characters);
        check("ws://host/\r\nX: y", UrlProblem::Characters);
    }
}
