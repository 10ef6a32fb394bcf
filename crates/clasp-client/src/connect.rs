//! From a url to a session: dials, greets and waits for WELCOME.

use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Hello, Welcome};
use clasp_transport::tls::Trust;
use clasp_transport::{DialOptions, Link, LinkError, dial};
use tokio::time::{Instant, timeout_at};

use crate::backoff::Reconnect;
use crate::cache::Cache;
use crate::driver::now;
use crate::error::{ClientError, Disconnect};
use crate::session::{Event, Session};

/// Where to connect, as whom, and how to go on when the connection is lost.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) greeting: Hello,
    pub(crate) reconnect: Reconnect,
    pub(crate) connect_timeout: Duration,
    pub(crate) trust: Trust,
    /// Silence after which the router is asked for a sign of life.
    pub(crate) quiet: Duration,
}

/// Makes a link and a session on it, within one deadline.
pub(crate) async fn connect(
    target: &Target,
    session: &mut Session,
) -> Result<(Link, Welcome), ClientError> {
    let deadline = Instant::now() + target.connect_timeout;
    let failed = |source: LinkError| ClientError::Connect {
        url: target.url.clone(),
        source: Arc::new(source),
    };
    let options = DialOptions {
        timeout: target.connect_timeout,
        trust: target.trust.clone(),
    };
    let mut link = dial(&target.url, &options).await.map_err(failed)?;
    session.connected()?;
    let silent = |_| ClientError::Silent {
        url: target.url.clone(),
        within: target.connect_timeout,
    };
    let greeted = timeout_at(deadline, greet(&mut link, session)).await;
    match greeted.map_err(silent)?.map_err(failed)? {
        Some(Event::Welcomed(welcome)) => Ok((link, welcome)),
        Some(Event::Rejected(refusal)) => Err(ClientError::Rejected {
            url: target.url.clone(),
            refusal,
        }),
        _ => Err(ClientError::Disconnected(farewell(&link))),
    }
}

/// The answer to HELLO, or `None` when the router hung up instead.
async fn greet(link: &mut Link, session: &mut Session) -> Result<Option<Event>, LinkError> {
    // Before WELCOME there is nothing to remember.
    let mut cache = Cache::new(0);
    link.send_many(&session.take_outgoing(now())).await?;
    while let Some(frame) = link.recv().await? {
        // What cannot be read before WELCOME is none of this session's business. protocol/router.md 2
        if session.receive(&frame, now(), &mut cache).is_ok()
            && let Some(event) = session.next_event()
        {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

/// Why the router ended the link.
pub(crate) fn farewell(link: &Link) -> Disconnect {
    let closed = link.closed();
    Disconnect::ByRouter {
        code: closed.and_then(|closed| closed.code),
        reason: closed.map_or_else(String::new, |closed| closed.reason.clone()),
    }
}
