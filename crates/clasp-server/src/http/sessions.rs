//! Who is connected, for operators (docs/auth.md).

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use clasp_proto::Rights;
use clasp_router::Inspection;
use serde::{Deserialize, Serialize};

use crate::limits::{PATTERNS_TOLD_MAX, SESSIONS_TOLD_MAX};
use crate::roster::Entry;
use crate::shared::Shared;

/// `/api/sessions`, for who has shown to be an admin.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/sessions", get(list))
        .route("/api/sessions/{id}", delete(end))
        .with_state(shared)
}

/// Which sessions are asked for.
#[derive(Debug, Deserialize)]
struct Wish {
    #[serde(default)]
    offset: usize,
    #[serde(default = "all_that_are_told")]
    limit: usize,
    /// Those of one subject only.
    subject: Option<String>,
}

const fn all_that_are_told() -> usize {
    SESSIONS_TOLD_MAX
}

/// A session as it is told.
#[derive(Debug, Serialize)]
struct Told {
    id: String,
    name: String,
    subject: Option<String>,
    /// Nothing where nobody asks for tokens: then it may do everything.
    scopes: Option<Vec<String>>,
    transport: String,
    peer: String,
    /// Seconds since 1970, as the end of its token.
    connected_at: u64,
    expires_at: Option<u64>,
    /// The first of them.
    subscriptions: Vec<String>,
    subscription_count: usize,
    queued_bytes: usize,
    /// Values that a newer one replaced before they could be sent.
    dropped: u64,
}

async fn list(State(shared): State<Arc<Shared>>, Query(wish): Query<Wish>) -> Json<Vec<Told>> {
    let entries = shared.roster.entries();
    let wanted = entries.iter().filter(|entry| {
        let subject = entry.session.principal.subject.as_deref();
        wish.subject.is_none() || wish.subject.as_deref() == subject
    });
    let page = wanted
        .skip(wish.offset)
        .take(wish.limit.min(SESSIONS_TOLD_MAX));
    Json(page.map(|entry| told(entry, &shared)).collect())
}

async fn end(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    if shared.roster.dismiss(&shared.router, &id) {
        tracing::info!(session = %id, "an operator ends a session");
        return StatusCode::NO_CONTENT.into_response();
    }
    let error = serde_json::json!({ "error": "session not found" });
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

fn told(entry: &Entry, shared: &Shared) -> Told {
    let Inspection {
        subscriptions,
        patterns,
        queued_bytes,
        superseded,
    } = shared.router.inspect(&entry.session, PATTERNS_TOLD_MAX);
    let principal = &entry.session.principal;
    let scopes = match &principal.rights {
        Rights::Unlimited => None,
        Rights::Scoped { scopes, .. } => Some(scopes.iter().map(ToString::to_string).collect()),
    };
    Told {
        id: entry.session.id.to_string(),
        name: entry.name.to_string(),
        subject: principal.subject.as_deref().map(str::to_owned),
        scopes,
        transport: entry.protocol.to_string(),
        peer: entry.peer.to_string(),
        connected_at: entry.since.0 / 1_000_000,
        expires_at: principal.expires_at,
        subscriptions: patterns,
        subscription_count: subscriptions,
        queued_bytes,
        dropped: superseded,
    }
}
