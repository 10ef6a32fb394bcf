//! Table: who is registered, until when, and who may change that. Pure; time is an argument.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use clasp_router::{Now, Tick};
use thiserror::Error;
use uuid::Uuid;

use crate::allowance::Source;

use super::device::{Device, Registration};
use super::limits::{DEVICES_MAX, DEVICES_PER_SOURCE_MAX};
use super::secret::SecretHash;

/// The registered devices.
#[derive(Debug)]
pub(crate) struct Table {
    ttl: Duration,
    devices_max: usize,
    last: u64,
    /// By number, and so by age.
    entries: BTreeMap<u64, Entry>,
    numbers: HashMap<Uuid, u64>,
    /// All have the same time to live, so the first of these expires first.
    seen: Crowd,
    sources: HashMap<Source, Crowd>,
    /// How large each source is, and what it has refreshed longest ago: the last of these makes room.
    ranks: BTreeSet<(usize, Reverse<Seen>)>,
}

/// When a device was registered or refreshed last, and its number.
type Seen = (Tick, u64);

type Crowd = BTreeSet<Seen>;

#[derive(Debug)]
struct Entry {
    device: Arc<Device>,
    seen_at: Tick,
    owner: Owner,
}

/// Who registered a device.
#[derive(Debug)]
struct Owner {
    address: IpAddr,
    secret: SecretHash,
    /// From then on the address alone does not count any more.
    has_shown_secret: bool,
}

/// Who asks: where from, and with which secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) address: IpAddr,
    pub(crate) secret: Option<SecretHash>,
}

/// A device that wants to be registered.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) registration: Registration,
    pub(crate) asker: Asker,
    /// What its owner will be known by, unless it has a secret that is known.
    pub(crate) new_secret: SecretHash,
}

/// What devices are looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) tag: Option<&'a str>,
    pub(crate) feature: Option<&'a str>,
    pub(crate) limit: usize,
}

/// What came of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) id: Uuid,
    /// The entry was there already and has been replaced.
    pub(crate) replaced: bool,
    /// The asker's own secret goes on to count, and not the new one.
    pub(crate) keeps_secret: bool,
}

/// Why the table was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Denied {
    #[error("no device with this id is registered: it has expired, or never was; register again")]
    Unknown,
    #[error(
        "this device was registered by somebody else: send the secret of its registration as `Authorization: Bearer <secret>`"
    )]
    NotOwner,
    #[error(
        "{DEVICES_PER_SOURCE_MAX} devices are registered from this address: unregister one, or wait until one expires"
    )]
    Full {
        /// Until the first of them expires.
        retry_after: Duration,
    },
}

