//! From a url to a link.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::{LinkError, UrlProblem};
use crate::link::Link;
use crate::stream::Stream;
use crate::websocket::client;

/// How to dial.
#[derive(Debug, Clone)]
pub struct DialOptions {
    /// For finding the host, connecting and upgrading together. 10 s unless set.
    pub timeout: Duration,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
        }
    }
}

/// Connects to `ws://host[:port][/path]` (port 80 unless given) or `tcp://host[:port]` (port 7340 unless given).
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
/// The url is wrong, nobody answers, or the server refuses the upgrade.
pub async fn dial(url: &str, options: &DialOptions) -> Result<Link, LinkError> {
    let target = Target::parse(url).map_err(|problem| LinkError::Url {
        url: url.to_owned(),
        problem,
    })?;
    match timeout(options.timeout, connect(&target)).await {
        Ok(link) => link,
        Err(_) => Err(LinkError::TimedOut {
            address: target.address(),
            within: options.timeout,
        }),
    }
}

async fn connect(target: &Target<'_>) -> Result<Link, LinkError> {
    let socket = TcpStream::connect((target.host, target.port))
        .await
        .map_err(|source| LinkError::Connect {
            address: target.address(),
            source,
        })?;
    socket.set_nodelay(true)?;
    let mut stream = Stream::from(socket);
    match target.scheme {
        Scheme::Tcp => Ok(Link::length(stream)),
        Scheme::Ws => {
            let leftover = client::upgrade(&mut stream, target.authority, target.path).await?;
            Ok(Link::websocket(stream, &leftover))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Ws,
    Tcp,
}

/// The parts of a url that matter for dialling.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    scheme: Scheme,
    /// Host and port as written, for the `Host` header.
    authority: &'a str,
    /// Without the brackets of an IPv6 address.
    host: &'a str,
    port: u16,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Result<Self, UrlProblem> {
        if url.bytes().any(|byte| byte <= b' ' || byte == 0x7F) {
            return Err(UrlProblem::Characters);
        }
        let (scheme, rest) = url.split_once("://").ok_or(UrlProblem::Scheme)?;
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "ws" => (Scheme::Ws, 80),
            "tcp" => (Scheme::Tcp, 7340),
            "wss" => return Err(UrlProblem::NotBuilt("wss")),
            "quic" => return Err(UrlProblem::NotBuilt("quic")),
            _ => return Err(UrlProblem::Scheme),
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlProblem::Credentials);
        }
        let (host, port) = host_and_port(authority, default_port)?;
        // A query without a path would need a slash in front; CLASP servers ignore both.
        let path = if path.starts_with('/') { path } else { "/" };
        Ok(Self {
            scheme,
            authority,
            host,
            port,
            path,
        })
    }

    fn address(&self) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let check = |url, address: &str, path| {
            let target = Target::parse(url).unwrap();
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
    }

    #[test]
    fn wrong_urls_say_what_is_wrong() {
        let check = |url, problem| assert_eq!(Target::parse(url), Err(problem), "{url}");
        check("localhost:7330", UrlProblem::Scheme);
        check("http://localhost", UrlProblem::Scheme);
        check("wss://localhost", UrlProblem::NotBuilt("wss"));
        check("quic://localhost", UrlProblem::NotBuilt("quic"));
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
