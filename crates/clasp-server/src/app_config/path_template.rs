//! A path that an address is compared with after who asks and captures have been filled in.

use super::error::Fault;
use super::path::{self, Captures};
use super::template::{Asked, Template};

/// The pattern of `reject_unless_path_matches`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathTemplate {
    pub(super) text: Box<str>,
    words: Box<[Word]>,
    is_open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Any,
    /// This text, once filled.
    Filled(Template),
}

impl PathTemplate {
    /// A name that the path of the rule does not bind stands for any segment, as in a path.
    ///
    /// # Errors
    /// It is no path.
    pub(super) fn compile(text: &str, captures: Option<&Captures>) -> Result<Self, Fault> {
        let (words, is_open) = path::words(text)?;
        let is_free = |name: &str| {
            let is_bound = captures.is_some_and(|captures| captures.find(name).is_some());
            name != "session" && !is_bound
        };
        let word = |word: &str| match word {
            "*" => Ok(Word::Any),
            word if path::capture(word).is_some_and(is_free) => Ok(Word::Any),
            word => Ok(Word::Filled(Template::compile(word, captures)?)),
        };
        Ok(Self {
            text: text.into(),
            words: words.into_iter().map(word).collect::<Result<_, Fault>>()?,
            is_open,
        })
    }

    pub(super) fn matches(&self, asked: Asked<'_>) -> bool {
        let accepts = |expected: &Word, found: &str| match expected {
            Word::Any => true,
            Word::Filled(template) => template.is(found, asked),
        };
        path::matches(&self.words, self.is_open, asked.address, accepts)
    }

    /// The path with what is known filled in.
    pub(super) fn filled(&self, asked: Asked<'_>) -> String {
        let words = self.words.iter().map(|word| match word {
            Word::Any => "/*".to_owned(),
            Word::Filled(template) => format!("/{}", template.fill(asked)),
        });
        let end = if self.is_open { "/**" } else { "" };
        words.collect::<String>() + end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_and_captures_are_compared_as_text() {
        let captures = path::PathPattern::compile("/chat/{room}/**")
            .unwrap()
            .captures;
        for (text, subject, expected) in [
            ("/chat/{room}/user/{session}/**", "ann", true),
            ("/chat/{room}/user/{session}/**", "bob", false),
            ("/chat/{room}/user/{session}/**", "*", false),
            ("/chat/{room}/user/{session}/**", "", false),
            ("/chat/{room}/user/{anybody}/x", "bob", true),
            ("/chat/{anything}/**", "bob", true),
            ("/chat/r-{room}/**", "bob", false),
            ("/chat/l{session}y/**", "obb", true),
            ("/chat/**", "", true),
            ("/chat/*", "ann", false),
        ] {
            let template = PathTemplate::compile(text, Some(&captures)).unwrap();
            let address = "/chat/lobby/user/ann/x";
            let matches = template.matches(Asked { subject, address });
            assert_eq!(matches, expected, "{text} {subject}");
        }
    }
}
