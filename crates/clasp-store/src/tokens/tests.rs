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
        };
        store.issue(&digest(number), &token).unwrap();
        assert_eq!(store.token(&digest(number)).unwrap(), Some(token));
    }
    assert_eq!(store.token(&digest(99)).unwrap(), None);
}

#[test]
fn the_oldest_token_of_a_subject_makes_room() {
    let folder = Folder::new();
    let mut store = folder.store();
    store.issue(&digest(5000), &token("other")).unwrap();
    for number in 0..TOKENS_PER_SUBJECT_MAX + 2 {
        let displaced = store.issue(&digest(number), &token("u")).unwrap();
        let oldest = number.checked_sub(TOKENS_PER_SUBJECT_MAX).map(digest);
        assert_eq!(
            displaced,
            oldest.into_iter().collect::<Vec<_>>(),
            "{number}"
        );
    }
    assert_eq!(store.tokens, TOKENS_PER_SUBJECT_MAX + 1);
    assert!(store.token(&digest(5000)).unwrap().is_some(), "others stay");
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
