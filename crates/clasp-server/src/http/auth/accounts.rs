//! Registration, login and guests over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use clasp_proto::{Scope, Scopes};
use serde_json::{Value, json};

use super::bearer::proof;
use super::refused::Refused;
use super::request::{self, Child, Guest, Register};
use crate::auth::{AccountError, Handed, Identity, Issued, Login, Registration, Visit, Wish};
use crate::counters::Counted;
use crate::shared::Shared;

/// `POST /auth/register`
pub(super) async fn register(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refused> {
    // Counted before anything is looked at.
    let counted = shared
        .accounts()
        .count_newcomer(shared.source(peer, &headers));
    counted.map_err(|retry_after| Refused::TooManyRegistrations { retry_after })?;
    let issued = match request::register(&body?)? {
        Register::Account {
            username,
            password,
            user_id,
            scopes,
        } => {
            let proof = proof(&headers);
            let registration = Registration {
                username,
                password,
                wish: Wish {
                    user_id,
                    proof,
                    scopes,
                },
            };
            shared.register(registration, shared.now_s()).await?
        }
        Register::Child(child) => hand_on(&shared, &headers, child).await?,
    };
    Ok(answer(&issued))
}

/// `POST /auth/login`
pub(super) async fn log_in(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refused> {
    let asked = request::login(&body?)?;
    let login = Login {
        username: asked.username,
        password: asked.password,
        scopes: asked.scopes,
        source: shared.source(peer, &headers),
    };
    let outcome = shared.log_in(login, shared.now_s()).await;
    let counted = match &outcome {
        Ok(_) => Some(Counted::LoggedIn),
        Err(AccountError::WrongPassword) => Some(Counted::LoginFailed),
        Err(AccountError::Throttled { .. }) => Some(Counted::LoginThrottled),
        Err(_) => None,
    };
    if let Some(counted) = counted {
        shared.counters.count(counted);
    }
    Ok(answer(&outcome?))
}

/// `POST /auth/guest`
pub(super) async fn welcome_guest(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refused> {
    let counted = shared
        .accounts()
        .count_newcomer(shared.source(peer, &headers));
    counted.map_err(|retry_after| Refused::TooManyGuests { retry_after })?;
    let Guest {
        user_id,
        name,
        scopes,
    } = request::guest(&body?)?;
    let proof = proof(&headers);
    let visit = Visit {
        name,
        wish: Wish {
            user_id,
            proof,
            scopes,
        },
    };
    let issued = shared.welcome_guest(visit, shared.now_s()).await?;
    Ok(answer(&issued))
}

/// A token from another one. Who asks for too much gets nothing, and learns of what.
async fn hand_on(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    child: Child,
) -> Result<Issued, Refused> {
    let parent = match shared.bearer(headers).await {
        // Somebody who forgot name and password.
        Err(Refused::NoAuthorization) => return Err(Refused::Json),
        parent => parent?,
    };
    if let Some(asked) = &child.scopes {
        check_within(&parent, &request::scopes(asked)?)?;
    }
    let handed = Handed {
        name: child.name,
        scopes: child.scopes,
    };
    Ok(shared.hand_on(&parent, handed, shared.now_s()).await?)
}

fn check_within(parent: &Identity, asked: &Scopes) -> Result<(), Refused> {
    let is_within = |scope: &Scope| parent.principal.may_all(scope.action, &scope.pattern);
    match asked.iter().find(|scope| !is_within(scope)) {
        None => Ok(()),
        Some(scope) => Err(Refused::BeyondParent {
            scope: scope.to_string(),
        }),
    }
}

/// What clients of CLASP 4.5 read, and what its documentation promised.
pub(super) fn answer(issued: &Issued) -> Json<Value> {
    let Issued { text, token } = issued;
    Json(json!({
        "token": text,
        "user_id": token.subject,
        "session_id": token.subject,
        "username": token.username,
        "scopes": token.scopes,
        "expires_at": token.expires_at,
    }))
}
