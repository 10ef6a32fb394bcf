//! Metrics over HTTP: for Prometheus, and for `clasp top`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};

use crate::metrics::{Reading, Top, exposition};
use crate::shared::Shared;

/// `/metrics`, also on `/`; `/top` and `/health`.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(metrics))
        .route("/metrics", get(metrics))
        .route("/top", get(top))
        .route("/health", get(async || "OK"))
        .with_state(shared)
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let text = exposition(Reading::of(&shared));
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], text)
}

async fn top(State(shared): State<Arc<Shared>>) -> Json<Top> {
    Json(Top::of(&shared))
}

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
