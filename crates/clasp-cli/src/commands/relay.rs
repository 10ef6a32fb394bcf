//! Questions to the auth port of a relay.

use clasp_client::Trust;
use clasp_transport::DialOptions;
use clasp_transport::http::{Method, Request, request};
use serde_json::Value as Json;

use crate::error::CommandError;
use crate::output;

/// A relay, and who asks it. It has no `Debug`, so that no log can show the token.
pub(super) struct Relay<'a> {
    url: &'a str,
    token: Option<&'a str>,
    options: DialOptions,
}

impl<'a> Relay<'a> {
    pub(super) fn new(url: &'a str, token: Option<&'a str>, trust: Trust) -> Self {
        let url = url.trim_end_matches('/');
        if token.is_some() && is_overheard(url) {
            output::status(&format!(
                "Warning: the token is sent to {url} without encryption: who is in between can read and use it"
            ));
        }
        let options = DialOptions {
            trust,
            ..DialOptions::default()
        };
        Self {
            url,
            token,
            options,
        }
    }

    /// What it answers to this request, as JSON; null for nothing.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Json, CommandError> {
        let url = format!("{}{path}", self.url);
        let asked = Request {
            method: method.clone(),
            url: &url,
            bearer: self.token,
            json: body.map(|body| body.to_string().into_bytes()),
        };
        let answer = request(asked, &self.options).await;
        let answer = answer.map_err(|source| CommandError::Relay {
            url: self.url.to_owned(),
            source,
        })?;
        if !answer.status.is_success() {
            return Err(CommandError::Answer {
                method,
                url,
                status: answer.status,
                body: shown(&answer.body),
            });
        }
        if answer.body.trim_ascii().is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|_| CommandError::OddAnswer { url })
    }

    /// The error for an answer of another form.
    pub(super) fn odd_answer(&self, path: &str) -> CommandError {
        let url = format!("{}{path}", self.url);
        CommandError::OddAnswer { url }
    }
}

/// Whether what is sent there passes over a network as it is.
fn is_overheard(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..end].rsplit_once(':').map_or(&rest[..end], |it| it.0);
    !(host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

/// What an answer says, in one line that a terminal can be shown.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.trim().lines().next().unwrap_or_default();
    let line = line.chars().filter(|it| !it.is_control());
    line.take(BODY_CHARS_MAX).collect()
}

/// An error of the relay has some words; a web server that is no relay answers with a page.
const BODY_CHARS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_overhear_a_token() {
        for (url, expected) in [
            ("http://localhost:7350", false),
            ("http://127.0.0.1:7350", false),
            ("http://[::1]:7350", false),
            ("http://localhost", false),
            ("https://relay.example", false),
            ("http://relay.example", true),
            ("http://relay.example:7350/localhost", true),
            ("http://localhost.example:7350", true),
            ("http://[2001:db8::1]:7350", true),
        ] {
            assert_eq!(is_overheard(url), expected, "{url}");
        }
    }
}