impl Table {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            devices_max: DEVICES_MAX,
            last: 0,
            entries: BTreeMap::new(),
            numbers: HashMap::new(),
            seen: Crowd::new(),
            sources: HashMap::new(),
            ranks: BTreeSet::new(),
        }
    }

    /// Enters a device. One that its owner has registered before is replaced and keeps its id. In a full table
    /// the device that the largest source refreshed longest ago makes room.
    ///
    /// # Errors
    /// The source has as many devices as it may.
    pub(crate) fn register(
        &mut self,
        application: Application,
        now: Now,
    ) -> Result<Registered, Denied> {
        self.forget_expired(now.tick);
        if let Some(number) = self.same(&application) {
            return Ok(self.replace(number, application, now));
        }
        let Application {
            registration,
            asker,
            new_secret,
        } = application;
        self.check_source(asker.address.into(), now.tick)?;
        if self.entries.len() >= self.devices_max {
            self.evict();
        }
        let id = Uuid::new_v4();
        let entry = Entry {
            device: Arc::new(registration.into_device(id, now.wall)),
            seen_at: now.tick,
            owner: Owner {
                address: asker.address,
                secret: new_secret,
                has_shown_secret: false,
            },
        };
        self.last += 1;
        self.enter(self.last, entry);
        Ok(Registered {
            id,
            replaced: false,
            keeps_secret: false,
        })
    }

    /// The devices that match, oldest registration first.
    pub(crate) fn discover(&self, wanted: &Wanted<'_>, now: Tick) -> Vec<Arc<Device>> {
        let lists = |list: &[String], word: Option<&str>| {
            word.is_none_or(|word| list.iter().any(|it| it == word))
        };
        let matching = self.entries.values().filter(|entry| {
            !self.is_expired(entry.seen_at, now)
                && lists(&entry.device.tags, wanted.tag)
                && lists(&entry.device.features, wanted.feature)
        });
        matching
            .take(wanted.limit)
            .map(|entry| Arc::clone(&entry.device))
            .collect()
    }

    /// Lets a device live for another ttl.
    ///
    /// # Errors
    /// It is not there, or belongs to somebody else.
    pub(crate) fn refresh(&mut self, id: Uuid, asker: &Asker, now: Now) -> Result<(), Denied> {
        let number = self.owned(id, asker, now.tick)?;
        let mut entry = self.leave(number);
        Arc::make_mut(&mut entry.device).last_seen = now.wall.0;
        entry.seen_at = now.tick;
        self.enter(number, entry);
        Ok(())
    }

    /// Takes a device out.
    ///
    /// # Errors
    /// As for [`Self::refresh`].
    pub(crate) fn unregister(&mut self, id: Uuid, asker: &Asker, now: Tick) -> Result<(), Denied> {
        let number = self.owned(id, asker, now)?;
        self.leave(number);
        Ok(())
    }

    /// What the asker means to replace: the device of its secret, or one that differs in nothing that others connect by.
    fn same(&self, application: &Application) -> Option<u64> {
        let Application {
            registration,
            asker,
            ..
        } = application;
        let of_source = self.sources.get(&asker.address.into());
        let is_same = |entry: &Entry| match &asker.secret {
            Some(secret) => entry.owner.secret.is_same(secret),
            None => {
                entry.owner.is(asker)
                    && entry.device.name == registration.name
                    && entry.device.endpoints == registration.endpoints
            }
        };
        let mut own = of_source.into_iter().flatten().map(|(_, number)| *number);
        own.find(|number| is_same(&self.entries[number]))
    }

    fn replace(&mut self, number: u64, application: Application, now: Now) -> Registered {
        let Application {
            registration,
            asker,
            new_secret,
        } = application;
        let mut entry = self.leave(number);
        let (id, registered_at) = (entry.device.id, entry.device.registered_at);
        let mut device = registration.into_device(id, now.wall);
        device.registered_at = registered_at;
        entry.device = Arc::new(device);
        entry.seen_at = now.tick;
        entry.owner.has_shown_secret |= asker.secret.is_some();
        if asker.secret.is_none() {
            entry.owner.secret = new_secret;
        }
        self.enter(number, entry);
        Registered {
            id,
            replaced: true,
            keeps_secret: asker.secret.is_some(),
        }
    }

    // protocol/limits.md 5.2
    fn check_source(&self, source: Source, now: Tick) -> Result<(), Denied> {
        match self.sources.get(&source) {
            Some(own) if own.len() >= DEVICES_PER_SOURCE_MAX => {
                let first = own.first().map_or(now, |(seen, _)| seen.after(self.ttl));
                Err(Denied::Full {
                    retry_after: Duration::from_micros(first.since(now)),
                })
            }
            _ => Ok(()),
        }
    }

    /// The number of a device, if the asker may change it.
    fn owned(&mut self, id: Uuid, asker: &Asker, now: Tick) -> Result<u64, Denied> {
        self.forget_expired(now);
        let number = *self.numbers.get(&id).ok_or(Denied::Unknown)?;
        let entry = self.entries.get_mut(&number).ok_or(Denied::Unknown)?;
        if !entry.owner.is(asker) {
            return Err(Denied::NotOwner);
        }
        entry.owner.has_shown_secret |= asker.secret.is_some();
        Ok(number)
    }

    fn is_expired(&self, seen_at: Tick, now: Tick) -> bool {
        seen_at.after(self.ttl) <= now
    }

    fn forget_expired(&mut self, now: Tick) {
        while let Some(&(seen_at, number)) = self.seen.first()
            && self.is_expired(seen_at, now)
        {
            self.leave(number);
        }
    }

    /// Makes room at the cost of whoever takes most of it, so that nobody can push out others by registering much.
    fn evict(&mut self) {
        if let Some(&(_, Reverse((_, number)))) = self.ranks.last() {
            self.leave(number);
        }
    }

    fn enter(&mut self, number: u64, entry: Entry) {
        let seen = (entry.seen_at, number);
        self.numbers.insert(entry.device.id, number);
        self.seen.insert(seen);
        self.change_crowd(entry.owner.address.into(), |own| {
            own.insert(seen);
        });
        self.entries.insert(number, entry);
    }

    fn leave(&mut self, number: u64) -> Entry {
        let entry = self.entries.remove(&number);
        let entry = entry.expect("a number that is listed has an entry");
        let seen = (entry.seen_at, number);
        self.numbers.remove(&entry.device.id);
        self.seen.remove(&seen);
        self.change_crowd(entry.owner.address.into(), |own| {
            own.remove(&seen);
        });
        entry
    }

    fn change_crowd(&mut self, source: Source, change: impl FnOnce(&mut Crowd)) {
        let own = self.sources.entry(source).or_default();
        if let Some(rank) = rank(own) {
            self.ranks.remove(&rank);
        }
        change(own);
        match rank(own) {
            Some(rank) => self.ranks.insert(rank),
            None => self.sources.remove(&source).is_some(),
        };
    }
}

fn rank(own: &Crowd) -> Option<(usize, Reverse<Seen>)> {
    own.first().map(|first| (own.len(), Reverse(*first)))
}

impl Owner {
    /// A secret counts from anywhere. Without one the address has to be that of the registration, since older clients
    /// know of no secret; but not after the owner has shown that it does.
    fn is(&self, asker: &Asker) -> bool {
        match &asker.secret {
            Some(secret) => self.secret.is_same(secret),
            None => !self.has_shown_secret && self.address == asker.address,
        }
    }
}

#[cfg(test)]
mod tests;
