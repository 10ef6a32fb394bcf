//! The auth port: accounts, tokens and entities over HTTP (docs/auth.md).

mod accounts;
mod bearer;
#[cfg(feature = "registry")]
mod entities;
#[cfg(not(feature = "registry"))]
#[path = "auth/no_entities.rs"]
mod entities;
mod refused;
mod request;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, Method};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use tower_http::cors::{AllowHeaders, CorsLayer};

use super::{journal, sessions};
use crate::limits::AUTH_BODY_BYTES_MAX;
use crate::shared::Shared;

/// Reads a body as each route would, for fuzzing.
#[cfg(fuzzing)]
pub(crate) fn read_all(body: &[u8], now_s: u64) {
    request::read_all(body, now_s);
    entities::read_all(body, now_s);
}

/// Everything on the auth port.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    let origins = shared.accounts().plan.origins.clone();
    let routes = Router::new()
        .route("/", get(async || "the auth port of a CLASP relay\n"))
        .route("/health", get(async || "ok\n"))
        .route("/auth/register", post(accounts::register))
        .route("/auth/login", post(accounts::log_in))
        .route("/auth/guest", post(accounts::welcome_guest))
        .route("/auth/refresh", post(tokens::renew))
        .route("/auth/logout", post(tokens::log_out))
        .route("/auth/revoke", post(tokens::revoke))
        .route("/auth/whoami", get(tokens::who_am_i))
        .route("/api/tokens", post(tokens::grant))
        .route("/api/trust-anchors", get(tokens::anchors));
    let for_admins = from_fn_with_state(Arc::clone(&shared), bearer::let_admins_pass);
    let sessions = sessions::routes(Arc::clone(&shared));
    let journal = journal::routes(Arc::clone(&shared));
    let of_admins = sessions.merge(journal).route_layer(for_admins);
    entities::add(routes, &shared)
        .with_state(shared)
        .merge(of_admins)
        .layer(DefaultBodyLimit::max(AUTH_BODY_BYTES_MAX))
        .layer(map_response(unstored))
        .layer(cors(origins))
}

/// Answers have tokens in them, and are for nobody else.
async fn unstored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same for every route. Nobody is known by a cookie here, so that a page can do no more than whoever wrote it.
fn cors(origins: Option<Vec<HeaderValue>>) -> CorsLayer {
    // `*` would leave out Authorization, so the headers that are asked for are named.
    let headers = AllowHeaders::mirror_request();
    let Some(origins) = origins else {
        return CorsLayer::permissive().allow_headers(headers);
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(METHODS)
        .allow_headers(headers)
        .expose_headers([RETRY_AFTER])
}

const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
];
