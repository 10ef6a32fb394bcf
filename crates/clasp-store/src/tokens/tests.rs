//! Tokens: how many there are, how long, and which go together.

use super::*;
use crate::accounts::tests::{DAY, Folder, NOW, token};
use crate::limits::PRUNED_ROWS_MAX;

fn digest(number: usize) -> Digest {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    digest
}

#[test]
fn everything_about_a_token_is_kept() {
    let folder = Folder::new();
    let mut store = folder.store();
    for (number, holder) in Holder::ALL.into_iter().enumerate() {
        let token = Token {
            subject: None,
            username: Some("alice".to_owned()),
            scopes: vec!["read:/a/**".to_owned(), "write:/b".to_owned()],
            expires_at: None,
            created_at: NOW,
            holder,
            parent: None,
            family: (number == 1).then(|| digest(0)),
        };
        store.issue(&digest(number), &token).unwrap();
        assert_eq!(store.token(&digest(number)).unwrap(), Some(token));
    }
    assert_eq!(store.token(&digest(99)).unwrap(), None);
}

#[test]
fn the_oldest_token_of_a_subject_makes_room() {
    for (holder, max) in [
        (Holder::User, OWN_TOKENS_PER_SUBJECT_MAX),
        (Holder::Guest, OWN_TOKENS_PER_SUBJECT_MAX),
        (Holder::Child, TOKENS_PER_SUBJECT_MAX),
        (Holder::Granted, TOKENS_PER_SUBJECT_MAX),
    ] {
        let folder = Folder::new();
        let mut store = folder.store();
        let token_of = |subject, holder| Token {
            holder,
            ..token(subject)
        };
        // Of another subject, and of other kinds.
        let others = [Holder::User, Holder::Child, Holder::Granted];
        store.issue(&digest(5000), &token("other")).unwrap();
        let mut kept = 1;
        for (number, other) in others.into_iter().enumerate() {
            let is_own = |it| matches!(it, Holder::User | Holder::Guest);
            if other != holder && !(is_own(other) && is_own(holder)) {
                store
                    .issue(&digest(6000 + number), &token_of("u", other))
                    .unwrap();
                kept += 1;
            }
        }
        for number in 0..max + 2 {
            let displaced = store
                .issue(&digest(number), &token_of("u", holder))
                .unwrap();
            let oldest = number.checked_sub(max).map(digest);
            let oldest: Vec<_> = oldest.into_iter().collect();
            assert_eq!(displaced, oldest, "{holder:?} {number}");
        }
        assert_eq!(store.tokens, max + kept, "{holder:?}");
        assert!(store.token(&digest(5000)).unwrap().is_some(), "others stay");
    }
}

#[test]
fn the_oldest_guest_makes_room_when_the_table_is_full() {
    let folder = Folder::new();
    let mut store = folder.store();
    store.tokens_max = 4;
    let guest = |subject| Token {
        holder: Holder::Guest,
        ..token(subject)
    };
    let child = Token {
        parent: Some(digest(2)),
        ..guest("a")
    };
    store.issue(&digest(1), &token("u")).unwrap();
    store.issue(&digest(2), &guest("a")).unwrap();
    store.issue(&digest(3), &child).unwrap();
    store.issue(&digest(4), &guest("b")).unwrap();
    let gone = store.issue(&digest(5), &guest("c")).unwrap();
    assert_eq!(gone, [digest(2), digest(3)], "with its child");
    let gone = store.issue(&digest(6), &guest("d")).unwrap();
    assert!(gone.is_empty(), "there is room: {gone:?}");
    assert_eq!(store.issue(&digest(7), &token("v")).unwrap(), [digest(4)]);
    assert_eq!(store.tokens, 4);
    store.tokens_max = 1;
    for _ in 0..2 {
        store.issue(&digest(8), &token("w")).unwrap();
        store.remove_token(&digest(8)).unwrap();
    }
    let full = store.issue(&digest(8), &token("w"));
    assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
}

#[test]
fn a_token_takes_those_with_it_that_were_made_from_it() {
    let folder = Folder::new();
    let mut store = folder.store();
    let child = |parent| Token {
        parent: Some(digest(parent)),
        holder: Holder::Child,
        ..token("u")
    };
    store.issue(&digest(1), &token("u")).unwrap();
    store.issue(&digest(2), &child(1)).unwrap();
    store.issue(&digest(3), &child(2)).unwrap();
    store.issue(&digest(4), &token("u")).unwrap();
    assert!(store.issue(&digest(5), &child(77)).is_err(), "no parent");
    assert_eq!(store.remove_token(&digest(1)).unwrap().len(), 3);
    assert_eq!(store.token(&digest(3)).unwrap(), None);
    assert!(store.remove_token(&digest(1)).unwrap().is_empty());
    assert_eq!(store.tokens, 1);
    assert_eq!(store.remove_tokens_of("u").unwrap(), [digest(4)]);
    assert_eq!(store.tokens, 0);
}

#[test]
fn a_token_takes_those_with_it_that_were_renewed_from_the_same() {
    for removed in 1..=3 {
        let folder = Folder::new();
        let mut store = folder.store();
        let renewed = Token {
            family: Some(digest(1)),
            ..token("u")
        };
        let child = Token {
            parent: Some(digest(3)),
            holder: Holder::Child,
            ..token("u")
        };
        store.issue(&digest(1), &token("u")).unwrap();
        store.issue(&digest(2), &renewed).unwrap();
        store.issue(&digest(3), &renewed).unwrap();
        store.issue(&digest(4), &child).unwrap();
        store.issue(&digest(5), &token("u")).unwrap();
        assert_eq!(store.remove_token(&digest(4)).unwrap(), [digest(4)]);
        store.issue(&digest(4), &child).unwrap();
        let mut gone = store.remove_token(&digest(removed)).unwrap();
        gone.sort_unstable();
        assert_eq!(gone, [1, 2, 3, 4].map(digest), "{removed}");
        assert_eq!(store.tokens, 1, "another login stays");
    }
}

#[test]
fn expired_tokens_are_pruned() {
    let folder = Folder::new();
    let mut store = folder.store();
    let for_ever = Token {
        expires_at: None,
        ..token("b")
    };
    store.issue(&digest(1), &token("a")).unwrap();
    store.issue(&digest(2), &for_ever).unwrap();
    assert!(store.has_token("a", NOW + DAY).unwrap(), "its last second");
    assert!(!store.has_token("a", NOW + DAY + 1).unwrap());
    let child = Token {
        parent: Some(digest(1)),
        ..token("a")
    };
    store.issue(&digest(3), &child).unwrap();
    assert_eq!(store.prune(NOW + DAY).unwrap(), 0);
    assert_eq!(store.prune(NOW + DAY + 1).unwrap(), 2, "with its child");
    assert!(store.has_token("b", u64::MAX / 4).unwrap());
    assert_eq!(store.tokens, 1);
}

#[test]
fn much_that_has_expired_is_pruned_in_parts() {
    let folder = Folder::new();
    let mut store = folder.store();
    for number in 0..=PRUNED_ROWS_MAX {
        let token = token(&number.to_string());
        store.issue(&digest(number), &token).unwrap();
    }
    let parts = [0; 3].map(|_| store.prune(NOW + DAY + 1).unwrap());
    assert_eq!(parts, [PRUNED_ROWS_MAX, 1, 0]);
    assert_eq!(store.tokens, 0);
}
