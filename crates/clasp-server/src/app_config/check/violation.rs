//! Why a write rule refuses a write, in the words that applications look for.

use thiserror::Error;

use super::super::template::Asked;

/// A check that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Violation {
    #[error("Field '{field}' at '{address}' does not match session identity")]
    StateField { field: Box<str>, address: String },
    #[error("State not found at '{address}'")]
    StateMissing { address: String },
    #[error("State is null or missing at '{address}'")]
    StateNull { address: String },
    #[error("Value field '{field}' is '{found}', does not match session identity '{subject}'")]
    ValueField {
        field: Box<str>,
        found: String,
        subject: String,
    },
    #[error("Value must include a {field} field")]
    ValueFieldMissing { field: Box<str> },
    #[error("Path segment '{name}' is '{found}', does not match session identity '{subject}'")]
    Segment {
        name: Box<str>,
        found: String,
        subject: String,
    },
    #[error("Path segment '{name}' not found in pattern")]
    SegmentUnbound { name: Box<str> },
    #[error("Neither '{a}' nor '{b}' exists in state")]
    Neither { a: String, b: String },
    #[error("{message}")]
    Path { message: Box<str> },
}

impl Violation {
    pub(super) fn of_value(field: &str, found: Option<&str>, asked: Asked<'_>) -> Self {
        let field = field.into();
        match found {
            Some(found) => Self::ValueField {
                field,
                found: found.to_owned(),
                subject: asked.subject.to_owned(),
            },
            None => Self::ValueFieldMissing { field },
        }
    }

    pub(super) fn of_segment(name: &str, found: Option<&str>, asked: Asked<'_>) -> Self {
        let name = name.into();
        match found {
            Some(found) => Self::Segment {
                name,
                found: found.to_owned(),
                subject: asked.subject.to_owned(),
            },
            None => Self::SegmentUnbound { name },
        }
    }
}
