//! Registrar: keeps this server registered at another rendezvous server, whatever becomes of that one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use clasp_proto::Features;
use clasp_transport::DialOptions;
use clasp_transport::http::{Answer, HttpError, Method, Request, StatusCode, request};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use crate::elsewhere::Elsewhere;
use crate::limits::GOODBYE_TIMEOUT;
use crate::shared::Shared;

use super::limits::{REGISTRATION_PAUSE_MAX, REGISTRATION_PAUSE_MIN};

/// Registers and refreshes until the shutdown begins, then unregisters.
pub(crate) async fn run(elsewhere: Elsewhere, websocket: Option<SocketAddr>, shared: Arc<Shared>) {
    let mut registrar = Registrar {
        elsewhere,
        websocket,
        shared: Arc::clone(&shared),
        kept: None,
        failures: 0,
    };
    tokio::select! {
        () = registrar.keep_registered() => {}
        () = shared.shutdown.begun() => {}
    }
    registrar.unregister().await;
}

struct Registrar {
    elsewhere: Elsewhere,
    /// Nothing if there is an address to be advertised.
    websocket: Option<SocketAddr>,
    shared: Arc<Shared>,
    kept: Option<Kept>,
    /// In a row.
    failures: u32,
}

/// What the other server answers to a registration. It has no `Debug`, so that no log can show the secret.
#[derive(Clone, Deserialize)]
struct Kept {
    id: String,
    /// Seconds.
    ttl: u64,
    /// Servers of other makes have none.
    secret: Option<String>,
}

/// Why the registration does not stand.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("it answered {status}: {text}")]
    Refused { status: StatusCode, text: String },
    #[error(
        "it is reached from {local}, where this relay does not listen: say where it does with --rendezvous-advertise"
    )]
    Unreachable { local: IpAddr },
    #[error("it answered a registration with something else than id and ttl: {0}")]
    Answer(#[from] serde_json::Error),
}

impl Registrar {
    async fn keep_registered(&mut self) {
        loop {
            let outcome = match self.kept.clone() {
                None => self.register().await,
                Some(kept) => self.refresh(&kept).await,
            };
            let pause = match outcome {
                Ok(pause) => {
                    self.failures = 0;
                    pause
                }
                Err(failure) => self.pause_after(&failure),
            };
            sleep(pause).await;
        }
    }

    /// Registers, and says when to refresh.
    async fn register(&mut self) -> Result<Duration, Failure> {
        let endpoint = match &self.elsewhere.advertise {
            Some(url) => url.clone(),
            None => self.own_url().await?,
        };
        let features: Vec<&str> = Features::SIGNALS.words().collect();
        let registration = json!({
            "name": &*self.shared.plan.name,
            "features": features,
            "endpoints": { "ws": endpoint },
            "tags": self.elsewhere.tags,
        });
        let body = Some(registration.to_string().into_bytes());
        let answer = self.ask(Method::POST, "register", None, body).await?;
        let kept: Kept = serde_json::from_slice(&accepted(answer)?.body)?;
        let server = &self.elsewhere.server;
        tracing::info!("registered at {server} as {endpoint} for {} s", kept.ttl);
        let pause = self.refresh_pause(&kept);
        self.kept = Some(kept);
        Ok(pause)
    }

    async fn refresh(&mut self, kept: &Kept) -> Result<Duration, Failure> {
        let path = format!("refresh/{}", kept.id);
        let secret = kept.secret.as_deref();
        let answer = self.ask(Method::POST, &path, secret, None).await?;
        match accepted(answer) {
            Ok(_) if self.failures > 0 => {
                let server = &self.elsewhere.server;
                tracing::info!("the registration at {server} is refreshed again");
                Ok(self.refresh_pause(kept))
            }
            Ok(_) => Ok(self.refresh_pause(kept)),
            // It has restarted, or did not hear of us for too long, or has forgotten that it is ours.
            Err(Failure::Refused { status, .. }) if FORGOTTEN.contains(&status) => {
                self.kept = None;
                self.register().await
            }
            Err(failure) => Err(failure),
        }
    }

