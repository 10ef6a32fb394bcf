//! Value: closed set of data; deterministic map order.

use std::collections::BTreeMap;

/// Data of a parameter or a message (protocol/wire.md 5).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value; not a deletion.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number; every width on the wire widens to this.
    Int(i64),
    /// A number; NaN payloads, infinities and -0 are kept bit for bit.
    Float(f64),
    /// Text.
    String(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    Array(Vec<Self>),
    /// Values by name; the order on the wire has no meaning.
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// The number in it: an int or a float, as clients without integers send them.
    ///
    /// ```
    /// use clasp_proto::Value;
    /// assert_eq!(Value::Int(5).as_f64(), Some(5.0));
    /// assert_eq!(Value::from("5").as_f64(), None);
    /// ```
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The whole number in it: an int, or a float without a fraction that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Float(number) => whole(*number),
            _ => None,
        }
    }

    /// The whole number in it when it is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i64().and_then(|number| number.try_into().ok())
    }

    /// The truth value in it.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The text in it.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The values in it.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The entries in it.
    pub const fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<Self>> for Value {
    fn from(values: Vec<Self>) -> Self {
        Self::Array(values)
    }
}

impl From<BTreeMap<String, Self>> for Value {
    fn from(entries: BTreeMap<String, Self>) -> Self {
        Self::Map(entries)
    }
}

impl<const N: usize> From<[(&str, Self); N]> for Value {
    fn from(entries: [(&str, Self); N]) -> Self {
        let named = entries.map(|(name, value)| (name.to_owned(), value));
        Self::Map(named.into())
    }
}

/// 2^63 is a float and one more than the largest i64, so the comparison is exact.
fn whole(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&number);
    fits.then_some(number as i64)
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_sec_10_numbers_at_their_edges() {
        for (number, expected) in [
            (0.0, Some(0)),
            (-0.0, Some(0)),
            (5.0, Some(5)),
            (5.5, None),
            (-TWO_TO_63, Some(i64::MIN)),
            (TWO_TO_63, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (f64::NEG_INFINITY, None),
        ] {
            assert_eq!(Value::Float(number).as_i64(), expected, "{number}");
        }
        assert_eq!(Value::Int(i64::MIN).as_u64(), None);
        assert_eq!(Value::Int(i64::MIN).as_f64(), Some(-TWO_TO_63));
    }
}
