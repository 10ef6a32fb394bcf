//! Tokens in a file that relays load.

use std::path::PathBuf;

use clasp_auth::cpsk;

use crate::args::{TokenCreateArgs, TokenFileArgs, TokenListArgs, TokenRevokeArgs, TokenShowArgs};
use crate::commands::moment::{from_now, now_s, span};
use crate::error::CommandError;
use crate::output;
use crate::token_file::{Record, TokenFile, default_path};

pub(super) fn create(args: &TokenCreateArgs) -> Result<(), CommandError> {
    let path = path(&args.file)?;
    let now_s = now_s();
    let token = cpsk::generate();
    let record = Record {
        token: token.clone(),
        subject: args.subject.clone(),
        scopes: args.scopes.iter().map(ToString::to_string).collect(),
        expires_at: args.expires.map(|seconds| now_s + seconds),
        created_at: now_s,
        rest: serde_json::Map::new(),
    };
    TokenFile::change(&path, |file| {
        file.tokens.insert(token.clone(), record);
        Ok::<_, CommandError>(())
    })?;
    output::result(&token)?;
    output::done(&format!("Token saved to: {}", path.display()));
    Ok(())
}

pub(super) fn list(args: &TokenListArgs) -> Result<(), CommandError> {
    let path = path(&args.file)?;
    let now_s = now_s();
    let file = TokenFile::read(&path)?;
    let (expired, mut listed): (Vec<_>, Vec<_>) =
        file.tokens.values().partition(|it| it.is_expired(now_s));
    if args.show_expired {
        listed.extend(&expired);
    } else if !expired.is_empty() {
        let number = expired.len();
        output::status(&format!(
            "{number} expired: --show-expired lists them as well"
        ));
    }
    listed.sort_by_key(|record| record.created_at);
    if listed.is_empty() {
        let none = format!("No tokens found in {}", path.display());
        return Ok(output::result(&none)?);
    }
    for record in listed {
        output::result(&summary(record, now_s))?;
    }
    Ok(())
}

pub(super) fn show(args: &TokenShowArgs) -> Result<(), CommandError> {
    let file = TokenFile::read(&path(&args.file)?)?;
    let record = &file.tokens[&found(&file, &args.prefix)?];
    let now_s = now_s();
    let mut lines = vec![format!("Token: {}", record.token)];
    lines.extend(record.subject.iter().map(|it| format!("Subject: {it}")));
    lines.push("Scopes:".to_owned());
    lines.extend(record.scopes.iter().map(|scope| format!("  {scope}")));
    lines.push(format!("Expires: {}", end(record, now_s)));
    let age = span(now_s.saturating_sub(record.created_at));
    lines.push(format!("Created: {age} ago"));
    Ok(output::result(&lines.join("\n"))?)
}

pub(super) fn revoke(args: &TokenRevokeArgs) -> Result<(), CommandError> {
    let token = TokenFile::change(&path(&args.file)?, |file| {
        let token = found(file, &args.prefix)?;
        file.tokens.remove(&token);
        Ok::<_, CommandError>(token)
    })?;
    Ok(output::success(&format!("Revoked: {token}"))?)
}

pub(super) fn prune(args: &TokenFileArgs) -> Result<(), CommandError> {
    let now_s = now_s();
    let removed = TokenFile::change(&path(args)?, |file| {
        let before = file.tokens.len();
        file.tokens.retain(|_, record| !record.is_expired(now_s));
        Ok::<_, CommandError>(before - file.tokens.len())
    })?;
    Ok(output::success(&format!(
        "Removed {removed} expired token(s)"
    ))?)
}

fn path(args: &TokenFileArgs) -> Result<PathBuf, CommandError> {
    match &args.file {
        Some(path) => Ok(path.clone()),
        None => Ok(default_path()?),
    }
}

/// The one token that this text is, or that alone begins with it.
fn found(file: &TokenFile, prefix: &str) -> Result<String, CommandError> {
    if file.tokens.contains_key(prefix) {
        return Ok(prefix.to_owned());
    }
    let mut begin = file.tokens.keys().filter(|it| it.starts_with(prefix));
    let first = begin.next().ok_or(CommandError::TokenNotFound)?;
    let prefix = prefix.to_owned();
    match begin.count() {
        0 => Ok(first.clone()),
        others => Err(CommandError::AmbiguousToken {
            prefix,
            count: others + 1,
        }),
    }
}

/// The token's ends, and what it is for. All of it would be the token.
fn summary(record: &Record, now_s: u64) -> String {
    let expired = if record.is_expired(now_s) {
        " [EXPIRED]"
    } else {
        ""
    };
    let mut lines = vec![format!("{}{expired}", ends(&record.token))];
    lines.extend(record.subject.iter().map(|it| format!("  Subject: {it}")));
    lines.push(format!("  Scopes: {}", record.scopes.join(", ")));
    lines.push(format!("  Expires: {}", end(record, now_s)));
    lines.join("\n")
}

/// The first twelve characters and the last four.
fn ends(token: &str) -> String {
    let characters: Vec<_> = token.chars().collect();
    let (Some(first), Some(last)) = (characters.first_chunk::<12>(), characters.last_chunk::<4>())
    else {
        return token.to_owned();
    };
    let text = |part: &[char]| part.iter().collect::<String>();
    format!("{}...{}", text(first), text(last))
}

fn end(record: &Record, now_s: u64) -> String {
    let end = record.expires_at.map(|at_s| from_now(at_s, now_s));
    end.unwrap_or_else(|| "never".to_owned())
}
