//! Why a request to the auth port was not carried out, in words and as a status. Told as `{"error": ".."}`.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use clasp_proto::ScopeError;
use clasp_store::StoreError;
use serde_json::json;
use thiserror::Error;

use super::request::NAME_BYTES_MAX;
use crate::auth::{AccountError, Denial};
use crate::limits::{BUSY_RETRY_AFTER, TOKEN_SCOPES_BYTES_MAX, TOKEN_SCOPES_MAX};

/// The texts are those that clients of CLASP 4.5 know, where it has the same.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    #[error("Invalid request body")]
    Body,
    #[error("Invalid JSON")]
    Json,
    #[error("Username must be 2-32 characters")]
    Username,
    #[error("Password must be at least 6 characters")]
    Password,
    #[error("Invalid user_id format (alphanumeric, hyphens, underscores; max 64 chars)")]
    UserId,
    #[error("Invalid user_id format")]
    GuestUserId,
    #[error("name: expected at most {NAME_BYTES_MAX} bytes")]
    Name,
    #[error("scopes: {0}")]
    Scopes(#[from] ScopeError),
    #[error(
        "scopes: expected at most {TOKEN_SCOPES_MAX} different ones of {TOKEN_SCOPES_BYTES_MAX} bytes together"
    )]
    ManyScopes,
    #[error("scope '{scope}' is not within the scopes of the token that it is to be made from")]
    BeyondParent { scope: String },
    #[error("token: expected cpsk_ and 32 hexadecimal digits")]
    TokenForm,
    #[error("subject: expected 1 to 128 letters, digits and -_.@:")]
    Subject,
    #[error("expires_at: expected a second that is yet to come, counted from 1970")]
    ExpiresAt,
    #[error("expected {{\"token\": \"..\"}} or {{\"subject\": \"..\"}}")]
    Revoke,
    #[error("there is no such token here, or it counts no longer")]
    NoSuchToken,
    #[error("Too many registration attempts. Please wait and try again.")]
    TooManyRegistrations { retry_after: Duration },
    #[error("Too many requests. Please wait and try again.")]
    TooManyGuests { retry_after: Duration },
    #[error("missing Authorization header")]
    NoAuthorization,
    #[error("expected Bearer token")]
    NoBearer,
    #[error("token expired")]
    Expired,
    #[error("invalid token")]
    InvalidToken,
    #[error("admin scope required")]
    NotAdmin,
    #[error("the token cannot be checked now; try again")]
    Unavailable,
    #[error("{}", told(.0))]
    Account(#[from] AccountError),
}

/// What is told of an error that is our own.
fn told(error: &AccountError) -> String {
    match error {
        AccountError::Database(StoreError::Full { .. }) => error.to_string(),
        AccountError::Database(StoreError::NoRoom) => NO_ROOM.to_owned(),
        AccountError::Database(_) => "Database error".to_owned(),
        AccountError::Password(_) => "Failed to hash password".to_owned(),
        _ => error.to_string(),
    }
}

impl From<BytesRejection> for Refused {
    fn from(_: BytesRejection) -> Self {
        Self::Body
    }
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Missing | Denial::Invalid(_) => Self::InvalidToken,
            Denial::Expired => Self::Expired,
            Denial::Unavailable => Self::Unavailable,
        }
    }
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoAuthorization | Self::NoBearer | Self::Expired | Self::InvalidToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::NotAdmin | Self::BeyondParent { .. } => StatusCode::FORBIDDEN,
            Self::NoSuchToken => StatusCode::NOT_FOUND,
            Self::TooManyRegistrations { .. } | Self::TooManyGuests { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Account(error) => status(error),
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRegistrations { retry_after }
            | Self::TooManyGuests { retry_after }
            | Self::Account(AccountError::Throttled { retry_after }) => Some(*retry_after),
            Self::Unavailable | Self::Account(AccountError::Busy(_)) => Some(BUSY_RETRY_AFTER),
            _ => None,
        }
    }
}

fn status(error: &AccountError) -> StatusCode {
    match error {
        AccountError::Taken
        | AccountError::IdRegistered
        | AccountError::NameRegistered
        | AccountError::IdInUse
        | AccountError::TokenExists
        | AccountError::KeptElsewhere { .. } => StatusCode::CONFLICT,
        AccountError::WrongPassword => StatusCode::UNAUTHORIZED,
        AccountError::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        AccountError::NotRenewable | AccountError::NotIssuedHere => StatusCode::FORBIDDEN,
        AccountError::Busy(_)
        | AccountError::Database(StoreError::Full { .. } | StoreError::NoRoom) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        AccountError::Database(_) | AccountError::Password(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Account(error) = &self
            && status.is_server_error()
        {
            tracing::error!(%error, "a request to the auth port failed");
        }
        let body = Json(json!({ "error": self.to_string() }));
        let mut response = (status, body).into_response();
        if let Some(wait) = self.retry_after() {
            // Whole seconds, and not too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Whoever asks can do nothing about the disk; the log tells those who can.
pub(super) const NO_ROOM: &str = "The server has no room to keep this. Please try again later.";
