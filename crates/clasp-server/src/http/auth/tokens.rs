//! Tokens over HTTP: who has one, and how it is renewed, given back, granted and revoked.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use clasp_proto::{Rights, Scopes};
use serde_json::{Value, json};

use super::accounts::answer;
use super::refused::Refused;
use super::request;
use crate::auth::{Granted, Revocation, Revoked};
use crate::shared::Shared;

/// `POST /auth/refresh`
pub(super) async fn renew(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    // Counted as one more who comes: it is one more token.
    let counted = shared
        .accounts()
        .count_newcomer(shared.source(peer, &headers));
    counted.map_err(|retry_after| Refused::TooManyGuests { retry_after })?;
    let bearer = shared.bearer(&headers).await?;
    let issued = shared.renew(&bearer, shared.now_s()).await?;
    Ok(answer(&issued))
}

/// `POST /auth/logout`
pub(super) async fn log_out(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    let bearer = shared.bearer(&headers).await?;
    Ok(taken(shared.log_out(&bearer).await?))
}

/// `POST /auth/revoke`
pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refused> {
    shared.admin(&headers).await?;
    let asked = request::revoke(&body?)?;
    let revocation = match (asked.token, asked.subject) {
        (Some(token), _) => Revocation::Token(token),
        (None, subject) => Revocation::Subject(subject.unwrap_or_default()),
    };
    let is_token = matches!(revocation, Revocation::Token(_));
    let revoked = shared.revoke(revocation, shared.now_s()).await?;
    if is_token && revoked.tokens == 0 {
        return Err(Refused::NoSuchToken);
    }
    tracing::info!(
        tokens = revoked.tokens,
        sessions = revoked.sessions,
        "an administrator has revoked tokens"
    );
    Ok(taken(revoked))
}

/// `GET /auth/whoami`
pub(super) async fn who_am_i(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    let bearer = shared.bearer(&headers).await?;
    let username = shared.username(&bearer).await?;
    let principal = &bearer.principal;
    let everything = Scopes::all();
    let scopes = match &principal.rights {
        Rights::Unlimited => &everything,
        Rights::Scoped { scopes, .. } => scopes,
    };
    let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    Ok(Json(json!({
        "user_id": principal.subject.as_deref(),
        "session_id": principal.subject.as_deref(),
        "username": username,
        "scopes": scopes,
        "expires_at": principal.expires_at,
    })))
}

/// `POST /api/tokens`
pub(super) async fn grant(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    shared.admin(&headers).await?;
    let now_s = shared.now_s();
    let asked = request::grant(&body?, now_s)?;
    let granted = Granted {
        text: asked.token,
        subject: asked.subject,
        scopes: asked.scopes,
        expires_at: asked.expires_at,
    };
    let issued = shared.grant_token(granted, now_s).await?;
    let body = json!({
        "token": issued.text,
        "subject": issued.token.subject,
        "scopes": issued.token.scopes,
        "expires_at": issued.token.expires_at,
    });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `GET /api/trust-anchors`: whom capability tokens have to come from, which is no secret.
pub(super) async fn anchors(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let plan = &shared.plan.authentication;
    let anchors = plan
        .capabilities
        .iter()
        .flat_map(|plan| plan.anchors.iter());
    let anchors: Vec<String> = anchors.map(|key| key.hex()).collect();
    Json(json!({ "anchors": anchors, "cap_max_depth": plan.cap_depth_max }))
}

fn taken(revoked: Revoked) -> Json<Value> {
    let Revoked { tokens, sessions } = revoked;
    Json(json!({ "revoked": tokens, "sessions": sessions }))
}
