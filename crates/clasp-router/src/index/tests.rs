//! The trie against the matcher of a single pattern, which is tested on its own.

use std::collections::BTreeSet;

use clasp_proto::Binding;
use proptest::prelude::*;

use super::*;
use crate::rate::Rate;
use crate::session::{NewSession, Sessions};

fn session() -> Arc<Session> {
    let new = NewSession {
        id: "s".into(),
        binding: Binding::WebSocket,
        principal: Arc::new(clasp_proto::Principal::anybody()),
    };
    Sessions::new(0).attach(new, 1 << 20, Rate::new(0)).unwrap()
}

fn found(index: &Index, address: &str) -> BTreeSet<*const Subscription> {
    let trie = index.trie.read();
    let nodes = trie.matches(address);
    let found = trie.in_nodes(&nodes);
    found.into_iter().map(Arc::as_ptr).collect()
}

fn insert(index: &Index, session: &Arc<Session>, pattern: &Pattern) -> Arc<Subscription> {
    let wanted = Wanted {
        pattern,
        mask: TypeMask::ALL,
        limits: None,
    };
    index.insert(session, wanted)
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a", "b", "ab", "ba", "*", "**", "a*", "*b", "a*b", "*a*",
    ])
}

fn path(segments: Vec<&'static str>) -> String {
    segments
        .iter()
        .fold(String::new(), |path, segment| path + "/" + segment)
}

proptest! {
    #[test]
    fn trie_agrees_with_the_patterns_in_it(
        patterns in prop::collection::vec(prop::collection::vec(segment(), 1..5), 1..12),
        addresses in prop::collection::vec(
            prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "aab"]), 1..5), 1..8),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let (index, session) = (Index::new(), session());
        let patterns: Vec<_> =
            patterns.into_iter().map(|segments| Pattern::parse(&path(segments)).unwrap()).collect();
        let mut held: Vec<_> = patterns
            .iter()
            .map(|pattern| (pattern, insert(&index, &session, pattern)))
            .collect();
        for gone in gone {
            if !held.is_empty() {
                let (_, subscription) = held.swap_remove(gone.index(held.len()));
                index.remove(core::iter::once(&subscription));
            }
        }
        prop_assert_eq!(index.subscriptions(), held.len());
        for address in addresses.into_iter().map(path) {
            let expected: BTreeSet<_> = held
                .iter()
                .filter(|(pattern, _)| pattern.matches(&address))
                .map(|(_, subscription)| Arc::as_ptr(subscription))
                .collect();
            prop_assert_eq!(found(&index, &address), expected, "{}", address);
        }
    }
}

#[test]
fn an_emptied_trie_keeps_no_node() {
    let (index, session) = (Index::new(), session());
    let patterns = [
        "/a/b/c", "/a/*/c", "/a/**", "/a/x*y/z", "/**/q*", "/*", "/a/b",
    ];
    let held: Vec<_> = patterns
        .iter()
        .map(|pattern| insert(&index, &session, &Pattern::parse(pattern).unwrap()))
        .collect();
    index.remove(held.iter());
    let trie = index.trie.read();
    assert_eq!(trie.nodes.len() - trie.free.len(), 1, "the root is left");
    assert!(trie.children.is_empty());
}

#[test]
fn addresses_with_the_same_subscribers_share_a_route() {
    let (index, session) = (Index::new(), session());
    insert(&index, &session, &Pattern::parse("/a/**").unwrap());
    let (left, right) = (index.route("/a/b"), index.route("/a/c/d"));
    assert!(Arc::ptr_eq(&left, &right));
    assert!(index.route("/b").is_empty());
    insert(&index, &session, &Pattern::parse("/b").unwrap());
    assert_ne!(index.route("/a/b").generation, left.generation);
}

#[test]
fn globstars_do_not_multiply() {
    // protocol/router.md 4.7
    let (index, session) = (Index::new(), session());
    let pattern = "/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b";
    for _ in 0..100 {
        insert(&index, &session, &Pattern::parse(pattern).unwrap());
    }
    let address = "/a".repeat(64);
    let trie = index.trie.read();
    let (mut here, mut widest) = (vec![0], 0);
    trie.open(&mut here);
    for segment in texts(&address) {
        let mut next = Vec::new();
        here.iter()
            .for_each(|number| trie.step(*number, segment, &mut next));
        trie.open(&mut next);
        widest = widest.max(next.len());
        here = next;
    }
    assert!(
        widest <= 17,
        "{widest} nodes at once, a pattern of 16 segments has that many"
    );
}
