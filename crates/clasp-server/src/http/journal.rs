//! What was journaled, for operators (docs/journal.md).

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clasp_proto::binary::{self, Body, MessageRef};
use clasp_proto::{Encoded, Pattern, PatternError, Signal, text};
use clasp_router::ExportedParam;
use clasp_store::journal::{Entry, JournalError, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;
use thiserror::Error;

use crate::features::journal::{Journal, Wanted};
use crate::features::snapshot::{self, Damage, Decoded};
use crate::limits::{
    JOURNAL_ANSWER_BYTES_MAX, REPLAY_ENTRIES, REPLAY_ENTRIES_MAX, REPLAY_PAGE_ENTRIES_MAX,
};
use crate::shared::Shared;
use crate::supervisor::blocking;

/// `/api/journal`, for who has shown to be an admin.
pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/journal/query", get(query))
        .route("/api/journal/since", get(since))
        .route("/api/journal/latest", get(latest))
        .route("/api/journal/snapshot", get(newest_snapshot))
        .with_state(shared)
}

/// Which entries are asked for.
#[derive(Debug, Deserialize)]
struct Wish {
    #[serde(default = "everything")]
    pattern: String,
    /// Microseconds since 1970, both included.
    from: Option<u64>,
    to: Option<u64>,
    limit: Option<usize>,
    /// Words with commas between them; unknown ones count for nothing.
    types: Option<String>,
}

fn everything() -> String {
    "/**".to_owned()
}

/// What comes after an entry.
#[derive(Debug, Deserialize)]
struct Since {
    seq: u64,
    limit: Option<usize>,
}

/// An entry as it is told, in the form of CLASP 4.5.
#[derive(Debug, Serialize)]
struct Told {
    seq: u64,
    timestamp: u64,
    author: String,
    address: String,
    signal_type: &'static str,
    value: JsonValue,
    revision: Option<u64>,
    msg_type: u8,
}

/// A param of a snapshot as it is told.
#[derive(Debug, Serialize)]
struct ToldParam {
    address: String,
    value: JsonValue,
    revision: u64,
    writer: String,
    timestamp: u64,
}

/// Why there is no answer.
#[derive(Debug, Error)]
enum Failure {
    #[error("there is no journal: start with --journal")]
    NoJournal,
    #[error("{0}")]
    Query(#[from] QueryRejection),
    #[error("pattern: {0}")]
    Pattern(#[from] PatternError),
    #[error("journal query failed: {0}")]
    Journal(#[from] JournalError),
    #[error("journal query failed: the snapshot is damaged: {0}")]
    Snapshot(#[from] Damage),
}

async fn query(
    State(shared): State<Arc<Shared>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Json<Vec<Told>>, Failure> {
    let Query(wish) = wish?;
    let words = wish.types.as_deref().map(|words| words.split(','));
    let wanted = Wanted {
        pattern: Pattern::parse(&wish.pattern)?,
        from: wish.from,
        to: wish.to,
        signals: words.map(|words| words.map(str::trim).filter_map(Signal::from_word).collect()),
    };
    entries(&shared, wanted, 0, wish.limit).await
}

async fn since(
    State(shared): State<Arc<Shared>>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Json<Vec<Told>>, Failure> {
    let Query(since) = since?;
    let wanted = Wanted {
        pattern: Pattern::parse(&everything())?,
        from: None,
        to: None,
        signals: None,
    };
    entries(&shared, wanted, since.seq, since.limit).await
}

async fn latest(State(shared): State<Arc<Shared>>) -> Result<Json<JsonValue>, Failure> {
    let seq = journal(&shared)?.latest().await?;
    Ok(Json(serde_json::json!({ "seq": seq })))
}

async fn newest_snapshot(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Vec<ToldParam>>, Failure> {
    let Some(newest) = journal(&shared)?.newest_snapshot().await? else {
        return Ok(Json(Vec::new()));
    };
    blocking(move || params(&newest, &shared)).await.map(Json)
}

fn journal(shared: &Shared) -> Result<&Arc<Journal>, Failure> {
    shared.journal.as_ref().ok_or(Failure::NoJournal)
}

/// A page after the other, until there are enough or they are as many bytes as an answer may have.
async fn entries(
    shared: &Shared,
    wanted: Wanted,
    mut after: u64,
    limit: Option<usize>,
) -> Result<Json<Vec<Told>>, Failure> {
    let journal = journal(shared)?;
    let limit = limit.unwrap_or(REPLAY_ENTRIES).min(REPLAY_ENTRIES_MAX);
    let wanted = Arc::new(wanted);
    let (mut all, mut bytes) = (Vec::new(), 0);
    while all.len() < limit && bytes < JOURNAL_ANSWER_BYTES_MAX {
        let count = (limit - all.len()).min(REPLAY_PAGE_ENTRIES_MAX);
        let page = journal.page(Arc::clone(&wanted), after, count).await?;
        bytes += page.iter().map(|entry| entry.payload.len()).sum::<usize>();
        let is_last = page.len() < count;
        after = page.last().map_or(after, |last| last.sequence);
        all.extend(page.iter().filter_map(|entry| told(entry, shared)));
        if is_last {
            break;
        }
    }
    Ok(Json(all))
}

/// Redacted for everybody, and not hidden from admins. // protocol/router.md 17.8
fn told(entry: &Entry, shared: &Shared) -> Option<Told> {
    let redacted = shared.router.redacted(&entry.payload);
    let payload = redacted.as_deref().unwrap_or(&entry.payload);
    let (address, value, revision, msg_type) = match binary::view(payload).ok()? {
        MessageRef::Set(set) => (set.address, json(set.value), set.revision, binary::SET),
        MessageRef::Publish(publish) => {
            let value = match publish.body {
                Body::None => JsonValue::Null,
                Body::Value(value) => json(value),
                Body::Samples(_) => publish.body.samples().collect(),
            };
            (publish.address, value, None, binary::PUBLISH)
        }
        _ => return None,
    };
    Some(Told {
        seq: entry.sequence,
        timestamp: entry.at_us,
        author: entry.author.to_string(),
        address: address.to_owned(),
        signal_type: entry.signal.word(),
        value,
        revision,
        msg_type,
    })
}

fn params(newest: &Snapshot, shared: &Shared) -> Result<Vec<ToldParam>, Failure> {
    let decoded = snapshot::decode(&newest.state, shared.clock.now().wall)?;
    let Decoded::Export(export) = decoded else {
        // This server would not have started with it.
        return Ok(Vec::new());
    };
    let params = export.params.iter();
    Ok(params.map(|param| told_param(param, shared)).collect())
}

fn told_param(param: &ExportedParam, shared: &Shared) -> ToldParam {
    let value = param.value.encoded();
    let mut left = Vec::new();
    let redacted = shared.router.redact(&param.address, value, &mut left);
    ToldParam {
        address: param.address.to_string(),
        value: json(redacted.unwrap_or(value)),
        revision: param.revision,
        writer: param.writer.to_string(),
        timestamp: param.written_at.0,
    }
}

fn json(value: Encoded<'_>) -> JsonValue {
    text::to_json(&value.to_value())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NoJournal => StatusCode::NOT_IMPLEMENTED,
            Self::Query(_) | Self::Pattern(_) => StatusCode::BAD_REQUEST,
            Self::Journal(_) | Self::Snapshot(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let error = serde_json::json!({ "error": self.to_string() });
        (status, Json(error)).into_response()
    }
}

#[cfg(test)]
mod tests;
