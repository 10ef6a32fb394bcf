//! Tokens at a relay.

use clasp_transport::http::Method;
use serde_json::{Value as Json, json};

use crate::args::{RelayArgs, TokenCreateArgs, TokenRevokeArgs};
use crate::commands::moment::now_s;
use crate::commands::relay::Relay;
use crate::error::CommandError;
use crate::output;

pub(super) async fn create(url: &str, args: &TokenCreateArgs) -> Result<(), CommandError> {
    let scopes = args
        .scopes
        .iter()
        .map(|scope| Json::from(scope.to_string()));
    let mut body = json!({ "scopes": scopes.collect::<Vec<_>>() });
    if let Some(subject) = &args.subject {
        body["subject"] = subject.as_str().into();
    }
    if let Some(seconds) = args.expires {
        body["expires_at"] = (now_s() + seconds).into();
    }
    let relay = relay(url, &args.relay)?;
    let answer = relay.ask(Method::POST, TOKENS, Some(&body)).await?;
    let token = answer["token"].as_str();
    output::result(token.ok_or_else(|| relay.odd_answer(TOKENS))?)?;
    output::done(&format!("Token registered at: {url}"));
    Ok(())
}

pub(super) async fn revoke(url: &str, args: &TokenRevokeArgs) -> Result<(), CommandError> {
    let body = json!({ "token": args.prefix });
    let relay = relay(url, &args.relay)?;
    relay.ask(Method::POST, REVOKE, Some(&body)).await?;
    Ok(output::success(&format!("Revoked: {}", args.prefix))?)
}

fn relay<'a>(url: &'a str, args: &'a RelayArgs) -> Result<Relay<'a>, CommandError> {
    let Some(token) = &args.token else {
        return Err(CommandError::Usage {
            problem: "a relay changes tokens only for who shows one with admin:/**".to_owned(),
            remedy: "give it with --token or CLASP_ADMIN_TOKEN",
        });
    };
    Ok(Relay::new(url, Some(token), args.trust.trust()))
}

const TOKENS: &str = "/api/tokens";
const REVOKE: &str = "/auth/revoke";
