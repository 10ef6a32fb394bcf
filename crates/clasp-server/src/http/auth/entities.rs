//! Entities over HTTP: who is registered, and whether it is believed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use clasp_auth::entity::EntityIdError;
use clasp_auth::key::KeyError;
use clasp_auth::{EntityId, EntityToken, PublicKey, SigningKey};
use clasp_store::limits::PAGE_ROWS_MAX;
use clasp_store::{Entity, EntityStatus, EntityType, StatusChange, StoreError};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use super::refused::{NO_ROOM, Refused};
use super::request;
use crate::auth::registry::{RegistryError, within};
use crate::limits::BUSY_RETRY_AFTER;
use crate::shared::Shared;

/// The routes, if there is a registry.
pub(super) fn add(routes: Router<Arc<Shared>>, shared: &Shared) -> Router<Arc<Shared>> {
    if !shared.authenticator.registry.is_open() {
        return routes;
    }
    routes
        .route("/api/entities", post(create).get(list))
        .route("/api/entities/{id}", get(show).delete(remove))
        .route("/api/entities/{id}/status", put(change_status))
        .route("/api/entities/{id}/token", post(mint))
}

/// `POST /api/entities`
async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), EntityRefused> {
    shared.admin(&headers).await?;
    check_type(&headers)?;
    let entity = parse(&body.map_err(Refused::from)?, shared.now_s())?;
    let answer = json_of(&entity);
    let id = entity.id.clone();
    let registry = &shared.authenticator.registry;
    match registry.look_up(move |store| store.add(&entity)).await? {
        true => Ok((StatusCode::CREATED, Json(answer))),
        false => Err(EntityRefused::Exists { id }),
    }
}

