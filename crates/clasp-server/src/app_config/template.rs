//! Texts that are filled with who asks and with segments of the address asked about.

use clasp_proto::Address;

use super::error::Fault;
use super::path::{self, Captures};

/// Who does something, and to which address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The subject of the session; empty for one that has none.
    pub(super) subject: &'a str,
    pub(super) address: &'a str,
}

impl Asked<'_> {
    /// True if this text names the subject. An empty text names nobody.
    pub(super) fn is_subject(&self, text: &str) -> bool {
        !self.subject.is_empty() && text == self.subject
    }
}

/// A text with places to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) text: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// `{session}`: the subject.
    Subject,
    /// A capture: this segment of the address.
    Segment(usize),
}

/// The template of an address whose state is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup(Template);

impl Template {
    /// `captures` are those of the path, or nothing if that has a problem of its own.
    ///
    /// # Errors
    /// It names what the path does not bind.
    pub(super) fn compile(text: &str, captures: Option<&Captures>) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return Err(Fault::Unexpected {
                    expected: "a } for each {",
                    found: super::json::shown(&text.into()),
                });
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(Part::named(name, captures)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(Self {
            text: text.into(),
            parts: parts.into(),
        })
    }

    pub(super) fn fill(&self, asked: Asked<'_>) -> String {
        self.parts.iter().map(|part| part.text(asked)).collect()
    }

    /// True if this is the text when it is filled.
    pub(super) fn is(&self, text: &str, asked: Asked<'_>) -> bool {
        let mut rest = Some(text);
        for part in &self.parts {
            rest = rest.and_then(|rest| rest.strip_prefix(part.text(asked)));
        }
        rest == Some("")
    }

    fn names_subject(&self) -> bool {
        self.parts.contains(&Part::Subject)
    }
}

impl Part {
    fn named(name: &str, captures: Option<&Captures>) -> Result<Self, Fault> {
        // The subject comes first: a capture of the same name does not hide it.
        if name == "session" {
            return Ok(Self::Subject);
        }
        let Some(captures) = captures else {
            return Ok(Self::Segment(0));
        };
        let index = captures.find(name);
        Ok(Self::Segment(index.ok_or_else(|| captures.unbound(name))?))
    }

    fn text<'a>(&'a self, asked: Asked<'a>) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::Subject => asked.subject,
            Self::Segment(index) => path::segment(asked.address, *index).unwrap_or_default(),
        }
    }
}

impl Lookup {
    /// # Errors
    /// It names what the path does not bind, or would never be an address.
    pub(super) fn compile(text: &str, captures: Option<&Captures>) -> Result<Self, Fault> {
        if !text.starts_with('/') {
            return Err(path::relative(text));
        }
        let template = Template::compile(text, captures)?;
        let probe = template.parts.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Subject | Part::Segment(_) => "x",
        });
        Address::check(&probe.collect::<String>())?;
        Ok(Self(template))
    }

    pub(super) fn fill(&self, asked: Asked<'_>) -> String {
        self.0.fill(asked)
    }

    /// The address whose state is looked at, unless what it was filled with made it none:
    /// a subject never reaches beyond its own segment.
    pub(super) fn address(&self, asked: Asked<'_>) -> Option<String> {
        if self.0.names_subject() && asked.subject.contains('/') {
            return None;
        }
        let address = self.fill(asked);
        Address::check(&address).ok().map(|()| address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures() -> Captures {
        path::PathPattern::compile("/room/{room}/{session}/**")
            .unwrap()
            .captures
    }

    fn asked(subject: &str) -> Asked<'_> {
        let address = "/room/lobby/x/y";
        Asked { subject, address }
    }

    #[test]
    fn the_subject_is_filled_in_before_captures() {
        for (text, subject, expected) in [
            ("/room/{room}/meta", "ann", Some("/room/lobby/meta")),
            ("/user/{session}", "ann", Some("/user/ann")),
            ("/user/u-{session}.{room}", "ann", Some("/user/u-ann.lobby")),
            ("/user/{session}", "{room}", Some("/user/{room}")),
            ("/user/{session}", "", None),
            ("/user/{session}/x", "", None),
            ("/user/{session}", "a/b", None),
            ("/user/{session}", "a*", None),
            ("/plain", "a/b", Some("/plain")),
        ] {
            let lookup = Lookup::compile(text, Some(&captures())).unwrap();
            let address = lookup.address(asked(subject));
            assert_eq!(address.as_deref(), expected, "{text} {subject}");
        }
    }

    #[test]
    fn a_filled_text_is_compared_without_filling_it() {
        let template = Template::compile("u-{session}-{room}", Some(&captures())).unwrap();
        for (text, expected) in [
            ("u-ann-lobby", true),
            ("u-ann-lobb", false),
            ("u-ann-lobby2", false),
            ("u-", false),
        ] {
            assert_eq!(template.is(text, asked("ann")), expected, "{text}");
            assert_eq!(template.fill(asked("ann")) == text, expected, "{text}");
        }
    }

    #[test]
    fn lookups_that_are_never_addresses_are_refused() {
        for (text, expected) in [
            ("", "expected a path that begins with /, found \"\""),
            ("room", "expected a path that begins with /, found \"room\""),
            ("{room}/x", "expected a path that begins with /"),
            (
                "/a/{id}",
                "expected a capture of the path ({room}, {session}), found {id}",
            ),
            ("/a/{", "expected a } for each {, found \"/a/{\""),
            ("/a//b", "an address has no empty segment"),
            ("/a/*", "an address has no '*'"),
            ("/a/", "an address has no empty segment"),
        ] {
            let error = Lookup::compile(text, Some(&captures())).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{text}: {error}");
        }
        assert!(Lookup::compile("/a/{id}", None).is_ok());
    }
}
