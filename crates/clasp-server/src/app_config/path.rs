//! Paths with captures: `{name}` and `*` are one segment, `**` at the end is any number of them.

use clasp_proto::Pattern;

use super::error::Fault;

/// A path, compiled. Since `**` stands last, every capture is at a fixed place of the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPattern {
    pub(super) text: Box<str>,
    pub(super) segments: Box<[Segment]>,
    /// It ends in `**`: whatever follows matches.
    pub(super) is_open: bool,
    pub(super) captures: Captures,
}

/// What one segment of an address has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Box<str>),
    Any,
}

/// The names of a path and which segment each of them is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Captures(Vec<(Box<str>, usize)>);

impl PathPattern {
    /// # Errors
    /// No address could match, or somebody who reads it would think that others do.
    pub(super) fn compile(text: &str) -> Result<Self, Fault> {
        let (words, is_open) = words(text)?;
        let mut captures = Captures::default();
        let mut segments = Vec::with_capacity(words.len());
        for (index, word) in words.into_iter().enumerate() {
            let segment = match word {
                "*" => Segment::Any,
                word => match capture(word) {
                    Some(name) => {
                        captures.bind(name, index)?;
                        Segment::Any
                    }
                    None if word.contains(['{', '}']) => return Err(strange(word)),
                    None => Segment::Literal(word.into()),
                },
            };
            segments.push(segment);
        }
        Ok(Self {
            text: text.into(),
            segments: segments.into(),
            is_open,
            captures,
        })
    }

    pub(super) fn matches(&self, address: &str) -> bool {
        let accepts = |expected: &Segment, found: &str| match expected {
            Segment::Literal(literal) => **literal == *found,
            Segment::Any => true,
        };
        matches(&self.segments, self.is_open, address, accepts)
    }

    /// Whether it matches every address that the other one matches.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let is_long_enough = match self.is_open {
            true => other.segments.len() >= self.segments.len(),
            false => !other.is_open && other.segments.len() == self.segments.len(),
        };
        let mut pairs = self.segments.iter().zip(&other.segments);
        is_long_enough && pairs.all(|(mine, theirs)| *mine == Segment::Any || mine == theirs)
    }
}

impl Captures {
    /// Which segment has this name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let found = self.0.iter().find(|(bound, _)| **bound == *name);
        found.map(|(_, index)| *index)
    }

    /// The names and places, in the order of the path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(name, index)| (&**name, *index))
    }

    /// The problem with a name that is not among them.
    pub(super) fn unbound(&self, name: &str) -> Fault {
        let names: Vec<String> = self.iter().map(|(name, _)| format!("{{{name}}}")).collect();
        let bound = match names.as_slice() {
            [] => "it has none".to_owned(),
            names => names.join(", "),
        };
        let found = format!("{{{name}}}");
        Fault::Unbound { bound, found }
    }

    fn bind(&mut self, name: &str, index: usize) -> Result<(), Fault> {
        if self.find(name).is_some() {
            return Err(Fault::BoundTwice(name.to_owned()));
        }
        self.0.push((name.into(), index));
        Ok(())
    }
}

/// Whether each segment of the address is accepted, and there are as many as there have to be.
pub(super) fn matches<T>(
    expected: &[T],
    is_open: bool,
    address: &str,
    accepts: impl Fn(&T, &str) -> bool,
) -> bool {
    let Some(rest) = address.strip_prefix('/') else {
        return false;
    };
    let mut found = rest.split('/');
    let mut each = expected.iter();
    let is_accepted = each.all(|expected| found.next().is_some_and(|it| accepts(expected, it)));
    is_accepted && (is_open || found.next().is_none())
}

/// The segment of an address at this place, or nothing if it has fewer.
pub(super) fn segment(address: &str, index: usize) -> Option<&str> {
    address.strip_prefix('/')?.split('/').nth(index)
}

/// What follows the segment at this place; nothing if that is the last one.
pub(super) fn below(address: &str, index: usize) -> Option<&str> {
    address
        .strip_prefix('/')?
        .splitn(index + 2, '/')
        .nth(index + 1)
}

/// The words between the slashes, and whether a `**` follows them.
///
/// # Errors
/// It is no path, or has stars where they mean nothing.
pub(super) fn words(text: &str) -> Result<(Vec<&str>, bool), Fault> {
    if !text.starts_with('/') {
        return Err(relative(text));
    }
    Pattern::parse(text)?;
    let mut words: Vec<&str> = text[1..].split('/').collect();
    let is_open = words.last() == Some(&"**");
    if is_open {
        words.pop();
    }
    let is_strange = |word: &&&str| word.is_empty() || (word.contains('*') && **word != "*");
    match words.iter().find(is_strange) {
        Some(&"**") => Err(Fault::Unexpected {
            expected: "** as the last segment only",
            found: format!("{text:?}"),
        }),
        Some(word) => Err(strange(word)),
        None => Ok((words, is_open)),
    }
}