/// `GET /api/entities`
async fn list(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, EntityRefused> {
    shared.admin(&headers).await?;
    let Query(Page { offset, limit }) = page.map_err(|_| EntityRefused::Page)?;
    let limit = limit.unwrap_or(PAGE_ROWS).min(PAGE_ROWS_MAX);
    let registry = &shared.authenticator.registry;
    let found = registry.look_up(move |store| store.list(offset.unwrap_or_default(), limit));
    Ok(Json(found.await?.iter().map(json_of).collect()))
}

/// `GET /api/entities/{id}`
async fn show(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, EntityRefused> {
    shared.admin(&headers).await?;
    Ok(Json(json_of(&known(&shared, EntityId::parse(&id)?).await?)))
}

/// `DELETE /api/entities/{id}`
async fn remove(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, EntityRefused> {
    shared.admin(&headers).await?;
    match shared.remove_entity(EntityId::parse(&id)?).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(EntityRefused::Unknown),
    }
}

/// `PUT /api/entities/{id}/status`
async fn change_status(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, EntityRefused> {
    shared.admin(&headers).await?;
    let id = EntityId::parse(&id)?;
    let NewStatus { status } = json_in(&body.map_err(Refused::from)?)?;
    let status = EntityStatus::from_word(&status).ok_or(EntityRefused::Status)?;
    match shared.change_entity_status(id, status).await? {
        StatusChange::Done => Ok(StatusCode::OK),
        StatusChange::Unknown => Err(EntityRefused::Unknown),
        StatusChange::Final => Err(EntityRefused::Final),
    }
}

/// `POST /api/entities/{id}/token`: a private key comes with it, so not over a wire that others can read.
async fn mint(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, EntityRefused> {
    shared.admin(&headers).await?;
    if !is_private(&shared, peer, &headers) {
        return Err(EntityRefused::Plaintext);
    }
    let entity = known(&shared, EntityId::parse(&id)?).await?;
    let Keypair { keypair_hex } = json_in(&body.map_err(Refused::from)?)?;
    let key = SigningKey::from_hex(&keypair_hex).ok_or(EntityRefused::Keypair)?;
    if entity.status != EntityStatus::Active {
        return Err(EntityRefused::Inactive {
            status: entity.status,
        });
    }
    if key.public().to_bytes() != entity.public_key {
        return Err(EntityRefused::OtherKey);
    }
    let token = EntityToken::mint(&key, shared.now_s());
    Ok(Json(json!({ "token": token, "entity_id": entity.id })))
}

async fn known(shared: &Shared, id: EntityId) -> Result<Entity, EntityRefused> {
    let registry = &shared.authenticator.registry;
    let found = registry
        .look_up(move |store| store.entity(id.as_str()))
        .await?;
    found.ok_or(EntityRefused::Unknown)
}

/// Whether nobody on the way can read what was sent: TLS here or at a proxy, or this machine alone.
fn is_private(shared: &Shared, peer: SocketAddr, headers: &HeaderMap) -> bool {
    let proxies = &shared.accounts().plan.proxies;
    let asker = proxies.asker(peer.ip(), headers);
    shared.plan.has_tls() || proxies.say_tls(peer.ip(), headers) || asker.is_loopback()
}

fn check_type(headers: &HeaderMap) -> Result<(), EntityRefused> {
    let given = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = given
        .and_then(|given| given.split(';').next())
        .map(str::trim);
    match kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        true => Ok(()),
        false => Err(EntityRefused::ContentType),
    }
}

/// Reads a body in each way, for fuzzing.
#[cfg(fuzzing)]
pub(super) fn read_all(body: &[u8], now_s: u64) {
    if let Ok(entity) = parse(body, now_s) {
        assert!(request::scopes(&entity.scopes).is_ok());
        let _ = json_of(&entity);
    }
    let _ = json_in::<NewStatus>(body).is_ok();
    let _ = json_in::<Keypair>(body).is_ok();
}

/// An entity as somebody wants to have it registered.
fn parse(body: &[u8], now_s: u64) -> Result<Entity, EntityRefused> {
    let new: NewEntity = json_in(body)?;
    let entity_type = EntityType::from_word(&new.entity_type).ok_or(EntityRefused::Type)?;
    let key = HEXLOWER.decode(new.public_key.to_ascii_lowercase().as_bytes());
    let key = key.map_err(|_| EntityRefused::KeyHex)?;
    let found = key.len();
    let key: [u8; 32] = key
        .try_into()
        .map_err(|_| EntityRefused::KeyLength { found })?;
    let key = PublicKey::from_bytes(&key)?;
    request::scopes(&new.scopes)?;
    if let Some(namespace) = new.namespaces.iter().find(|it| within(it).is_none()) {
        let namespace = namespace.clone();
        return Err(EntityRefused::Namespace { namespace });
    }
    Ok(Entity {
        id: key.entity_id().to_string(),
        entity_type,
        name: new.name,
        public_key: key.to_bytes(),
        created_at: now_s,
        metadata: new.metadata,
        tags: new.tags,
        namespaces: new.namespaces,
        scopes: new.scopes,
        status: EntityStatus::Active,
    })
}

#[derive(Deserialize)]
struct NewEntity {
    entity_type: String,
    name: String,
    public_key: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct NewStatus {
    status: String,
}

#[derive(Deserialize)]
struct Keypair {
    keypair_hex: String,
}

#[derive(Deserialize)]
struct Page {
    offset: Option<usize>,
    limit: Option<usize>,
}

/// JSON that is none is another matter than JSON of something else.
fn json_in<T: DeserializeOwned>(body: &[u8]) -> Result<T, EntityRefused> {
    serde_json::from_slice(body).map_err(|error| match error.is_data() {
        true => EntityRefused::Shape,
        false => Refused::Json.into(),
    })
}

/// What is empty is left out, as in CLASP 4.5.
fn json_of(entity: &Entity) -> Value {
    let mut object = json!({
        "id": entity.id,
        "entity_type": entity.entity_type.word(),
        "name": entity.name,
        "status": entity.status.word(),
        "public_key": HEXLOWER.encode(&entity.public_key),
        "created_at": rfc3339(entity.created_at),
    });
    let lists = [
        ("tags", &entity.tags),
        ("namespaces", &entity.namespaces),
        ("scopes", &entity.scopes),
    ];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        object[name] = json!(list);
    }
    if !entity.metadata.is_empty() {
        object["metadata"] = json!(entity.metadata);
    }
    object
}

/// A second since 1970 as people write it. Days are counted from March, so that a leap day is the last one of a year.
fn rfc3339(second: u64) -> String {
    let (days, second) = (second / 86_400 + 719_468, second % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Why nothing was done about an entity. Told as `{"error": ".."}`.
#[derive(Debug, Error)]
enum EntityRefused {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("invalid entity ID: {0}")]
    Id(#[from] EntityIdError),
    #[error("public_key: expected hexadecimal digits")]
    KeyHex,
    #[error("public_key: expected 32 bytes in hexadecimal digits, found {found}")]
    KeyLength { found: usize },
    #[error("public_key: {0}")]
    Key(#[from] KeyError),
    #[error("keypair_hex: expected the 32 bytes of a signing key in hexadecimal digits")]
    Keypair,
    #[error("entity_type: expected device, user, service or router")]
    Type,
    #[error("status: expected active, suspended or revoked")]
    Status,
    #[error("namespaces: expected addresses such as /lights, found {namespace}")]
    Namespace { namespace: String },
    #[error("expected ?offset=..&limit=.. with numbers")]
    Page,
    #[error("expected a JSON object with entity_type, name and public_key, and lists of texts")]
    Shape,
    #[error("expected Content-Type: application/json")]
    ContentType,
    #[error("failed to create entity: entity already exists: {id}")]
    Exists { id: String },
    #[error("entity not found")]
    Unknown,
    #[error("the entity is revoked, which is final: delete it and register it again")]
    Final,
    #[error("entity is {status}")]
    Inactive { status: EntityStatus },
    #[error("signing key does not match entity's registered public key")]
    OtherKey,
    #[error(
        "a private key is taken over https only, or from this machine: mint the token with clasp token entity mint"
    )]
    Plaintext,
    #[error("{}", told(.0))]
    Registry(#[from] RegistryError),
}

fn told(error: &RegistryError) -> String {
    match error {
        RegistryError::Database(StoreError::Full { .. }) => error.to_string(),
        RegistryError::Database(StoreError::NoRoom) => NO_ROOM.to_owned(),
        RegistryError::Database(_) => "Database error".to_owned(),
        _ => error.to_string(),
    }
}

impl From<clasp_proto::ScopeError> for EntityRefused {
    fn from(error: clasp_proto::ScopeError) -> Self {
        Self::Refused(error.into())
    }
}

impl EntityRefused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Shape => StatusCode::UNPROCESSABLE_ENTITY,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Exists { .. } | Self::Final => StatusCode::CONFLICT,
            Self::Unknown | Self::Registry(RegistryError::None) => StatusCode::NOT_FOUND,
            Self::Inactive { .. } | Self::OtherKey | Self::Plaintext => StatusCode::FORBIDDEN,
            Self::Registry(
                RegistryError::Busy(_)
                | RegistryError::Database(StoreError::Full { .. } | StoreError::NoRoom),
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Registry(RegistryError::Database(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for EntityRefused {
    fn into_response(self) -> Response {
        if let Self::Refused(refused) = self {
            return refused.into_response();
        }
        if let Self::Registry(error @ RegistryError::Database(_)) = &self {
            tracing::error!(%error, "a request about an entity failed");
        }
        let status = self.status();
        let mut response = (status, Json(json!({ "error": self.to_string() }))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = BUSY_RETRY_AFTER.as_secs();
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// As many as CLASP 4.5 gives unless somebody asks for more.
const PAGE_ROWS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_dates() {
        for (second, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(second), expected);
        }
    }

    #[test]
    fn what_is_wrong_with_an_entity_is_told() {
        let key = "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394";
        let body = |entity_type: &str, key: &str, more: &str| {
            format!(r#"{{"entity_type":"{entity_type}","name":"Lamp","public_key":"{key}"{more}}}"#)
        };
        let fine = parse(body("Device", key, "").as_bytes(), 5).unwrap();
        assert_eq!(fine.id, "clasp:GxWz2Za2u3DjqyYq9mA57y");
        for (body, expected) in [
            (body("robot", key, ""), "entity_type: "),
            (
                body("device", "xyz", ""),
                "public_key: expected hexadecimal digits",
            ),
            (body("device", "00ff", ""), "public_key: expected 32 bytes"),
            (body("device", key, ",\"scopes\":[\"see:/a\"]"), "scopes: "),
            (
                body("device", key, ",\"namespaces\":[\"a\"]"),
                "namespaces: ",
            ),
            (body("device", key, ",\"tags\":5"), "expected a JSON object"),
            ("{}".to_owned(), "expected a JSON object"),
            ("{".to_owned(), "Invalid JSON"),
            (
                format!("{{\"tags\":{}", "[".repeat(100_000)),
                "expected a JSON object",
            ),
            (format!("{{\"x\":{}", "[".repeat(100_000)), "Invalid JSON"),
        ] {
            let refused = parse(body.as_bytes(), 5).unwrap_err().to_string();
            assert!(refused.starts_with(expected), "{body:.80}: {refused}");
        }
    }
}
