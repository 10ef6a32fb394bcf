//! The registry: entities on their thread, and those that are active in memory, so that a HELLO seldom asks it.

use std::collections::HashMap;
use std::sync::Arc;

use clasp_auth::{EntityId, EntityToken, PublicKey};
use clasp_proto::{Action, Pattern, Scope, Scopes};
use clasp_store::{Entity, EntityStatus, EntityStore, StatusChange, StoreError};
use parking_lot::Mutex;
use thiserror::Error;

use super::accounts::OpenError;
use super::identity::{Credential, Denial, Identity, InvalidToken, scoped};
use crate::limits::DATABASE_QUEUED_MAX;
use crate::plan::authentication::RegistryPlan;
use crate::shared::Shared;
use crate::workers::{Busy, Workers};

/// Who is registered.
#[derive(Debug)]
pub(crate) struct Registry {
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    plan: RegistryPlan,
    database: Workers<EntityStore>,
    active: Arc<Active>,
}

/// Entities that were active when they were read. Filled and emptied on the thread of the database, so that none is
/// put in that has been taken out meanwhile.
type Active = Mutex<HashMap<EntityId, Arc<Entity>>>;

/// Why the registry has no answer.
#[derive(Debug, Error)]
pub(crate) enum RegistryError {
    #[error("this server has no registry: start it with --registry-db")]
    None,
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Database(#[from] StoreError),
}

impl Registry {
    pub(super) fn open(plan: Option<&RegistryPlan>) -> Result<Self, OpenError> {
        let Some(plan) = plan else {
            return Ok(Self { opened: None });
        };
        let store = EntityStore::open(&plan.path)?;
        let opened = Opened {
            plan: plan.clone(),
            database: Workers::start("registry", vec![store], DATABASE_QUEUED_MAX)?,
            active: Arc::default(),
        };
        Ok(Self {
            opened: Some(opened),
        })
    }

    pub(super) fn close(&self) {
        if let Some(opened) = &self.opened {
            opened.database.end();
        }
    }

    /// True if there is one.
    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Who signed this token, if it is registered and active.
    pub(super) async fn identify(
        &self,
        text: &str,
        now_s: u64,
        strict_read: bool,
    ) -> Result<Identity, Denial> {
        let Some(opened) = &self.opened else {
            return Err(InvalidToken::Unrecognized.into());
        };
        let token = EntityToken::decode(text).map_err(InvalidToken::Entity)?;
        let age = token.check_age(now_s, opened.plan.token_age_max);
        age.map_err(InvalidToken::Entity)?;
        let id = token.id.clone();
        let known = opened.active.lock().get(&id).cloned();
        let entity = match known {
            Some(entity) => entity,
            None => opened.read(id.clone()).await?,
        };
        // protocol/router.md 17.4: the order of the checks is that of the published relay.
        if entity.status != EntityStatus::Active {
            let status = entity.status;
            return Err(InvalidToken::Inactive { id, status }.into());
        }
        let key = PublicKey::from_bytes(&entity.public_key);
        let key = key.map_err(|_| InvalidToken::UnknownEntity(id.clone()))?;
        token.verify(&key).map_err(InvalidToken::Entity)?;
        let scopes = rights(&entity);
        Ok(Identity {
            principal: Arc::new(scoped(Some(id.as_str()), scopes, None, strict_read)),
            credential: Credential::Entity(id),
        })
    }

    /// Asks the database something that changes nobody's rights.
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut EntityStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let opened = self.opened.as_ref().ok_or(RegistryError::None)?;
        Ok(opened.database.ask(work).await??)
    }
}

impl Shared {
    /// Changes whether an entity is believed. If it is not, its sessions end before the answer.
    pub(crate) async fn change_entity_status(
        self: &Arc<Self>,
        id: EntityId,
        status: EntityStatus,
    ) -> Result<StatusChange, RegistryError> {
        self.change_entity(id, move |store, id| store.change_status(id, status))
            .await
    }

    /// Removes an entity; false if there is none.
    pub(crate) async fn remove_entity(
        self: &Arc<Self>,
        id: EntityId,
    ) -> Result<bool, RegistryError> {
        self.change_entity(id, |store, id| store.remove(id)).await
    }

    /// Changes an entity and lets go of what rested on how it was, in one piece.
    async fn change_entity<T: Send + 'static>(
        self: &Arc<Self>,
        id: EntityId,
        change: impl FnOnce(&mut EntityStore, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let registry = &self.authenticator.registry;
        let opened = registry.opened.as_ref().ok_or(RegistryError::None)?;
        let (active, shared) = (Arc::clone(&opened.active), Arc::clone(self));
        let work = move |store: &mut EntityStore| {
            let changed = change(store, id.as_str())?;
            active.lock().remove(&id);
            shared.authenticator.count_revocation();
            // Who cannot be asked for is not active: the change has been made.
            let entity = store.entity(id.as_str()).unwrap_or(None);
            let is_active = entity.is_some_and(is_active);
            if !is_active {
                shared.roster.end(&shared.router, &Credential::Entity(id));
            }
            Ok(changed)
        };
        opened.database.carry_out(work).await?
    }
}

