//! The subscription index: a trie by segment, and the routes that were read from it. So what does
//! not match costs a message nothing (protocol/router.md 5.12).

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clasp_proto::{Pattern, Segment, TypeMask};
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::RwLock;

use crate::filter::Limits;
use crate::limits::ROUTES_MAX;
use crate::route::Route;
use crate::session::Session;
use crate::sync::Mutex;

/// One subscription of one session.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) session: Arc<Session>,
    pub(crate) mask: TypeMask,
    pub(crate) limits: Option<Limits>,
    /// Where it hangs in the trie.
    node: u32,
}

/// All subscriptions. The generation moves with every change, and tells cached routes apart.
#[derive(Debug)]
pub(crate) struct Index {
    generation: AtomicU64,
    trie: RwLock<Trie>,
    /// Routes of the current generation by the nodes whose subscriptions are in them, so that
    /// all addresses with the same subscribers share one, and it is made once.
    routes: Mutex<HashMap<Box<[u32]>, Arc<Route>>>,
}

/// What a subscription asks for.
pub(crate) struct Wanted<'a> {
    pub(crate) pattern: &'a Pattern,
    pub(crate) mask: TypeMask,
    pub(crate) limits: Option<Limits>,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            generation: AtomicU64::new(1),
            trie: RwLock::new(Trie::new()),
            routes: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn insert(&self, session: &Arc<Session>, wanted: Wanted<'_>) -> Arc<Subscription> {
        let mut trie = self.trie.write();
        let node = trie.node_of(wanted.pattern);
        let subscription = Arc::new(Subscription {
            session: Arc::clone(session),
            mask: wanted.mask,
            limits: wanted.limits,
            node,
        });
        let held = &mut trie.nodes[node as usize].subscriptions;
        if held.is_empty() {
            // Most patterns are one session's own.
            held.reserve_exact(1);
        }
        held.push(Arc::clone(&subscription));
        trie.subscriptions += 1;
        self.changed();
        subscription
    }

    pub(crate) fn remove<'a>(&self, gone: impl Iterator<Item = &'a Arc<Subscription>>) {
        let mut trie = self.trie.write();
        for subscription in gone {
            trie.remove(subscription);
        }
        self.changed();
    }

    /// The patterns of subscriptions.
    pub(crate) fn patterns<'a>(
        &self,
        subscriptions: impl Iterator<Item = &'a Arc<Subscription>>,
    ) -> Vec<String> {
        let trie = self.trie.read();
        subscriptions.map(|it| trie.pattern(it.node)).collect()
    }

    /// How many subscriptions there are.
    pub(crate) fn subscriptions(&self) -> usize {
        self.trie.read().subscriptions
    }

    /// The route of `address`, shared with every address that has the same subscribers.
    pub(crate) fn route(&self, address: &str) -> Arc<Route> {
        let trie = self.trie.read();
        // Read under the lock: nothing changes the trie while the route is made.
        let generation = self.generation();
        let nodes = trie.matches(address);
        let mut routes = self.routes.lock();
        if routes.len() >= ROUTES_MAX {
            // Those in use live on in their slots.
            routes.clear();
        }
        let route = routes
            .entry(nodes)
            .or_insert_with_key(|nodes| Arc::new(Route::new(generation, trie.in_nodes(nodes))));
        Arc::clone(route)
    }

    #[cfg(test)]
    pub(crate) fn routes_len(&self) -> usize {
        self.routes.lock().len()
    }

    fn changed(&self) {
        self.routes.lock().clear();
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// Nodes by number; number 0 is the root. Children by literal or partial text are found in one
/// table over (parent, text): a node costs no map of its own.
#[derive(Debug)]
struct Trie {
    nodes: Vec<Node>,
    free: Vec<u32>,
    children: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Subscriptions in all nodes.
    subscriptions: usize,
}

#[derive(Debug, Default)]
struct Node {
    parent: u32,
    text: Box<str>,
    kind: Kind,
    /// The child for `*`, 0 if none.
    one: u32,
    /// The child for `**`, 0 if none.
    many: u32,
    child_count: u32,
    partials: Option<Box<Partials>>,
    subscriptions: Vec<Arc<Subscription>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Literal,
    Partial,
    One,
    Many,
}

/// The children of a node whose segment has a `*` inside: found by the text before that `*`,
/// so that many of them cost no more than one.
#[derive(Debug, Default)]
struct Partials {
    by_prefix: HashMap<Box<str>, Vec<(u32, Segment)>>,
    /// How many prefixes there are of each length.
    lengths: BTreeMap<usize, usize>,
}

impl Trie {
    fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
            children: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            subscriptions: 0,
        }
    }

    /// The node of `pattern`, made where it is missing.
    fn node_of(&mut self, pattern: &Pattern) -> u32 {
        let mut at = 0;
        for (segment, text) in pattern.segments().iter().zip(texts(pattern.as_str())) {
            at = self.child(at, segment, text);
        }
        at
    }

    /// The pattern of a node, whose texts are those from the root to it.
    fn pattern(&self, mut number: u32) -> String {
        let mut pattern = String::new();
        while number != 0 {
            let node = &self.nodes[number as usize];
            pattern.insert_str(0, &node.text);
            pattern.insert(0, '/');
            number = node.parent;
        }
        pattern
    }

    fn child(&mut self, parent: u32, segment: &Segment, text: &str) -> u32 {
        let kind = Kind::of(segment);
        let held = match kind {
            Kind::One => self.nodes[parent as usize].one,
            Kind::Many => self.nodes[parent as usize].many,
            Kind::Literal | Kind::Partial => self.find(parent, text).unwrap_or(0),
        };
        if held != 0 {
            return held;
        }
        let child = self.add(Node {
            parent,
            text: text.into(),
            kind,
            ..Node::default()
        });
        let node = &mut self.nodes[parent as usize];
        node.child_count += 1;
        match kind {
            Kind::One => node.one = child,
            Kind::Many => node.many = child,
            Kind::Literal => self.enter(child),
            Kind::Partial => {
                node.partials.get_or_insert_default().add(child, segment);
                self.enter(child);
            }
        }
        child
    }

    fn add(&mut self, node: Node) -> u32 {
        if let Some(number) = self.free.pop() {
            self.nodes[number as usize] = node;
            return number;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("sessions times subscriptions fit 32 bits")
    }

    fn find(&self, parent: u32, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one((parent, text));
        let same = |number: &u32| {
            let node = &self.nodes[*number as usize];
            node.parent == parent && &*node.text == text
        };
        self.children.find(hash, same).copied()
    }

    fn enter(&mut self, number: u32) {
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        let hash = |number: &u32| {
            let node = &nodes[*number as usize];
            hasher.hash_one((node.parent, &*node.text))
        };
        self.children.insert_unique(hash(&number), number, hash);
    }

    fn remove(&mut self, gone: &Arc<Subscription>) {
        let held = &mut self.nodes[gone.node as usize].subscriptions;
        let before = held.len();
        held.retain(|held| !Arc::ptr_eq(held, gone));
        self.subscriptions -= before - held.len();
        held.shrink_to_fit();
        self.prune(gone.node);
    }

    /// Removes `number` and its ancestors as far as they carry nothing.
    fn prune(&mut self, mut number: u32) {
        while number != 0 {
            let node = &self.nodes[number as usize];
            if node.child_count > 0 || !node.subscriptions.is_empty() {
                return;
            }
            let node = core::mem::take(&mut self.nodes[number as usize]);
            self.unlink(number, &node);
            self.free.push(number);
            number = node.parent;
        }
    }

    fn unlink(&mut self, number: u32, node: &Node) {
        let parent = &mut self.nodes[node.parent as usize];
        parent.child_count -= 1;
        match node.kind {
            Kind::One => parent.one = 0,
            Kind::Many => parent.many = 0,
            Kind::Literal => {}
            Kind::Partial => {
                let partials = parent.partials.as_mut().expect("a partial child is listed");
                partials.remove(number, &node.text);
                if partials.by_prefix.is_empty() {
                    parent.partials = None;
                }
            }
        }
        if matches!(node.kind, Kind::Literal | Kind::Partial) {
            let hash = self.hasher.hash_one((node.parent, &*node.text));
            let entry = self.children.find_entry(hash, |held| *held == number);
            entry.expect("a child by text is in the table").remove();
        }
    }

    /// The nodes with subscriptions whose patterns match `address`, in ascending order.
    ///
    /// All nodes that the segments read so far can lead to are held at once, so the cost is
    /// bounded by segments times nodes reached, whatever the number of `**`.
    fn matches(&self, address: &str) -> Box<[u32]> {
        let mut here = vec![0];
        let mut next = Vec::new();
        self.open(&mut here);
        for segment in texts(address) {
            for &number in &here {
                self.step(number, segment, &mut next);
            }
            core::mem::swap(&mut here, &mut next);
            next.clear();
            self.open(&mut here);
            if here.is_empty() {
                break;
            }
        }
        here.retain(|number| !self.nodes[*number as usize].subscriptions.is_empty());
        here.into()
    }

    fn in_nodes(&self, nodes: &[u32]) -> Vec<&Arc<Subscription>> {
        let nodes = nodes.iter().map(|number| &self.nodes[*number as usize]);
        nodes.flat_map(|node| &node.subscriptions).collect()
    }

    /// Adds the `**` children, which may stand for nothing, and drops repetitions.
    fn open(&self, here: &mut Vec<u32>) {
        let mut at = 0;
        while at < here.len() {
            let many = self.nodes[here[at] as usize].many;
            if many != 0 {
                here.push(many);
            }
            at += 1;
        }
        here.sort_unstable();
        here.dedup();
    }

    fn step(&self, number: u32, segment: &str, next: &mut Vec<u32>) {
        let node = &self.nodes[number as usize];
        if node.kind == Kind::Many && number != 0 {
            next.push(number);
        }
        if node.one != 0 {
            next.push(node.one);
        }
        if node.child_count == 0 {
            return;
        }
        next.extend(self.find(number, segment));
        if let Some(partials) = &node.partials {
            partials.matches(segment, next);
        }
    }
}