/// The problem with a path that begins nowhere.
pub(super) fn relative(text: &str) -> Fault {
    Fault::Unexpected {
        expected: "a path that begins with /",
        found: super::json::shown(&text.into()),
    }
}

/// The name in `{name}`, if the whole word is one.
pub(super) fn capture(word: &str) -> Option<&str> {
    let name = word.strip_prefix('{')?.strip_suffix('}')?;
    (!name.is_empty() && !name.contains(['{', '}'])).then_some(name)
}

fn strange(word: &str) -> Fault {
    Fault::Unexpected {
        expected: "segments that are a word, * or {name}, and ** at the end",
        found: format!("{word:?}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> PathPattern {
        PathPattern::compile(text).unwrap()
    }

    #[test]
    fn paths_match_whole_addresses() {
        for (text, address, expected) in [
            ("/a", "/a", true),
            ("/a", "/a/b", false),
            ("/a", "/A", false),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a", false),
            ("/a/*", "/a/b/c", false),
            ("/a/{x}/c", "/a/b/c", true),
            ("/a/{x}/c", "/a/b/d", false),
            ("/a/**", "/a", true),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/ab", false),
            ("/{x}/**", "/a", true),
            ("/**", "/a/b", true),
            ("/a.b/+", "/a.b/+", true),
            ("/a/**", "a/b", false),
        ] {
            assert_eq!(path(text).matches(address), expected, "{text} {address}");
        }
    }

    #[test]
    fn captures_are_segments() {
        let path = path("/room/{room}/*/{id}/**");
        let address = "/room/lobby/x/7/y/z";
        let found = |name| segment(address, path.captures.find(name)?);
        assert_eq!(found("room"), Some("lobby"));
        assert_eq!(found("id"), Some("7"));
        assert_eq!(found("x"), None);
        assert_eq!(below(address, 3), Some("y/z"));
        assert_eq!(below(address, 5), None);
    }

    #[test]
    fn paths_that_mean_something_else_are_refused() {
        let strange = "expected segments that are a word, * or {name}, and ** at the end, found";
        for (text, expected) in [
            ("", "expected a path that begins with /, found \"\""),
            ("a/b", "expected a path that begins with /, found \"a/b\""),
            ("/a//b", "invalid pattern: an address has no empty segment"),
            ("/a/", &format!("{strange} \"\"")),
            (
                "/a/**/b",
                "expected ** as the last segment only, found \"/a/**/b\"",
            ),
            ("/a/**/**", "expected ** as the last segment only"),
            ("/a/zone*", &format!("{strange} \"zone*\"")),
            ("/a/***", &format!("{strange} \"***\"")),
            ("/a/u-{id}", &format!("{strange} \"u-{{id}}\"")),
            ("/a/{}", &format!("{strange} \"{{}}\"")),
            ("/{a}/{a}", "expected each capture once, found {a} twice"),
        ] {
            let error = PathPattern::compile(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_path_covers_what_matches_it_too() {
        for (wide, narrow, expected) in [
            ("/**", "/a", true),
            ("/a/**", "/a/b/**", true),
            ("/a/**", "/a", true),
            ("/a/b/**", "/a/**", false),
            ("/a/{x}", "/a/b", true),
            ("/a/*", "/a/{x}", true),
            ("/a/b", "/a/{x}", false),
            ("/a/*", "/a/*/**", false),
            ("/a/*", "/a/b/c", false),
        ] {
            assert_eq!(
                path(wide).covers(&path(narrow)),
                expected,
                "{wide} {narrow}"
            );
        }
    }

    /// The definition, word for word.
    fn slow(pattern: &[&str], address: &[&str]) -> bool {
        match (pattern.first(), address.first()) {
            (Some(&"**"), _) => true,
            (None, None) => true,
            (Some(expected), Some(found)) => {
                (expected == found || *expected == "*" || expected.starts_with('{'))
                    && slow(&pattern[1..], &address[1..])
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_definition(
            words in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "{x}"]), 0..4),
            open in any::<bool>(),
            address in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..6),
        ) {
            prop_assume!(open || !words.is_empty());
            prop_assume!(words.iter().filter(|word| **word == "{x}").count() < 2);
            let mut pattern = words;
            pattern.extend(open.then_some("**"));
            let text = format!("/{}", pattern.join("/"));
            let full = format!("/{}", address.join("/"));
            prop_assert_eq!(path(&text).matches(&full), slow(&pattern, &address), "{} {}", text, full);
        }
    }
}
