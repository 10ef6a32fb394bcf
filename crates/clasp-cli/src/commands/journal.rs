//! `clasp journal`: what a relay has recorded, asked of it over HTTP.

mod file;

use std::num::NonZeroU8;

use clasp_transport::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};

use super::relay::Relay;
use crate::args::{
    JournalCommand, JournalQueryArgs, JournalSinceArgs, JournalSnapshotArgs, RegistryArgs,
};
use crate::error::CommandError;
use crate::output;

/// Asks a relay, or reads or writes a file.
///
/// # Errors
/// The relay cannot be reached or refuses, or the file cannot be used or is damaged.
pub(crate) async fn run(command: &JournalCommand) -> Result<(), CommandError> {
    match command {
        JournalCommand::Query(args) => query(args).await,
        JournalCommand::Since(args) => since(args).await,
        JournalCommand::Latest(args) => latest(args).await,
        JournalCommand::Snapshot(args) => snapshot(args).await,
        JournalCommand::Verify(args) => file::verify(args),
        JournalCommand::Backup(args) => file::back_up(args),
        JournalCommand::Export(args) => file::export(args),
        JournalCommand::Import(args) => file::import(args),
    }
}

async fn query(args: &JournalQueryArgs) -> Result<(), CommandError> {
    let mut path = format!(
        "{PATH}/query?pattern={}&limit={}",
        encoded(&args.pattern),
        args.limit
    );
    let times = [("from", args.from), ("to", args.to)];
    for (name, time) in times {
        path += &time.map_or_else(String::new, |time| format!("&{name}={time}"));
    }
    if let Some(types) = &args.types {
        path += &format!("&types={}", encoded(types));
    }
    print(&args.relay, &path, (args.json, entry)).await
}

async fn since(args: &JournalSinceArgs) -> Result<(), CommandError> {
    let path = format!("{PATH}/since?seq={}&limit={}", args.sequence, args.limit);
    print(&args.relay, &path, (args.json, entry)).await
}

async fn latest(args: &RegistryArgs) -> Result<(), CommandError> {
    let (relay, path) = (relay(args), format!("{PATH}/latest"));
    let answer = relay.ask(Method::GET, &path, None).await?;
    let sequence = answer["seq"].as_u64();
    let sequence = sequence.ok_or_else(|| relay.odd_answer(&path))?;
    Ok(output::result(&format!("Latest seq: {sequence}"))?)
}

async fn snapshot(args: &JournalSnapshotArgs) -> Result<(), CommandError> {
    let path = format!("{PATH}/snapshot");
    print(&args.relay, &path, (args.json, param)).await
}

/// Prints a list that the relay answers with, each as a line.
async fn print(
    args: &RegistryArgs,
    path: &str,
    (as_json, line): (bool, fn(&Json) -> String),
) -> Result<(), CommandError> {
    let relay = relay(args);
    let Json::Array(entries) = relay.ask(Method::GET, path, None).await? else {
        return Err(relay.odd_answer(path));
    };
    if entries.is_empty() && !as_json {
        return Ok(output::result("No entries.")?);
    }
    for entry in &entries {
        match as_json {
            true => output::json(entry)?,
            false => output::result(&line(entry))?,
        }
    }
    Ok(())
}

/// `[seq:7] 2026-01-02T03:04:05.000006Z SET /addr = value (rev:3, by:id)`.
fn entry(entry: &Json) -> String {
    let operation = match entry["msg_type"].as_u64() {
        Some(SET) => "SET",
        Some(PUBLISH) => "PUBLISH",
        _ => "?",
    };
    let revision = entry["revision"].as_u64();
    let revision = revision.map_or_else(String::new, |revision| format!("rev:{revision}, "));
    format!(
        "[seq:{}] {} {operation} {} = {} ({revision}by:{})",
        entry["seq"],
        moment(&entry["timestamp"]),
        text(&entry["address"]),
        entry["value"],
        text(&entry["author"]),
    )
}

fn param(param: &Json) -> String {
    format!(
        "{} {} = {} (rev:{}, by:{})",
        moment(&param["timestamp"]),
        text(&param["address"]),
        param["value"],
        param["revision"],
        text(&param["writer"]),
    )
}

/// What a terminal can be shown of a text.
fn text(text: &Json) -> String {
    let text = text.as_str().unwrap_or("?");
    text.chars().filter(|it| !it.is_control()).collect()
}

fn moment(micros: &Json) -> String {
    let nanos = i128::from(micros.as_u64().unwrap_or(0)) * 1000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    let shown = moment
        .ok()
        .and_then(|it| it.format(&Iso8601::<MICROSECONDS>).ok());
    // Beyond the year 9999.
    shown.unwrap_or_else(|| micros.to_string())
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn relay(args: &RegistryArgs) -> Relay<'_> {
    Relay::new(&args.relay, args.token.as_deref(), args.trust.trust())
}

/// All moments are as long as each other, so that lines stand below each other.
const MICROSECONDS: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second {
        decimal_digits: NonZeroU8::new(6),
    })
    .encode();
const PATH: &str = "/api/journal";
/// The codes of the messages that are recorded.
const SET: u64 = 0x21;
const PUBLISH: u64 = 0x20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_a_line() {
        let set = json!({
            "seq": 7, "timestamp": 1_767_323_045_000_006_u64, "author": "id", "address": "/a\u{1b}",
            "signal_type": "param", "value": {"x": 1}, "revision": 3, "msg_type": 33,
        });
        let line = r#"[seq:7] 2026-01-02T03:04:05.000006Z SET /a = {"x":1} (rev:3, by:id)"#;
        assert_eq!(entry(&set), line);
        let event = json!({
            "seq": 8, "timestamp": 0, "author": "id", "address": "/e", "signal_type": "event",
            "value": null, "revision": null, "msg_type": 32,
        });
        assert_eq!(
            entry(&event),
            "[seq:8] 1970-01-01T00:00:00.000000Z PUBLISH /e = null (by:id)"
        );
        assert_eq!(encoded("/a b/**&x"), "%2Fa%20b%2F%2A%2A%26x");
    }
}
