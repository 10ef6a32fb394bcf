//! Matching and subset test as anybody would write them down: short, slow, obviously right.

use std::collections::BTreeSet;

/// Whether the address matches the pattern; both start with a slash.
pub(crate) fn matches(pattern: &str, address: &str) -> bool {
    let pattern: Vec<&str> = pattern[1..].split('/').collect();
    let address: Vec<&str> = address[1..].split('/').collect();
    segments_match(&pattern, &address)
}

/// Whether every path that matches `covered` matches `covering`: reads both as automata and looks
/// for a path that leads `covered` to its end and `covering` not. Where `covered` leaves a choice
/// it takes a segment, or a run inside one, that no pattern names.
pub(crate) fn covers(covering: &str, covered: &str) -> bool {
    let covering: Vec<&str> = covering[1..].split('/').collect();
    let covered: Vec<&str> = covered[1..].split('/').collect();
    let mut seen = BTreeSet::new();
    let mut open = vec![(0, BTreeSet::from([0]), false)];
    while let Some((at, places, has_segment)) = open.pop() {
        if !seen.insert((at, places.clone(), has_segment)) {
            continue;
        }
        let places = skip_globstars(&covering, places);
        let Some(segment) = covered.get(at) else {
            if has_segment && !places.contains(&covering.len()) {
                return false;
            }
            continue;
        };
        if *segment == "**" {
            open.push((at + 1, places.clone(), has_segment));
        }
        let next = if *segment == "**" { at } else { at + 1 };
        let text = segment.replace('*', "\u{1}");
        open.push((next, step(&covering, &places, &text), true));
    }
    true
}

fn segments_match(pattern: &[&str], address: &[&str]) -> bool {
    match (pattern, address) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            (0..=address.len()).any(|taken| segments_match(rest, &address[taken..]))
        }
        ([first, pattern @ ..], [segment, address @ ..]) => {
            text_matches(first.as_bytes(), segment.as_bytes()) && segments_match(pattern, address)
        }
        _ => false,
    }
}

fn text_matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|taken| text_matches(rest, &text[taken..])),
        [first, rest @ ..] => text.first() == Some(first) && text_matches(rest, &text[1..]),
    }
}

fn skip_globstars(pattern: &[&str], mut places: BTreeSet<usize>) -> BTreeSet<usize> {
    for (place, segment) in pattern.iter().enumerate() {
        if places.contains(&place) && *segment == "**" {
            places.insert(place + 1);
        }
    }
    places
}

fn step(pattern: &[&str], places: &BTreeSet<usize>, text: &str) -> BTreeSet<usize> {
    let mut next = BTreeSet::new();
    for &place in places.iter().filter(|place| **place < pattern.len()) {
        if pattern[place] == "**" {
            next.insert(place);
        } else if text_matches(pattern[place].as_bytes(), text.as_bytes()) {
            next.insert(place + 1);
        }
    }
    next
}
