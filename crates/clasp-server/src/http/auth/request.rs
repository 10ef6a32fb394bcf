//! What clients may ask of the auth port: bodies as they come, checked. Pure.

use std::collections::HashSet;

use clasp_proto::Scopes;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::refused::Refused;
use crate::limits::{TOKEN_SCOPES_BYTES_MAX, TOKEN_SCOPES_MAX};

/// Who registers.
pub(crate) enum Register {
    /// Somebody new.
    Account {
        username: String,
        password: String,
        user_id: Option<String>,
        scopes: Option<Vec<String>>,
    },
    /// Somebody with a token, who wants another one with less rights.
    Child(Child),
}

/// A token that is to be made from another one.
pub(crate) struct Child {
    pub(crate) name: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
}

/// Who logs in.
#[derive(Deserialize)]
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) scopes: Option<Vec<String>>,
}

/// Who comes without an account.
#[derive(Deserialize)]
pub(crate) struct Guest {
    pub(crate) user_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
}

/// A token that is to be valid.
#[derive(Deserialize)]
pub(crate) struct Grant {
    pub(crate) token: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) subject: Option<String>,
    pub(crate) expires_at: Option<u64>,
}

/// What is to count no longer.
#[derive(Deserialize)]
pub(crate) struct Revoke {
    pub(crate) token: Option<String>,
    pub(crate) subject: Option<String>,
}

pub(crate) fn register(body: &[u8]) -> Result<Register, Refused> {
    let Presence { username, password } = json(body)?;
    if username.is_none() && password.is_none() {
        let Named { name, scopes } = json(body)?;
        let name = checked_name(name)?;
        let scopes = bounded(scopes)?;
        return Ok(Register::Child(Child { name, scopes }));
    }
    let account: Account = json(body)?;
    let username = account.username.trim().to_owned();
    if !(USERNAME_BYTES_MIN..=USERNAME_BYTES_MAX).contains(&username.len()) {
        return Err(Refused::Username);
    }
    if account.password.len() < PASSWORD_BYTES_MIN {
        return Err(Refused::Password);
    }
    let user_id = present(account.user_id);
    if !user_id.as_deref().is_none_or(is_user_id) {
        return Err(Refused::UserId);
    }
    Ok(Register::Account {
        username,
        password: account.password,
        user_id,
        scopes: bounded(account.scopes)?,
    })
}

pub(crate) fn login(body: &[u8]) -> Result<Login, Refused> {
    let login: Login = json(body)?;
    let username = login.username.trim().to_owned();
    let scopes = bounded(login.scopes)?;
    Ok(Login {
        username,
        scopes,
        ..login
    })
}

pub(crate) fn guest(body: &[u8]) -> Result<Guest, Refused> {
    let Guest {
        user_id,
        name,
        scopes,
    } = json(body)?;
    let user_id = present(user_id);
    if !user_id.as_deref().is_none_or(is_user_id) {
        return Err(Refused::GuestUserId);
    }
    Ok(Guest {
        user_id,
        name: checked_name(name)?,
        scopes: bounded(scopes)?,
    })
}

pub(crate) fn grant(body: &[u8], now_s: u64) -> Result<Grant, Refused> {
    let grant: Grant = json(body)?;
    scopes(&grant.scopes)?;
    if !grant.token.as_deref().is_none_or(is_token) {
        return Err(Refused::TokenForm);
    }
    if !grant.subject.as_deref().is_none_or(is_subject) {
        return Err(Refused::Subject);
    }
    if grant
        .expires_at
        .is_some_and(|at| at < now_s || i64::try_from(at).is_err())
    {
        return Err(Refused::ExpiresAt);
    }
    Ok(grant)
}

pub(crate) fn revoke(body: &[u8]) -> Result<Revoke, Refused> {
    let revoke: Revoke = json(body)?;
    match revoke.token.is_some() != revoke.subject.is_some() {
        true => Ok(revoke),
        false => Err(Refused::Revoke),
    }
}

/// The scopes in these texts, all of them.
pub(crate) fn scopes(texts: &[String]) -> Result<Scopes, Refused> {
    Ok(Scopes::parse_each(texts.iter().map(String::as_str))?)
}