impl Opened {
    /// The entity as it is in the database.
    async fn read(&self, id: EntityId) -> Result<Arc<Entity>, Denial> {
        let active = Arc::clone(&self.active);
        let asked = id.clone();
        let read = move |store: &mut EntityStore| -> Result<_, StoreError> {
            let Some(entity) = store.entity(asked.as_str())?.map(Arc::new) else {
                return Ok(None);
            };
            if entity.status == EntityStatus::Active {
                let mut active = active.lock();
                if active.len() >= ENTITIES_CACHED_MAX {
                    active.clear();
                }
                active.insert(asked, Arc::clone(&entity));
            }
            Ok(Some(entity))
        };
        match self.database.ask(read).await {
            Ok(Ok(Some(entity))) => Ok(entity),
            Ok(Ok(None)) => Err(InvalidToken::UnknownEntity(id).into()),
            Ok(Err(error)) => {
                tracing::error!(%error, "cannot read an entity");
                Err(Denial::Unavailable)
            }
            Err(Busy) => Err(Denial::Unavailable),
        }
    }
}

fn is_active(entity: Entity) -> bool {
    entity.status == EntityStatus::Active
}

/// What an entity may do: its scopes as far as they lie in its namespaces; with namespaces only, to write there.
fn rights(entity: &Entity) -> Scopes {
    let namespaces: Vec<Pattern> = entity
        .namespaces
        .iter()
        .filter_map(|it| within(it))
        .collect();
    let scopes = entity.scopes.iter();
    let scopes = scopes.filter_map(|scope| Scope::parse(scope).ok());
    let granted: Vec<Scope> = if entity.scopes.is_empty() {
        let write = |pattern| Scope {
            action: Action::Write,
            pattern,
        };
        namespaces.into_iter().map(write).collect()
    } else if entity.namespaces.is_empty() {
        scopes.collect()
    } else {
        scopes
            .flat_map(|scope| fenced(&scope, &namespaces))
            .collect()
    };
    Scopes::new(granted).unwrap_or_default()
}

/// What of a scope lies in the namespaces: all of it, or the namespaces that lie in it. What only overlaps is left out.
fn fenced(scope: &Scope, namespaces: &[Pattern]) -> Vec<Scope> {
    if namespaces.iter().any(|it| it.covers(&scope.pattern)) {
        return vec![scope.clone()];
    }
    let inside = namespaces.iter().filter(|it| scope.pattern.covers(it));
    let action = scope.action;
    let inside = inside.cloned().map(|pattern| Scope { action, pattern });
    inside.collect()
}

/// All addresses of a namespace.
pub(crate) fn within(namespace: &str) -> Option<Pattern> {
    let base = namespace.strip_suffix("/**").unwrap_or(namespace);
    let base = base.strip_suffix('/').unwrap_or(base);
    if base.is_empty() && namespace != "/**" {
        // Everything is asked for in as many words.
        return None;
    }
    Pattern::parse(&format!("{base}/**")).ok()
}

/// Entities that are kept in memory so that a HELLO does not wait for the disk.
const ENTITIES_CACHED_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clasp_store::EntityType;

    use super::*;

    fn entity(namespaces: &[&str], scopes: &[&str]) -> Entity {
        let owned = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
        Entity {
            id: "clasp:a".to_owned(),
            entity_type: EntityType::Device,
            name: String::new(),
            public_key: [0; 32],
            created_at: 0,
            metadata: BTreeMap::new(),
            tags: Vec::new(),
            namespaces: owned(namespaces),
            scopes: owned(scopes),
            status: EntityStatus::Active,
        }
    }

    #[test]
    fn an_entity_stays_in_its_namespaces() {
        for (namespaces, scopes, expected) in [
            (&[][..], &[][..], &[][..]),
            (&["/a"], &[], &["write:/a/**"]),
            (&["/a/", "/b/**"], &[], &["write:/a/**", "write:/b/**"]),
            (&[], &["admin:/**"], &["admin:/**"]),
            (&["/a"], &["read:/a/1", "write:/b"], &["read:/a/1"]),
            (&["/a"], &["admin:/**"], &["admin:/a/**"]),
            (&["/a", "/b"], &["read:/**"], &["read:/a/**", "read:/b/**"]),
            (&["/a/b"], &["read:/a/*/c"], &[]),
            (&["/a"], &["nonsense"], &[]),
            (&["nonsense"], &["read:/a"], &[]),
            // Once all of the address space.
            (&[""], &[], &[]),
            (&["/"], &[], &[]),
            (&["/**"], &[], &["write:/**"]),
        ] {
            let rights = rights(&entity(namespaces, scopes));
            let texts: Vec<String> = rights.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{namespaces:?} {scopes:?}");
        }
    }
}
