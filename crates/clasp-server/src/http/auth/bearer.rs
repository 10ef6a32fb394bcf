//! Who asks: the bearer of a token, and where it asks from.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use clasp_auth::TokenDigest;
use clasp_proto::{Action, Pattern};

use super::refused::Refused;
use crate::allowance::Source;
use crate::auth::Identity;
use crate::shared::Shared;

impl Shared {
    /// Seconds since 1970.
    pub(super) fn now_s(&self) -> u64 {
        self.clock.now().wall.0 / MICROS_PER_SECOND
    }

    /// Who asks, as far as limits go.
    pub(super) fn source(&self, peer: SocketAddr, headers: &HeaderMap) -> Source {
        let proxies = &self.accounts().plan.proxies;
        proxies.asker(peer.ip(), headers).into()
    }

    /// Whose token comes with the request.
    pub(super) async fn bearer(&self, headers: &HeaderMap) -> Result<Identity, Refused> {
        let token = token(headers)?;
        let now = self.clock.now().wall;
        Ok(self.authenticator.identify(Some(token), now).await?)
    }

    /// Nothing unless somebody asks who may do everything.
    pub(super) async fn admin(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let bearer = self.bearer(headers).await?;
        let everything = Pattern::parse("/**").expect("is well formed");
        match bearer.principal.may_all(Action::Admin, &everything) {
            true => Ok(()),
            false => Err(Refused::NotAdmin),
        }
    }
}

/// Asks everybody who comes for the token of an administrator.
pub(super) async fn let_admins_pass(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    shared.admin(request.headers()).await?;
    Ok(next.run(request).await)
}

/// The token that comes with the request, whatever it is worth.
pub(super) fn proof(headers: &HeaderMap) -> Option<TokenDigest> {
    token(headers).ok().map(TokenDigest::of)
}

/// The scheme is written in any case (RFC 9110, 11.1).
fn token(headers: &HeaderMap) -> Result<&str, Refused> {
    let header = headers.get(AUTHORIZATION).ok_or(Refused::NoAuthorization)?;
    let header = header.to_str().map_err(|_| Refused::NoBearer)?;
    let (scheme, token) = header.split_once(' ').ok_or(Refused::NoBearer)?;
    let token = token.trim();
    match scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        true => Ok(token),
        false => Err(Refused::NoBearer),
    }
}

const MICROS_PER_SECOND: u64 = 1_000_000;
