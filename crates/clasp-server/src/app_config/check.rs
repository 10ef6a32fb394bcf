//! The checks of write rules: each looks at the subject, the address, the value or the state.

mod compile;
mod violation;

use clasp_proto::Value;

pub(crate) use violation::Violation;

use super::path;
use super::path_template::PathTemplate;
use super::template::{Asked, Lookup};

/// What holds at an address, told by whoever has the state.
pub(crate) type State<'a> = dyn Fn(&str) -> Option<Value> + 'a;

/// One condition of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Check {
    StateFieldEqualsSession {
        lookup: Lookup,
        field: Box<str>,
        allow_if_missing: bool,
    },
    StateNotNull {
        lookup: Lookup,
        allow_if_missing: bool,
    },
    ValueFieldEqualsSession {
        field: Box<str>,
    },
    SegmentEqualsSession {
        name: Box<str>,
        /// Nothing if the path does not bind it: then nobody passes.
        segment: Option<usize>,
    },
    EitherStateNotNull {
        lookup_a: Lookup,
        lookup_b: Lookup,
        allow_if_missing: bool,
    },
    RequireValueField {
        field: Box<str>,
    },
    RejectUnlessPathMatches {
        pattern: PathTemplate,
        message: Box<str>,
    },
}

impl Check {
    pub(super) fn judge(
        &self,
        asked: Asked<'_>,
        value: Option<&Value>,
        state: &State<'_>,
    ) -> Result<(), Violation> {
        let own = |found: Option<&str>| found.is_some_and(|found| asked.is_subject(found));
        match self {
            Self::StateFieldEqualsSession {
                lookup,
                field,
                allow_if_missing,
            } => {
                let address = || lookup.fill(asked);
                let field = field.clone();
                match found(lookup, asked, state) {
                    Some(found) => pass_if(own(text_of(&found, &field)), || {
                        let address = address();
                        Violation::StateField { field, address }
                    }),
                    None => pass_if(*allow_if_missing, || {
                        let address = address();
                        Violation::StateMissing { address }
                    }),
                }
            }
            Self::StateNotNull {
                lookup,
                allow_if_missing,
            } => {
                let found = found(lookup, asked, state);
                let holds = found.map_or(*allow_if_missing, |found| !found.is_null());
                pass_if(holds, || {
                    let address = lookup.fill(asked);
                    Violation::StateNull { address }
                })
            }
            Self::EitherStateNotNull {
                lookup_a,
                lookup_b,
                allow_if_missing,
            } => {
                let (a, b) = (found(lookup_a, asked, state), found(lookup_b, asked, state));
                let is_missing = a.is_none() && b.is_none();
                let holds = [a, b].iter().flatten().any(|found| !found.is_null());
                pass_if(holds || (is_missing && *allow_if_missing), || {
                    let (a, b) = (lookup_a.fill(asked), lookup_b.fill(asked));
                    Violation::Neither { a, b }
                })
            }
            Self::ValueFieldEqualsSession { field } => {
                let found = value.and_then(|value| text_of(value, field));
                pass_if(own(found), || Violation::of_value(field, found, asked))
            }
            Self::RequireValueField { field } => {
                let found = value.and_then(|value| text_of(value, field));
                pass_if(found.is_some(), || Violation::of_value(field, None, asked))
            }
            Self::SegmentEqualsSession { name, segment } => {
                let found = segment.and_then(|index| path::segment(asked.address, index));
                pass_if(own(found), || Violation::of_segment(name, found, asked))
            }
            Self::RejectUnlessPathMatches { pattern, message } => {
                pass_if(pattern.matches(asked), || {
                    let message = message.clone();
                    Violation::Path { message }
                })
            }
        }
    }

    /// The addresses whose state it looks at.
    pub(super) fn lookups(&self) -> impl Iterator<Item = &Lookup> {
        let (a, b) = match self {
            Self::StateFieldEqualsSession { lookup, .. } | Self::StateNotNull { lookup, .. } => {
                (Some(lookup), None)
            }
            Self::EitherStateNotNull {
                lookup_a, lookup_b, ..
            } => (Some(lookup_a), Some(lookup_b)),
            _ => (None, None),
        };
        a.into_iter().chain(b)
    }
}

fn pass_if(holds: bool, violation: impl FnOnce() -> Violation) -> Result<(), Violation> {
    match holds {
        true => Ok(()),
        false => Err(violation()),
    }
}

/// The state at a lookup; what is no address has none.
pub(super) fn found(lookup: &Lookup, asked: Asked<'_>, state: &State<'_>) -> Option<Value> {
    state(&lookup.address(asked)?)
}

/// The text at this name of a map.
fn text_of<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.as_map()?.get(field)?.as_str()
}

#[cfg(test)]
mod tests;
