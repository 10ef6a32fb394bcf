//! Accounts and tokens over HTTP (docs/auth.md).

use std::sync::Arc;

use axum::Router;

use crate::shared::Shared;

/// Everything on the auth port.
pub(crate) fn routes(_: Arc<Shared>) -> Router {
    Router::new()
}