/// The different ones of the scopes that somebody asks for, if they are not too many for a token.
fn bounded(asked: Option<Vec<String>>) -> Result<Option<Vec<String>>, Refused> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    let mut seen = HashSet::new();
    let asked = asked.iter().map(|scope| scope.trim());
    let asked: Vec<&str> = asked.filter(|scope| seen.insert(*scope)).collect();
    let bytes: usize = asked.iter().map(|scope| scope.len()).sum();
    match asked.len() > TOKEN_SCOPES_MAX || bytes > TOKEN_SCOPES_BYTES_MAX {
        true => Err(Refused::ManyScopes),
        false => Ok(Some(asked.into_iter().map(str::to_owned).collect())),
    }
}

/// Reads a body in each way, for fuzzing.
#[cfg(fuzzing)]
pub(super) fn read_all(body: &[u8], now_s: u64) {
    match register(body) {
        Ok(Register::Account {
            username, user_id, ..
        }) => {
            assert!(username.len() <= USERNAME_BYTES_MAX && username.trim() == username);
            assert!(user_id.as_deref().is_none_or(is_user_id));
        }
        Ok(Register::Child(child)) => {
            assert!(child.name.is_none_or(|name| name.len() <= NAME_BYTES_MAX));
        }
        Err(_) => {}
    }
    if let Ok(guest) = guest(body) {
        assert!(guest.user_id.as_deref().is_none_or(is_user_id));
    }
    if let Ok(grant) = grant(body, now_s) {
        assert!(scopes(&grant.scopes).is_ok());
        // What stands in a template must not reach beyond its segment.
        assert!(
            !grant
                .subject
                .is_some_and(|subject| subject.contains(['/', '*', '{']))
        );
    }
    if let Ok(revoke) = revoke(body) {
        assert!(revoke.token.is_some() != revoke.subject.is_some());
    }
    let _ = login(body).is_ok();
}

#[derive(Deserialize)]
struct Presence {
    username: Option<IgnoredAny>,
    password: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Account {
    username: String,
    password: String,
    user_id: Option<String>,
    scopes: Option<Vec<String>>,
}

/// What else is in an object does not matter.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|_| Refused::Json)
}

/// A blank text says nothing.
fn present(text: Option<String>) -> Option<String> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn checked_name(name: Option<String>) -> Result<Option<String>, Refused> {
    let name = present(name);
    match name
        .as_ref()
        .is_some_and(|name| name.len() > NAME_BYTES_MAX)
    {
        true => Err(Refused::Name),
        false => Ok(name),
    }
}