    /// Says goodbye, so that nobody is sent here any more.
    async fn unregister(&self) {
        let Some(kept) = &self.kept else { return };
        let path = format!("unregister/{}", kept.id);
        let goodbye = self.ask(Method::DELETE, &path, kept.secret.as_deref(), None);
        if !matches!(timeout(GOODBYE_TIMEOUT, goodbye).await, Ok(Ok(_))) {
            let server = &self.elsewhere.server;
            tracing::debug!("the registration at {server} is left to expire");
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&str>,
        json: Option<Vec<u8>>,
    ) -> Result<Answer, HttpError> {
        let url = format!("{}/api/v1/{path}", self.elsewhere.server);
        let asked = Request {
            method,
            url: &url,
            bearer,
            json,
        };
        request(asked, &DialOptions::default()).await
    }

    /// The url of this server on the network that the other server is reached through.
    async fn own_url(&self) -> Result<String, Failure> {
        let websocket = self.websocket;
        let websocket =
            websocket.expect("without a WebSocket port there is an address to be advertised");
        let ip = if websocket.ip().is_unspecified() {
            let local = accepted(self.ask(Method::GET, "health", None, None).await?)?.local;
            // `::` takes both kinds, 0.0.0.0 only its own.
            if websocket.is_ipv4() && local.to_canonical().is_ipv6() {
                return Err(Failure::Unreachable { local });
            }
            local
        } else {
            websocket.ip()
        };
        let scheme = if self.shared.plan.has_tls() {
            "wss"
        } else {
            "ws"
        };
        Ok(format!(
            "{scheme}://{}/clasp",
            SocketAddr::new(ip, websocket.port())
        ))
    }

    /// In time for a server whose registrations last shorter than ours are renewed.
    fn refresh_pause(&self, kept: &Kept) -> Duration {
        let half = Duration::from_secs(kept.ttl) / 2;
        self.elsewhere.refresh.min(half.max(REGISTRATION_PAUSE_MIN))
    }

    /// Says once what is wrong, and how long to wait.
    fn pause_after(&mut self, failure: &Failure) -> Duration {
        let server = &self.elsewhere.server;
        if self.failures == 0 {
            tracing::warn!(error = %chain(failure), "not registered at {server}; trying again");
        } else {
            tracing::debug!(error = %chain(failure), "still not registered at {server}");
        }
        let random = getrandom::u32().unwrap_or_default();
        let pause = backoff(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        pause
    }
}

/// The answer, if it is a success.
fn accepted(answer: Answer) -> Result<Answer, Failure> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(&answer.body);
    Err(Failure::Refused {
        status: answer.status,
        text: text
            .chars()
            .filter(|letter| !letter.is_control())
            .take(REFUSAL_LETTERS_MAX)
            .collect(),
    })
}

/// Doubles up to a bound. Up to a quarter is taken away at random, so that relays do not come back all at once.
fn backoff(failures: u32, random: u32) -> Duration {
    let doubled = REGISTRATION_PAUSE_MIN.saturating_mul(1 << failures.min(16));
    let longest = doubled.min(REGISTRATION_PAUSE_MAX);
    longest.mul_f64(1.0 - 0.25 * f64::from(random) / f64::from(u32::MAX))
}

/// The failure and its causes, since the outer ones say little.
fn chain(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

const FORGOTTEN: [StatusCode; 2] = [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN];

/// As much of a refusal as goes into a line of the log.
const REFUSAL_LETTERS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_minute_and_differ() {
        let seconds = |failures| backoff(failures, 0).as_secs();
        assert_eq!(
            [0, 1, 2, 5, 6, 40, u32::MAX].map(seconds),
            [1, 2, 4, 32, 60, 60, 60]
        );
        assert_eq!(backoff(0, u32::MAX), Duration::from_millis(750));
    }
}
