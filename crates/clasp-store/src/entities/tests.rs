//! Entities: what is kept, in which order, and which status is final.

use super::*;

const NOW: u64 = 1_700_000_000;

fn entity(id: &str, created_at: u64) -> Entity {
    Entity {
        id: id.to_owned(),
        entity_type: EntityType::Service,
        name: "Lamp".to_owned(),
        public_key: [7; 32],
        created_at,
        metadata: BTreeMap::from([("room".to_owned(), "1".to_owned())]),
        tags: vec!["stage".to_owned()],
        namespaces: vec!["/lights".to_owned()],
        scopes: vec!["write:/lights/**".to_owned()],
        status: EntityStatus::Active,
    }
}

#[test]
fn entities_are_kept_and_listed_with_the_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let mut store = EntityStore::open(&path).unwrap();
    for (number, id) in ["clasp:a", "clasp:b", "clasp:c"].into_iter().enumerate() {
        assert!(store.add(&entity(id, NOW + number as u64)).unwrap());
        assert!(!store.add(&entity(id, NOW)).unwrap(), "twice");
    }
    drop(store);
    let mut store = EntityStore::open(&path).unwrap();
    assert_eq!(
        store.entity("clasp:a").unwrap(),
        Some(entity("clasp:a", NOW))
    );
    let ids = |offset, limit| {
        let page = store.list(offset, limit).unwrap();
        page.into_iter().map(|entity| entity.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0, 2), ["clasp:c", "clasp:b"]);
    assert_eq!(ids(2, usize::MAX), ["clasp:a"]);
    assert_eq!(ids(usize::MAX, 1), [""; 0]);
    assert!(store.remove("clasp:a").unwrap());
    assert!(!store.remove("clasp:a").unwrap());
    assert_eq!(store.entity("clasp:a").unwrap(), None);
}

#[test]
fn a_page_is_never_longer_than_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EntityStore::open(&folder.path().join("registry.db")).unwrap();
    for number in 0..=PAGE_ROWS_MAX {
        store.add(&entity(&format!("clasp:{number}"), NOW)).unwrap();
    }
    assert_eq!(store.list(0, usize::MAX).unwrap().len(), PAGE_ROWS_MAX);
}

#[test]
fn revoked_is_final() {
    use EntityStatus::{Active, Revoked, Suspended};
    let folder = tempfile::tempdir().unwrap();
    let mut store = EntityStore::open(&folder.path().join("registry.db")).unwrap();
    store.add(&entity("clasp:a", NOW)).unwrap();
    for (status, expected, then) in [
        (Suspended, StatusChange::Done, Suspended),
        (Active, StatusChange::Done, Active),
        (Revoked, StatusChange::Done, Revoked),
        (Active, StatusChange::Final, Revoked),
        (Suspended, StatusChange::Final, Revoked),
        (Revoked, StatusChange::Done, Revoked),
    ] {
        let change = store.change_status("clasp:a", status).unwrap();
        let found = store.entity("clasp:a").unwrap().unwrap().status;
        assert_eq!((change, found), (expected, then), "{status}");
    }
    let change = store.change_status("clasp:b", Active).unwrap();
    assert_eq!(change, StatusChange::Unknown);
}

#[test]
fn what_nobody_knows_is_no_reason_to_believe() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EntityStore::open(&folder.path().join("registry.db")).unwrap();
    store.add(&entity("clasp:a", NOW)).unwrap();
    for (status, expected) in [
        ("'active'", EntityStatus::Active),
        ("'inactive'", EntityStatus::Suspended),
        ("'enabled'", EntityStatus::Revoked),
        ("''", EntityStatus::Revoked),
        ("x'00'", EntityStatus::Revoked),
    ] {
        let columns = columns!();
        let sql = format!(
            "UPDATE entities SET status = {status}, entity_type = 'robot'; \
             UPDATE entities SET checksum = row_checksum({columns})"
        );
        store.database.connection.execute_batch(&sql).unwrap();
        let found = store.entity("clasp:a").unwrap().unwrap();
        assert_eq!(found.status, expected, "{status}");
        assert_eq!(found.entity_type, EntityType::Device);
    }
}

#[test]
fn words_are_read_in_any_case() {
    assert_eq!(EntityType::from_word("Device"), Some(EntityType::Device));
    assert_eq!(EntityType::from_word("robot"), None);
    assert_eq!(
        EntityStatus::from_word("INACTIVE"),
        Some(EntityStatus::Suspended)
    );
    assert_eq!(EntityStatus::from_word(""), None);
}
