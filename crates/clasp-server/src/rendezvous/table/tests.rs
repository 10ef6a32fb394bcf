//! The table under owners, strangers, crowds and time.

use clasp_router::Timestamp;

use super::*;

const TTL: Duration = Duration::from_secs(300);
const SECOND: u64 = 1_000_000;

fn at(seconds: u64) -> Now {
    Now {
        wall: Timestamp(seconds * SECOND),
        tick: Tick(seconds * SECOND),
    }
}

fn from(last: u8) -> Asker {
    Asker {
        address: IpAddr::from([10, 0, 0, last]),
        secret: None,
    }
}

fn with(asker: Asker, secret: &str) -> Asker {
    Asker {
        secret: Some(SecretHash::of(secret)),
        ..asker
    }
}

fn named(name: &str) -> Registration {
    let endpoints = [("ws".to_owned(), format!("ws://{name}:7330"))];
    Registration {
        name: name.to_owned(),
        endpoints: endpoints.into(),
        ..Registration::default()
    }
}

/// A table, and the way most tests fill it.
struct Filled(Table);

impl Filled {
    fn new() -> Self {
        Self(Table::new(TTL))
    }

    fn add(&mut self, name: &str, asker: &Asker, seconds: u64) -> Result<Registered, Denied> {
        self.register(named(name), asker, seconds)
    }

    fn register(
        &mut self,
        registration: Registration,
        asker: &Asker,
        seconds: u64,
    ) -> Result<Registered, Denied> {
        let new_secret = SecretHash::of(&format!("secret of {}", registration.name));
        let application = Application {
            registration,
            asker: *asker,
            new_secret,
        };
        self.0.register(application, at(seconds))
    }

    fn names(&self, seconds: u64) -> Vec<String> {
        let all = Wanted {
            limit: usize::MAX,
            ..Wanted::default()
        };
        let found = self.0.discover(&all, at(seconds).tick);
        found.iter().map(|device| device.name.clone()).collect()
    }
}

#[test]
fn a_device_is_there_until_its_ttl_has_passed_to_the_microsecond() {
    let mut table = Filled::new();
    let id = table.add("a", &from(1), 10).unwrap().id;
    assert_eq!(table.names(309), ["a"]);
    let last = Tick(310 * SECOND - 1);
    let all = Wanted {
        limit: 1,
        ..Wanted::default()
    };
    assert_eq!(table.0.discover(&all, last).len(), 1);
    assert_eq!(table.names(310), [""; 0]);
    assert_eq!(table.0.refresh(id, &from(1), at(310)), Err(Denied::Unknown));
    assert!(table.0.entries.is_empty() && table.0.sources.is_empty());
    assert!(table.0.numbers.is_empty() && table.0.seen.is_empty() && table.0.ranks.is_empty());
}

#[test]
fn a_refresh_is_another_ttl_and_is_shown() {
    let mut table = Filled::new();
    let id = table.add("a", &from(1), 0).unwrap().id;
    assert_eq!(table.0.refresh(id, &from(1), at(200)), Ok(()));
    assert_eq!(table.names(499), ["a"]);
    let device = &table.0.discover(
        &Wanted {
            limit: 1,
            ..Wanted::default()
        },
        at(400).tick,
    )[0];
    assert_eq!((device.registered_at, device.last_seen), (0, 200 * SECOND));
    assert_eq!(table.names(500), [""; 0]);
}

#[test]
fn tags_features_and_a_limit_choose() {
    let mut table = Filled::new();
    for (name, tag, feature) in [
        ("a", "x", "param"),
        ("b", "y", "param"),
        ("c", "x", "event"),
    ] {
        let registration = Registration {
            tags: Some(vec!["every".to_owned(), tag.to_owned()]),
            features: Some(vec![feature.to_owned()]),
            ..named(name)
        };
        table.register(registration, &from(1), 0).unwrap();
    }
    let check = |tag, feature, limit, expected: &[&str]| {
        let found = table.0.discover(
            &Wanted {
                tag,
                feature,
                limit,
            },
            at(0).tick,
        );
        let names: Vec<&str> = found.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, expected);
    };
    check(None, None, 9, &["a", "b", "c"]);
    check(Some("x"), None, 9, &["a", "c"]);
    check(Some("every"), None, 2, &["a", "b"]);
    check(None, Some("param"), 9, &["a", "b"]);
    check(Some("x"), Some("event"), 9, &["c"]);
    check(Some("z"), None, 9, &[]);
}