fn is_user_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=USER_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Nothing that means something in a pattern or a template: rules put subjects into addresses.
fn is_subject(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@:".contains(&byte);
    (1..=SUBJECT_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// `cpsk_` and 32 hexadecimal digits.
fn is_token(text: &str) -> bool {
    let digits = text.strip_prefix(clasp_auth::TokenKind::Cpsk.prefix());
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.is_some_and(|digits| digits.len() == TOKEN_DIGITS && digits.bytes().all(is_digit))
}

const USERNAME_BYTES_MIN: usize = 2;
const USERNAME_BYTES_MAX: usize = 32;
const PASSWORD_BYTES_MIN: usize = 6;
const USER_ID_BYTES_MAX: usize = 64;
const SUBJECT_BYTES_MAX: usize = 128;
pub(super) const NAME_BYTES_MAX: usize = 128;
const TOKEN_DIGITS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome<T>(result: Result<T, Refused>) -> String {
        result.map_or_else(|refused| refused.to_string(), |_| "fine".to_owned())
    }

    #[test]
    fn registrations() {
        let long = |bytes| "a".repeat(bytes);
        let account = |username: &str, password: &str, more: &str| {
            format!(r#"{{"username":"{username}","password":"{password}"{more}}}"#)
        };
        let username = "Username must be 2-32 characters";
        let password = "Password must be at least 6 characters";
        let user_id = "Invalid user_id format (alphanumeric, hyphens, underscores; max 64 chars)";
        for (body, expected) in [
            (account("alice", "secret", ""), "fine"),
            (
                account(" al ", "secret", ",\"name\":5,\"more\":[{}]"),
                "fine",
            ),
            (account(&long(32), "secret", ""), "fine"),
            (account(&long(33), "secret", ""), username),
            (account(" a ", "secret", ""), username),
            (account("\\u00e9", "secret", ""), "fine"),
            (account("alice", "secre", ""), password),
            (account("a", "secre", ""), username),
            (account("alice", "secret", ",\"user_id\":\" \""), "fine"),
            (account("alice", "secret", ",\"user_id\":null"), "fine"),
            (account("alice", "secret", ",\"user_id\":\"a b\""), user_id),
            (
                account("alice", "secret", &format!(",\"user_id\":\"{}\"", long(64))),
                "fine",
            ),
            (
                account("alice", "secret", &format!(",\"user_id\":\"{}\"", long(65))),
                user_id,
            ),
            (account("alice", "secret", ",\"user_id\":5"), "Invalid JSON"),
            (
                account("alice", "secret", ",\"scopes\":\"read:/a\""),
                "Invalid JSON",
            ),
            (r#"{"username":"alice"}"#.to_owned(), "Invalid JSON"),
            (
                r#"{"username":"alice","password":null}"#.to_owned(),
                "Invalid JSON",
            ),
            (
                r#"{"username":5,"password":"secret"}"#.to_owned(),
                "Invalid JSON",
            ),
            (String::new(), "Invalid JSON"),
            ("{".to_owned(), "Invalid JSON"),
            ("[".repeat(16_000), "Invalid JSON"),
            (format!("{{\"a\":{}", "[".repeat(16_000)), "Invalid JSON"),
            (
                format!("{{\"scopes\":{}", "[".repeat(100_000)),
                "Invalid JSON",
            ),
        ] {
            assert_eq!(outcome(register(body.as_bytes())), expected, "{body:.100}");
        }
    }

    #[test]
    fn who_gives_neither_name_nor_password_wants_a_child() {
        let child = |body: &str| match register(body.as_bytes()) {
            Ok(Register::Child(child)) => Some((child.name, child.scopes)),
            _ => None,
        };
        let scopes = Some(vec!["read:/a".to_owned()]);
        let name = Some("lamp".to_owned());
        let both = r#"{"name":" lamp ","scopes":["read:/a"]}"#;
        assert_eq!(child(both), Some((name, scopes)));
        assert_eq!(child("{}"), Some((None, None)));
        assert_eq!(child(r#"{"name":"lamp","password":"secret"}"#), None);
        assert_eq!(child(&format!(r#"{{"name":"{}"}}"#, "a".repeat(129))), None);
    }

    #[test]
    fn guests() {
        for (body, expected) in [
            ("{}", "fine"),
            (r#"{"user_id":"","name":"","scopes":[]}"#, "fine"),
            (r#"{"user_id":"a/b"}"#, "Invalid user_id format"),
            (r#"{"user_id":"{userId}"}"#, "Invalid user_id format"),
            (r#"{"name":5}"#, "Invalid JSON"),
            ("", "Invalid JSON"),
            ("null", "Invalid JSON"),
        ] {
            assert_eq!(outcome(guest(body.as_bytes())), expected, "{body}");
        }
    }

    #[test]
    fn grants_and_revocations() {
        let token = "cpsk_0123456789abcdef0123456789abcdef";
        for (body, expected) in [
            (
                format!(r#"{{"token":"{token}","scopes":["read:/a"]}}"#),
                "fine",
            ),
            (
                r#"{"scopes":[],"subject":"a@b.c:d","expires_at":10}"#.to_owned(),
                "fine",
            ),
            (r#"{"subject":"a"}"#.to_owned(), "Invalid JSON"),
            (r#"{"scopes":["see:/a"]}"#.to_owned(), "scopes: "),
            (r#"{"scopes":[],"token":"cpsk_1"}"#.to_owned(), "token: "),
            (r#"{"scopes":[],"subject":"a/b"}"#.to_owned(), "subject: "),
            (r#"{"scopes":[],"subject":"{x}"}"#.to_owned(), "subject: "),
            (r#"{"scopes":[],"expires_at":9}"#.to_owned(), "expires_at: "),
            (
                format!(r#"{{"scopes":[],"expires_at":{}}}"#, u64::MAX),
                "expires_at: ",
            ),
        ] {
            let outcome = outcome(grant(body.as_bytes(), 10));
            assert!(outcome.starts_with(expected), "{body}: {outcome}");
        }
        for (body, is_fine) in [
            (r#"{"token":"x"}"#, true),
            (r#"{"subject":"x"}"#, true),
            (r#"{"token":"x","subject":"x"}"#, false),
            ("{}", false),
        ] {
            assert_eq!(revoke(body.as_bytes()).is_ok(), is_fine, "{body}");
        }
    }
}