impl Kind {
    const fn of(segment: &Segment) -> Self {
        match segment {
            Segment::Literal(_) => Self::Literal,
            Segment::Partial(_) => Self::Partial,
            Segment::One => Self::One,
            Segment::Many => Self::Many,
        }
    }
}

impl Partials {
    fn add(&mut self, number: u32, segment: &Segment) {
        let Segment::Partial(partial) = segment else {
            return;
        };
        let prefix = partial.prefix();
        let held = self.by_prefix.entry(prefix.into()).or_default();
        if held.is_empty() {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        held.push((number, segment.clone()));
    }

    fn remove(&mut self, number: u32, text: &str) {
        let prefix = text.split('*').next().unwrap_or_default();
        let held = self
            .by_prefix
            .get_mut(prefix)
            .expect("a listed partial has its prefix");
        held.retain(|(held, _)| *held != number);
        if !held.is_empty() {
            return;
        }
        self.by_prefix.remove(prefix);
        let count = self
            .lengths
            .get_mut(&prefix.len())
            .expect("a prefix counts its length");
        *count -= 1;
        if *count == 0 {
            self.lengths.remove(&prefix.len());
        }
    }

    fn matches(&self, segment: &str, next: &mut Vec<u32>) {
        for (&len, _) in self.lengths.range(..=segment.len()) {
            let Some(held) = segment
                .get(..len)
                .and_then(|prefix| self.by_prefix.get(prefix))
            else {
                continue;
            };
            let fitting = held.iter().filter(|(_, pattern)| match pattern {
                Segment::Partial(partial) => partial.matches(segment),
                _ => false,
            });
            next.extend(fitting.map(|(number, _)| *number));
        }
    }
}

/// The segments of an address or pattern: what stands between the slashes.
fn texts(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

#[cfg(test)]
mod tests;
