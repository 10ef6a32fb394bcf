//! Paths by their segments: which of many is the first that an address matches, without trying each.

use std::collections::HashMap;

use super::path::{PathPattern, Segment};

/// Paths, each with a number; the least number wins.
#[derive(Debug, Clone)]
pub(super) struct PathTree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
struct Node {
    literals: HashMap<Box<str>, usize>,
    any: Option<usize>,
    /// The path that ends here.
    here: usize,
    /// The path that ends here in `**`.
    open: usize,
    /// The least number at or below this node: where that is too late, nothing is looked for.
    least: usize,
}

impl PathTree {
    pub(super) fn of<'p>(paths: impl Iterator<Item = (usize, &'p PathPattern)>) -> Self {
        let nodes = vec![Node::new()];
        let mut tree = Self { nodes };
        for (number, path) in paths {
            tree.add(number, path);
        }
        tree
    }

    /// The number of the first path that matches.
    pub(super) fn first(&self, address: &str) -> Option<usize> {
        let mut first = NONE;
        self.search(0, Some(address.strip_prefix('/')?), &mut first);
        (first != NONE).then_some(first)
    }

    /// As deep as a path has segments, which has a bound.
    fn search(&self, node: usize, rest: Option<&str>, first: &mut usize) {
        let node = &self.nodes[node];
        if node.least >= *first {
            return;
        }
        *first = node.open.min(*first);
        let Some(rest) = rest else {
            *first = node.here.min(*first);
            return;
        };
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        if let Some(next) = node.literals.get(segment) {
            self.search(*next, after, first);
        }
        if let Some(next) = node.any {
            self.search(next, after, first);
        }
    }

    fn add(&mut self, number: usize, path: &PathPattern) {
        let mut at = 0;
        self.nodes[at].least = number.min(self.nodes[at].least);
        for segment in &path.segments {
            at = self.below(at, segment);
            self.nodes[at].least = number.min(self.nodes[at].least);
        }
        let node = &mut self.nodes[at];
        let end = match path.is_open {
            true => &mut node.open,
            false => &mut node.here,
        };
        *end = number.min(*end);
    }

    fn below(&mut self, at: usize, segment: &Segment) -> usize {
        let new = self.nodes.len();
        let node = &mut self.nodes[at];
        let found = match segment {
            Segment::Literal(literal) => *node.literals.entry(literal.clone()).or_insert(new),
            Segment::Any => *node.any.get_or_insert(new),
        };
        if found == new {
            self.nodes.push(Node::new());
        }
        found
    }
}

impl Node {
    fn new() -> Self {
        Self {
            literals: HashMap::new(),
            any: None,
            here: NONE,
            open: NONE,
            least: NONE,
        }
    }
}

/// Later than every path.
const NONE: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = Vec<String>> {
        let word = prop::sample::select(vec!["a", "b", "*"]);
        let text = (prop::collection::vec(word, 1..4), any::<bool>()).prop_map(|(words, open)| {
            let end = if open { "/**" } else { "" };
            format!("/{}{end}", words.join("/"))
        });
        prop::collection::vec(text, 0..8)
    }

    proptest! {
        #[test]
        fn the_first_is_what_trying_each_finds(
            texts in texts(),
            address in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..5),
        ) {
            let paths: Vec<_> = texts.iter().map(|text| PathPattern::compile(text).unwrap()).collect();
            let address = format!("/{}", address.join("/"));
            let tree = PathTree::of(paths.iter().enumerate());
            let slow = paths.iter().position(|path| path.matches(&address));
            prop_assert_eq!(tree.first(&address), slow, "{:?} {}", texts, address);
        }
    }

    #[test]
    fn what_is_no_address_matches_nothing() {
        let path = PathPattern::compile("/**").unwrap();
        let tree = PathTree::of(std::iter::once((0, &path)));
        assert_eq!((tree.first("/a"), tree.first("a")), (Some(0), None));
    }
}
