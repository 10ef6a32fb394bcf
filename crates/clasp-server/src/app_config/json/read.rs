//! JSON in which a name that an object has twice is a problem: of two lists of rules one would be lost silently.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::super::error::Fault;
use super::{Findings, member};

/// # Errors
/// It is no JSON.
pub(in super::super) fn read(
    text: &str,
    findings: &mut Findings,
) -> Result<Json, serde_json::Error> {
    let twice = RefCell::default();
    let reader = Reader {
        place: String::new(),
        twice: &twice,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let value = reader.deserialize(&mut json)?;
    json.end()?;
    for place in twice.into_inner() {
        findings.problem(&place, Fault::Twice);
    }
    Ok(value)
}

/// Reads one value.
struct Reader<'r> {
    place: String,
    /// The places of names that were there before.
    twice: &'r RefCell<Vec<String>>,
}

impl Reader<'_> {
    fn at(&self, place: String) -> Self {
        Self {
            place,
            twice: self.twice,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Json, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Json, E> {
        Ok(truth.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut read = Vec::new();
        loop {
            let item = self.at(format!("{}[{}]", self.place, read.len()));
            match items.next_element_seed(item)? {
                Some(item) => read.push(item),
                None => return Ok(read.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut read = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let place = member(&self.place, &name);
            let value = entries.next_value_seed(self.at(place.clone()))?;
            if read.insert(name, value).is_some() {
                self.twice.borrow_mut().push(place);
            }
        }
        Ok(read.into())
    }
}