#[test]
fn only_its_owner_changes_a_device() {
    let mut table = Filled::new();
    let id = table.add("a", &from(1), 0).unwrap().id;
    let elsewhere = with(from(2), "secret of a");
    for stranger in [from(2), with(from(2), "guess"), with(from(1), "guess")] {
        assert_eq!(table.0.refresh(id, &stranger, at(1)), Err(Denied::NotOwner));
        let unregistered = table.0.unregister(id, &stranger, at(1).tick);
        assert_eq!(unregistered, Err(Denied::NotOwner));
    }
    assert_eq!(
        table.0.refresh(id, &from(1), at(1)),
        Ok(()),
        "an older client"
    );
    assert_eq!(
        table.0.refresh(id, &elsewhere, at(1)),
        Ok(()),
        "it has moved"
    );
    assert_eq!(
        table.0.refresh(id, &from(1), at(1)),
        Err(Denied::NotOwner),
        "the owner has shown that it knows the secret"
    );
    assert_eq!(table.0.unregister(id, &elsewhere, at(1).tick), Ok(()));
    assert_eq!(
        table.0.unregister(id, &elsewhere, at(1).tick),
        Err(Denied::Unknown)
    );
    assert_eq!(table.names(1), [""; 0]);
}

#[test]
fn registering_again_replaces() {
    let mut table = Filled::new();
    let first = table.add("a", &from(1), 0).unwrap();
    let again = table.add("a", &from(1), 50).unwrap();
    assert_eq!(
        (again.id, again.replaced, again.keeps_secret),
        (first.id, true, false)
    );
    let moved = table.add("b", &with(from(1), "secret of a"), 60).unwrap();
    assert_eq!(
        (moved.id, moved.replaced, moved.keeps_secret),
        (first.id, true, true)
    );
    assert_eq!(table.names(359), ["b"]);
    assert_eq!(
        table
            .0
            .unregister(first.id, &with(from(9), "secret of a"), at(60).tick),
        Ok(()),
        "the secret that was kept still counts"
    );
}

#[test]
fn registering_again_does_not_take_over() {
    let mut table = Filled::new();
    let first = table.add("a", &from(1), 0).unwrap();
    assert!(
        !table.add("a", &from(2), 0).unwrap().replaced,
        "another source"
    );
    assert!(
        !table.add("c", &from(1), 0).unwrap().replaced,
        "another device"
    );
    let knows = with(from(1), "secret of a");
    assert_eq!(table.0.refresh(first.id, &knows, at(1)), Ok(()));
    let second = table.add("a", &from(1), 2).unwrap();
    assert!(!second.replaced, "its owner uses the secret");
    assert_eq!(table.names(2), ["a", "a", "c", "a"]);
}

// protocol/limits.md 5.2
#[test]
fn a_source_has_ten_devices() {
    let mut table = Filled::new();
    for name in 0..10 {
        table.add(&name.to_string(), &from(1), name).unwrap();
    }
    let full = table.add("more", &from(1), 100);
    let retry_after = Duration::from_secs(200);
    assert_eq!(full, Err(Denied::Full { retry_after }));
    assert!(
        table.add("3", &from(1), 100).unwrap().replaced,
        "no more than before"
    );
    assert!(table.add("more", &from(2), 100).is_ok());
    assert!(
        table.add("more", &from(1), 300).is_ok(),
        "the first has expired"
    );
    assert_eq!(table.names(300).len(), 11);
}

// protocol/limits.md 5.2
#[test]
fn a_full_table_evicts_from_the_largest_source_what_was_seen_longest_ago() {
    let mut table = Filled::new();
    table.0.devices_max = 5;
    table.add("alone", &from(1), 0).unwrap();
    let kept = table.add("crowd 1", &from(2), 1).unwrap().id;
    for (name, second) in [("crowd 2", 2), ("crowd 3", 3), ("crowd 4", 4)] {
        table.add(name, &from(2), second).unwrap();
    }
    table.0.refresh(kept, &from(2), at(5)).unwrap();
    table.add("new", &from(3), 6).unwrap();
    assert_eq!(
        table.names(6),
        ["alone", "crowd 1", "crowd 3", "crowd 4", "new"]
    );
    table.add("crowd 5", &from(2), 7).unwrap();
    assert_eq!(
        table.names(7),
        ["alone", "crowd 1", "crowd 4", "new", "crowd 5"]
    );
}

#[test]
fn a_flood_of_sources_stays_within_the_bound() {
    let mut table = Filled::new();
    for number in 0..20_000_u32 {
        let asker = Asker {
            address: IpAddr::from(number.to_be_bytes()),
            secret: None,
        };
        table.add("x", &asker, 0).unwrap();
    }
    assert_eq!(table.0.entries.len(), DEVICES_MAX);
    assert_eq!(table.0.sources.len(), DEVICES_MAX);
    assert_eq!(table.0.seen.len(), DEVICES_MAX);
    assert_eq!(table.0.ranks.len(), DEVICES_MAX);
}

#[test]
fn secrets_are_not_kept() {
    let mut table = Filled::new();
    table.add("a", &from(1), 0).unwrap();
    assert!(!format!("{:?}", table.0).contains("secret of a"));
}
