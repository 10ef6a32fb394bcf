//! JSON with the place of each member, so that every problem is told with where it is.

mod read;

pub(super) use read::read;

use serde_json::{Map, Value as Json};

use super::error::{Fault, Finding};

/// What was found while reading: problems that make the file useless, and warnings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
}

impl Findings {
    pub(super) fn problem(&mut self, place: &str, fault: Fault) {
        let place = match place {
            "" => "the file".to_owned(),
            place => place.to_owned(),
        };
        self.problems.push(Finding { place, fault });
    }

    pub(super) fn warning(&mut self, place: &str, fault: Fault) {
        let place = place.to_owned();
        self.warnings.push(Finding { place, fault });
    }

    /// The value, or nothing and its problem.
    pub(super) fn keep<T>(&mut self, place: &str, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.problem(place, fault)).ok()
    }
}

/// A value and where it is.
#[derive(Debug)]
pub(super) struct Node<'j> {
    pub(super) json: &'j Json,
    pub(super) place: String,
}

impl<'j> Node<'j> {
    pub(super) fn text(&self, findings: &mut Findings, expected: &'static str) -> Option<&'j str> {
        let text = self.json.as_str();
        if text.is_none() {
            self.unexpected(findings, expected);
        }
        text
    }

    /// A text of at most `max` bytes that is not empty.
    pub(super) fn short_text(&self, findings: &mut Findings, max: usize) -> Option<&'j str> {
        let text = self.text(findings, "a text")?;
        if text.is_empty() {
            self.unexpected(findings, "a text that is not empty");
        } else if text.len() > max {
            let (unit, found) = ("bytes", text.len());
            findings.problem(&self.place, Fault::TooMany { max, unit, found });
        }
        Some(text)
    }

    pub(super) fn truth(&self, findings: &mut Findings) -> Option<bool> {
        let truth = self.json.as_bool();
        if truth.is_none() {
            self.unexpected(findings, "true or false");
        }
        truth
    }

    /// A whole number from `least` on.
    pub(super) fn number(&self, findings: &mut Findings, least: u32) -> Option<u32> {
        let number = self.json.as_u64().and_then(|number| number.try_into().ok());
        let number = number.filter(|number| *number >= least);
        if number.is_none() {
            let expected = match least {
                0 => "a whole number from 0 on",
                _ => "a whole number from 1 on",
            };
            self.unexpected(findings, expected);
        }
        number
    }

    /// The items of an array of at most `max`.
    pub(super) fn items(self, findings: &mut Findings, max: usize) -> Vec<Self> {
        let Some(items) = self.json.as_array() else {
            self.unexpected(findings, "an array");
            return Vec::new();
        };
        if items.len() > max {
            let (unit, found) = ("items", items.len());
            findings.problem(&self.place, Fault::TooMany { max, unit, found });
            return Vec::new();
        }
        let items = items.iter().enumerate();
        let item = |(index, json)| Node {
            json,
            place: format!("{}[{index}]", self.place),
        };
        items.map(item).collect()
    }

    pub(super) fn unexpected(&self, findings: &mut Findings, expected: &'static str) {
        let found = shown(self.json);
        findings.problem(&self.place, Fault::Unexpected { expected, found });
    }
}

/// The members of an object. Those that nobody asks for are unknown.
#[derive(Debug)]
pub(super) struct Members<'j> {
    entries: &'j Map<String, Json>,
    place: String,
    asked: Vec<&'static str>,
}

impl<'j> Members<'j> {
    pub(super) fn of(node: Node<'j>, findings: &mut Findings) -> Option<Self> {
        let Some(entries) = node.json.as_object() else {
            node.unexpected(findings, "an object");
            return None;
        };
        Some(Self {
            entries,
            place: node.place,
            asked: Vec::new(),
        })
    }

    pub(super) fn optional(&mut self, name: &'static str) -> Option<Node<'j>> {
        self.asked.push(name);
        let json = self.entries.get(name)?;
        let place = self.place_of(name);
        Some(Node { json, place })
    }

    pub(super) fn required(
        &mut self,
        name: &'static str,
        findings: &mut Findings,
        expected: &'static str,
    ) -> Option<Node<'j>> {
        let node = self.optional(name);
        if node.is_none() {
            let found = "nothing".to_owned();
            let fault = Fault::Unexpected { expected, found };
            findings.problem(&self.place_of(name), fault);
        }
        node
    }

    /// A member that is true or false, and is false where it is not there.
    pub(super) fn truth(&mut self, name: &'static str, findings: &mut Findings) -> bool {
        let node = self.optional(name);
        node.and_then(|node| node.truth(findings)).unwrap_or(false)
    }

    /// Warns of every member that nobody asked for.
    pub(super) fn finish(self, findings: &mut Findings) {
        let is_unknown = |name: &&String| !self.asked.contains(&name.as_str());
        for name in self.entries.keys().filter(is_unknown) {
            findings.warning(&self.place_of(name), Fault::Unknown);
        }
    }

    fn place_of(&self, name: &str) -> String {
        member(&self.place, name)
    }
}

/// The place of a member of the object at `place`.
fn member(place: &str, name: &str) -> String {
    let name = &name[..name.floor_char_boundary(SHOWN_BYTES_MAX)];
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

/// A value as a problem tells it: what is short as it stands, other things by their kind.
pub(super) fn shown(json: &Json) -> String {
    match json {
        Json::Array(_) => "an array".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) if text.len() > SHOWN_BYTES_MAX => {
            format!(
                "{:?}...",
                &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]
            )
        }
        short => short.to_string(),
    }
}

/// As much of a wrong value as helps to find it.
const SHOWN_BYTES_MAX: usize = 80;
