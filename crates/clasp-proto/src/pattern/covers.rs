//! The exact subset test between two patterns.
//!
//! Read the covering pattern as an automaton over segments: the set of its positions that can be
//! reached is one `u128` (at most 64 segments, so 65 positions). Walk along the covered pattern
//! and feed the automaton the hardest text for each segment:
//!
//! - A literal is its own text.
//! - `*` and partial segments are their own text, with the `*` read as a character that occurs in
//!   no literal. If the covering segment accepts that text, none of its literal runs touches the
//!   `*`, so it accepts every text that the `*` can stand for.
//! - `**` is any number of segments that only wildcards accept; each number gives another set of
//!   positions, until the set no longer changes.
//!
//! The covering pattern covers when every set that is left at the end holds its last position.
//! A smaller set is harder, so only minimal sets are kept, and a position that another one makes
//! superfluous is added to the set wherever that is so, which keeps the sets few (`fill`).

use super::Segment;

pub(super) fn covers(covering: &[Segment], covered: &[Segment]) -> bool {
    let automaton = Automaton::new(covering);
    let mut sets = vec![automaton.start()];
    // A path has at least one segment, so a pattern of nothing but `**` starts with one.
    if covered.iter().all(|segment| *segment == Segment::Many) {
        sets = vec![automaton.step(sets[0], ANY)];
    }
    for segment in covered {
        let mut next = Vec::new();
        for set in sets {
            match hardest_text(segment) {
                Some(text) => keep_minimal(&mut next, automaton.step(set, text)),
                None => automaton.repeat(set, &mut next),
            }
        }
        sets = next;
        if sets.contains(&0) {
            return false;
        }
    }
    sets.iter().all(|set| set & automaton.end != 0)
}

/// The covering pattern; bit `n` of a set is the place before its segment `n`.
struct Automaton<'a> {
    segments: &'a [Segment],
    end: u128,
    many: u128,
    open: u128,
}

impl<'a> Automaton<'a> {
    fn new(segments: &'a [Segment]) -> Self {
        let (mut many, mut open, mut is_open) = (0, 0, false);
        for (position, segment) in segments.iter().enumerate().rev() {
            match segment {
                Segment::Many => {
                    many |= 1 << position;
                    is_open = true;
                }
                Segment::One => {}
                Segment::Literal(_) | Segment::Partial(_) => is_open = false,
            }
            if is_open {
                open |= 1 << position;
            }
        }
        let end = 1 << segments.len();
        Self {
            segments,
            end,
            many,
            open,
        }
    }

    fn start(&self) -> u128 {
        self.fill(self.close(1))
    }

    /// The positions after one more segment with this text.
    fn step(&self, set: u128, text: &str) -> u128 {
        let mut next = 0;
        for (position, segment) in self.segments.iter().enumerate() {
            if set & (1 << position) != 0 && segment.accepts(text) {
                let stays = *segment == Segment::Many;
                next |= 1 << (position + usize::from(!stays));
            }
        }
        self.fill(self.close(next))
    }

    /// The positions after any number of segments that only wildcards accept.
    fn repeat(&self, mut set: u128, sets: &mut Vec<u128>) {
        loop {
            keep_minimal(sets, set);
            let next = self.step(set, ANY);
            if next == set {
                return;
            }
            set = next;
        }
    }

    /// `**` may stand for nothing: the place after it is reached with it.
    fn close(&self, mut set: u128) -> u128 {
        for position in 0..self.segments.len() {
            set |= (set & self.many & (1 << position)) << 1;
        }
        set
    }

    /// Behind an open position there are only `*` up to the next `**`. Whatever is accepted from
    /// an earlier position passes that `**` too, after at least as many segments, and the `**`
    /// takes up the difference: so the earlier position adds nothing, and adding all earlier ones
    /// makes equal sets of sets that accept the same.
    fn fill(&self, set: u128) -> u128 {
        let open = set & self.open;
        if open == 0 {
            return set;
        }
        set | (u128::MAX >> open.leading_zeros())
    }
}

/// Adds a set unless one that is at least as hard is there; drops those that are easier.
fn keep_minimal(sets: &mut Vec<u128>, set: u128) {
    if sets.iter().any(|kept| kept & set == *kept) {
        return;
    }
    sets.retain(|kept| kept & set != set);
    sets.push(set);
}

/// The text of a segment that the fewest other segments accept; none for `**`.
fn hardest_text(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Literal(text) => Some(text),
        Segment::Partial(partial) => Some(partial.as_str()),
        Segment::One => Some(ANY),
        Segment::Many => None,
    }
}

/// A text that no literal has and no partial segment accepts.
const ANY: &str = "*";
