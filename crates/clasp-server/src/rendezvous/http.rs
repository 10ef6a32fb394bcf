//! The routes of rendezvous: `/api/v1/*`, and `/discover` for clients that expect less.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;
use tower_http::cors::{AllowHeaders, CorsLayer};
use uuid::Uuid;

use crate::allowance::Allowances;
use crate::clock::Clock;
use crate::limits::HTTP_BODY_BYTES_MAX;

use super::device::{Device, Registration, RegistrationError};
use super::limits::{FOUND_DEFAULT, FOUND_MAX, REQUESTS, REQUESTS_TOTAL, SOURCES_MAX};
use super::secret::{Secret, SecretHash};
use super::table::{Application, Asker, Denied, Table, Wanted};

/// What the routes share.
struct Rendezvous {
    clock: Clock,
    ttl: Duration,
    table: Mutex<Table>,
    allowances: Mutex<Allowances>,
}

/// The routes of a rendezvous server whose registrations live for `ttl`.
/// Requests need [`ConnectInfo`] with the address of the peer.
pub(crate) fn routes(ttl: Duration, clock: Clock) -> Router {
    let allowances = Allowances::new(REQUESTS, REQUESTS_TOTAL, SOURCES_MAX);
    let rendezvous = Arc::new(Rendezvous {
        clock,
        ttl,
        table: Mutex::new(Table::new(ttl)),
        allowances: Mutex::new(allowances),
    });
    Router::new()
        .route("/api/v1/register", post(register))
        .route("/api/v1/discover", get(discover))
        .route("/api/v1/refresh/{id}", post(refresh))
        .route("/api/v1/unregister/{id}", delete(unregister))
        .route("/api/v1/health", get(async || "OK"))
        .route("/discover", get(discover_briefly))
        .fallback(async || Refused::NoRoute)
        .method_not_allowed_fallback(async || Refused::Method)
        .layer(from_fn_with_state(Arc::clone(&rendezvous), admit))
        .layer(cors())
        .with_state(rendezvous)
}

/// Everybody may ask, from any page: nothing here is secret, and nobody is logged in.
fn cors() -> CorsLayer {
    // `*` would leave out Authorization, so the headers that are asked for are named.
    CorsLayer::permissive().allow_headers(AllowHeaders::mirror_request())
}

/// Lets a source ask as often as it may. // protocol/limits.md 5.3
async fn admit(
    State(rendezvous): State<Arc<Rendezvous>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let now = rendezvous.clock.tick();
    let taken = rendezvous.allowances.lock().take(peer.ip().into(), now);
    taken.map_err(|retry_after| Refused::TooOften { retry_after })?;
    Ok(next.run(request).await)
}

