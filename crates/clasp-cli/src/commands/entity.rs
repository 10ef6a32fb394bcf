//! `clasp entity`: the entities that a relay knows.

use clasp_auth::SigningKey;
use clasp_transport::http::Method;
use serde_json::{Map, Value as Json, json};

use super::relay::Relay;
use crate::args::{
    EntityCommand, EntityCreateArgs, EntityGetArgs, EntityListArgs, EntityStatusArgs, RegistryArgs,
};
use crate::error::CommandError;
use crate::output;

/// Lists or changes the entities of a relay.
///
/// # Errors
/// The relay cannot be reached, or refuses.
pub(crate) async fn run(command: &EntityCommand) -> Result<(), CommandError> {
    match command {
        EntityCommand::List(args) => list(args).await,
        EntityCommand::Get(args) => show(args).await,
        EntityCommand::Create(args) => create(args).await,
        EntityCommand::Status(args) => change_status(args).await,
        EntityCommand::Delete(args) => delete(args).await,
    }
}

async fn list(args: &EntityListArgs) -> Result<(), CommandError> {
    let relay = relay(&args.registry);
    let path = format!("{PATH}?offset={}&limit={}", args.offset, args.limit);
    let Json::Array(entities) = relay.ask(Method::GET, &path, None).await? else {
        return Err(relay.odd_answer(&path));
    };
    if entities.is_empty() && !args.json {
        return Ok(output::result("No entities registered.")?);
    }
    for entity in &entities {
        if args.json {
            output::json(entity)?;
        } else {
            output::result(&line(entity))?;
        }
    }
    Ok(())
}

async fn show(args: &EntityGetArgs) -> Result<(), CommandError> {
    let path = format!("{PATH}/{}", args.id);
    let entity = relay(&args.registry).ask(Method::GET, &path, None).await?;
    Ok(output::result(&format!("{entity:#}"))?)
}

async fn create(args: &EntityCreateArgs) -> Result<(), CommandError> {
    let key = match (&args.public_key, &args.key) {
        (Some(key), _) => *key,
        (None, Some(path)) => SigningKey::read(path)?.public(),
        (None, None) => return Err(no_key()),
    };
    let metadata = args.metadata.iter();
    let metadata: Map<_, _> = metadata
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    let body = json!({
        "entity_type": args.entity_type.word(),
        "name": args.name,
        "public_key": key.hex(),
        "tags": args.tag,
        "namespaces": args.namespace,
        "scopes": args.scope,
        "metadata": metadata,
    });
    let relay = relay(&args.registry);
    let entity = relay.ask(Method::POST, PATH, Some(&body)).await?;
    let id = entity["id"].as_str();
    let id = id.ok_or_else(|| relay.odd_answer(PATH))?;
    if args.json {
        output::json(&entity)?;
    } else {
        output::result(id)?;
    }
    output::done(&format!("Entity created: {}", args.name));
    Ok(())
}

async fn change_status(args: &EntityStatusArgs) -> Result<(), CommandError> {
    let path = format!("{PATH}/{}/status", args.id);
    let status = args.status.word();
    let body = json!({ "status": status });
    let relay = relay(&args.registry);
    relay.ask(Method::PUT, &path, Some(&body)).await?;
    Ok(output::success(&format!("{} is {status}", args.id))?)
}

async fn delete(args: &EntityGetArgs) -> Result<(), CommandError> {
    let path = format!("{PATH}/{}", args.id);
    let relay = relay(&args.registry);
    relay.ask(Method::DELETE, &path, None).await?;
    Ok(output::success(&format!("Deleted: {}", args.id))?)
}

fn relay(args: &RegistryArgs) -> Relay<'_> {
    Relay::new(&args.relay, args.token.as_deref(), args.trust.trust())
}

/// Id, type, status and name, what is not there as a dash.
fn line(entity: &Json) -> String {
    let text = |member| entity[member].as_str().unwrap_or("-");
    let name: String = text("name").chars().filter(|it| !it.is_control()).collect();
    format!(
        "{}  {}  {}  {name}",
        text("id"),
        text("entity_type"),
        text("status")
    )
}

fn no_key() -> CommandError {
    CommandError::Usage {
        problem: "an entity has a public key".to_owned(),
        remedy: "give --public-key or --key",
    }
}

const PATH: &str = "/api/entities";
