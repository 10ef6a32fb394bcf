//! Pattern: compiled wildcard path; matches, covers.

mod covers;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::address::check_path;
use crate::error::PatternError;
use crate::limits::GLOBSTARS_MAX;

/// A path with wildcards (protocol/router.md 4.1, 4.2, 4.3, 4.4): `*` is one segment, `**` zero or
/// more segments, `*` inside a segment any run inside that segment; every other character is
/// itself.
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    segments: Box<[Segment]>,
    literals: usize,
    prefix_bytes: usize,
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Exactly this text.
    Literal(Box<str>),
    /// This text with `*` in it.
    Partial(Partial),
    /// `*`: any one segment.
    One,
    /// `**`: any number of segments, also none.
    Many,
}

/// Text with at least one `*` and at least one other character, for one segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partial {
    text: Box<str>,
    prefix_bytes: usize,
    suffix_bytes: usize,
}

impl Pattern {
    /// The pattern in this text, if it is one. Unlike an address it may end in a slash; `/a/` then
    /// is distinct from `/a` (protocol/router.md 4.6).
    ///
    /// ```
    /// use clasp_proto::Pattern;
    /// let lights = Pattern::parse("/lights/**").expect("well formed");
    /// assert!(lights.matches("/lights"));
    /// assert!(lights.matches("/lights/1/hue"));
    /// assert!(!lights.matches("/lightshow"));
    /// assert!(lights.covers(&Pattern::parse("/lights/zone*/*").expect("well formed")));
    /// ```
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        check_path(text)?;
        let segments: Box<[Segment]> = text[1..].split('/').map(Segment::parse).collect();
        let found = segments.iter().filter(|it| **it == Segment::Many).count();
        if found > GLOBSTARS_MAX {
            return Err(PatternError::TooManyGlobstars { found });
        }
        let is_literal = |it: &&Segment| matches!(it, Segment::Literal(_));
        let literals = segments.iter().take_while(is_literal).count();
        let prefix_bytes = text[1..]
            .split('/')
            .take(literals)
            .map(|literal| literal.len() + 1)
            .sum();
        Ok(Self {
            text: text.into(),
            segments,
            literals,
            prefix_bytes,
        })
    }

    /// The text it was made from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its segments; at least one.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it has no wildcard, so that only its own text matches.
    pub fn is_literal(&self) -> bool {
        self.literals == self.segments.len()
    }

    /// The path of the segments before the first wildcard, without a slash at the end: every
    /// address that matches is this path or lies below it. `/a/b*/**` gives `/a`, `/**` nothing.
    pub fn literal_prefix(&self) -> &str {
        &self.text[..self.prefix_bytes]
    }

    /// Whether this address matches: the one matcher (protocol/router.md 4.5, 4.7). Does not
    /// allocate; costs at most the number of segments of the pattern times those of the address,
    /// and one pass over the address in the usual case.
    pub fn matches(&self, address: &str) -> bool {
        let Some(rest) = address.strip_prefix(self.literal_prefix()) else {
            return false;
        };
        let below = match rest.strip_prefix('/') {
            Some(below) => Some(below),
            None if rest.is_empty() && self.literals > 0 => None,
            None => return false,
        };
        matches_below(&self.segments[self.literals..], Below(below))
    }

    /// Whether every address that matches `other` also matches this pattern: the exact subset
    /// test for scopes and namespaces (protocol/router.md 4.8). Costs at most a few hundred
    /// thousand steps at the limits of the protocol, a few dozen in the usual case.
    ///
    /// The addresses it speaks of are all paths of one or more segments of any text: the length
    /// limits of addresses are not considered.
    pub fn covers(&self, other: &Self) -> bool {
        covers::covers(&self.segments, &other.segments)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl std::hash::Hash for Pattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, formatter)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl Segment {
    /// Whether one segment of an address can stand here.
    pub fn accepts(&self, segment: &str) -> bool {
        match self {
            Self::Literal(literal) => **literal == *segment,
            Self::Partial(partial) => partial.matches(segment),
            Self::One | Self::Many => true,
        }
    }

    /// `**` glued to other text, or to another `*`, is the same as `*` (protocol/router.md 4).
    fn parse(text: &str) -> Self {
        match text {
            "*" => Self::One,
            "**" => Self::Many,
            text if !text.contains('*') => Self::Literal(text.into()),
            text if text.bytes().all(|byte| byte == b'*') => Self::One,
            text => Self::Partial(Partial::new(text)),
        }
    }
}

impl Partial {
    /// The text before the first `*`.
    pub fn prefix(&self) -> &str {
        &self.text[..self.prefix_bytes]
    }

    /// The text after the last `*`.
    pub fn suffix(&self) -> &str {
        &self.text[self.text.len() - self.suffix_bytes..]
    }

    /// The whole text, with single `*`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether one segment of an address matches.
    pub fn matches(&self, segment: &str) -> bool {
        let inner = segment
            .strip_prefix(self.prefix())
            .and_then(|rest| rest.strip_suffix(self.suffix()));
        inner.is_some_and(|inner| self.matches_inner(inner))
    }

    /// The text between the first and the last `*`: each run of it must be found after the run
    /// before it, and the earliest place is always the best one.
    fn matches_inner(&self, mut inner: &str) -> bool {
        let end = self.text.len() - self.suffix_bytes;
        for run in self.text[self.prefix_bytes..end].split('*') {
            match inner.find(run) {
                Some(position) => inner = &inner[position + run.len()..],
                None => return false,
            }
        }
        true
    }

    fn new(text: &str) -> Self {
        let mut single = String::with_capacity(text.len());
        for character in text.chars() {
            if character != '*' || !single.ends_with('*') {
                single.push(character);
            }
        }
        let prefix_bytes = single.find('*').unwrap_or(single.len());
        let suffix_bytes = single.len() - single.rfind('*').map_or(0, |position| position + 1);
        Self {
            text: single.into(),
            prefix_bytes,
            suffix_bytes,
        }
    }
}

/// The segments of an address that are still to be matched; `None` when there are no more, which
/// is not the same as one empty segment.
#[derive(Clone, Copy)]
struct Below<'a>(Option<&'a str>);

impl<'a> Below<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        self.0 = after;
        Some(segment)
    }
}

/// Only the last `**` that was passed is ever tried again: what stood before it has matched, and
/// matching it later could only leave less for the rest.
fn matches_below(pattern: &[Segment], address: Below<'_>) -> bool {
    let (mut at, mut below) = (0, address);
    let mut again = None;
    loop {
        let mut after = below;
        match (pattern.get(at), after.next()) {
            (Some(Segment::Many), _) => {
                at += 1;
                if at == pattern.len() {
                    return true;
                }
                again = Some((at, below));
                continue;
            }
            (None, None) => return true,
            (Some(_), None) => return false,
            (Some(expected), Some(segment)) if expected.accepts(segment) => {
                at += 1;
                below = after;
                continue;
            }
            _ => {}
        }
        let Some((restart, mut from)) = again else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        again = Some((restart, from));
        (at, below) = (restart, from);
    }
}