async fn register(
    State(rendezvous): State<Arc<Rendezvous>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let registration: Registration = serde_json::from_slice(&body?)?;
    registration.check()?;
    let asker = asker(peer, &headers)?;
    let secret = Secret::random();
    let now = rendezvous.clock.now();
    let application = Application {
        registration,
        asker,
        new_secret: SecretHash::of(secret.text()),
    };
    let registered = rendezvous.table.lock().register(application, now)?;
    tracing::debug!(source = %asker.address, id = %registered.id, "a device has registered");
    let answer = Answer {
        id: registered.id,
        timestamp: now.wall.0,
        ttl: rendezvous.ttl.as_secs(),
        secret: (!registered.keeps_secret).then(|| secret.text()),
    };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// What a registered device is told.
#[derive(Serialize)]
struct Answer<'a> {
    id: Uuid,
    /// Microseconds since the Unix epoch.
    timestamp: u64,
    /// Seconds.
    ttl: u64,
    /// Absent if the one that the device sent goes on to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

async fn discover(
    State(rendezvous): State<Arc<Rendezvous>>,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(filter) = query?;
    let found = rendezvous.find(&filter);
    Ok(Json(found.iter().map(AsRef::as_ref).collect::<Vec<_>>()).into_response())
}

/// The same with one list of urls for each device.
async fn discover_briefly(
    State(rendezvous): State<Arc<Rendezvous>>,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(filter) = query?;
    let found = rendezvous.find(&filter);
    let devices = found.iter().map(|device| {
        // The url that is named comes first.
        let others = device.endpoints.values();
        let others = others.filter(|endpoint| Some(*endpoint) != device.url.as_ref());
        let endpoints: Vec<&String> = device.url.iter().chain(others).collect();
        json!({ "name": device.name, "url": endpoints.first(), "endpoints": endpoints })
    });
    Ok(Json(json!({ "devices": devices.collect::<Vec<_>>() })).into_response())
}

async fn refresh(
    State(rendezvous): State<Arc<Rendezvous>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let (id, asker) = (known(&id)?, asker(peer, &headers)?);
    let now = rendezvous.clock.now();
    rendezvous.table.lock().refresh(id, &asker, now)?;
    Ok(StatusCode::OK)
}

async fn unregister(
    State(rendezvous): State<Arc<Rendezvous>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let (id, asker) = (known(&id)?, asker(peer, &headers)?);
    let now = rendezvous.clock.tick();
    rendezvous.table.lock().unregister(id, &asker, now)?;
    tracing::debug!(source = %asker.address, %id, "a device has unregistered");
    Ok(StatusCode::NO_CONTENT)
}

impl Rendezvous {
    fn find(&self, filter: &Filter) -> Vec<Arc<Device>> {
        let wanted = Wanted {
            tag: filter.tag.as_deref(),
            feature: filter.feature.as_deref(),
            limit: filter.limit.unwrap_or(FOUND_DEFAULT).min(FOUND_MAX),
        };
        self.table.lock().discover(&wanted, self.clock.tick())
    }
}

/// What is looked for, from the query of the url.
#[derive(Deserialize)]
struct Filter {
    tag: Option<String>,
    feature: Option<String>,
    limit: Option<usize>,
}

/// What is no id cannot have been registered.
fn known(id: &str) -> Result<Uuid, Denied> {
    id.parse().map_err(|_| Denied::Unknown)
}

/// The peer, and the secret that it shows.
fn asker(peer: SocketAddr, headers: &HeaderMap) -> Result<Asker, Refused> {
    let address: IpAddr = peer.ip().to_canonical();
    let secret = match headers.get(AUTHORIZATION) {
        None => None,
        Some(header) => Some(bearer(header.as_bytes()).ok_or(Refused::Authorization)?),
    };
    Ok(Asker {
        address,
        secret: secret.map(SecretHash::of),
    })
}

/// The scheme is written in any case (RFC 9110, 11.1).
fn bearer(header: &[u8]) -> Option<&str> {
    let (scheme, secret) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// Why a request was not carried out. Told as `{"error": ".."}`.
#[derive(Debug, Error)]
enum Refused {
    #[error(
        "expected {{\"name\":\"..\",\"endpoints\":{{\"ws\":\"ws://host:port\"}}}} and perhaps publicKey, features, tags, metadata: {0}"
    )]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    #[error("expected a body of at most {HTTP_BODY_BYTES_MAX} bytes: {0}")]
    Body(#[from] BytesRejection),
    #[error("expected ?tag=..&feature=..&limit=.., with a number for limit: {0}")]
    Query(#[from] QueryRejection),
    #[error("Authorization: expected `Bearer <secret>` with the secret of a registration")]
    Authorization,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("more requests from this address than are answered: slow down")]
    TooOften { retry_after: Duration },
    #[error(
        "no such path: there are /api/v1/register, discover, refresh/<id>, unregister/<id>, health, and /discover"
    )]
    NoRoute,
    #[error(
        "this path has another method: POST register and refresh, DELETE unregister, GET the others"
    )]
    Method,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Json(_) | Self::Registration(_) | Self::Query(_) | Self::Authorization => {
                StatusCode::BAD_REQUEST
            }
            Self::Body(rejection) => rejection.status(),
            Self::Denied(Denied::Unknown) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Denied(Denied::NotOwner) => StatusCode::FORBIDDEN,
            Self::Denied(Denied::Full { .. }) | Self::TooOften { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Denied(Denied::Full { retry_after }) | Self::TooOften { retry_after } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        if let Some(wait) = self.retry_after() {
            // Whole seconds, and not too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests;
