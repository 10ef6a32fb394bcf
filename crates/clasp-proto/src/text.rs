//! Value from and to JSON text, for tools and HTTP.

use serde_json::{Map, Number, Value as Json};

use crate::value::Value;

/// The value that a person means: JSON if the text is JSON, else the text itself.
///
/// ```
/// use clasp_proto::{Value, text::value_from_text};
/// assert_eq!(value_from_text("0.75"), Value::Float(0.75));
/// assert_eq!(value_from_text("1"), Value::Int(1));
/// assert_eq!(value_from_text("warm white"), Value::from("warm white"));
/// ```
pub fn value_from_text(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(json) => from_json(json),
        Err(_) => Value::from(text),
    }
}

/// JSON as a value: whole numbers that fit are ints, others floats.
pub fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => from_number(&number),
        Json::String(text) => Value::String(text),
        Json::Array(values) => Value::Array(values.into_iter().map(from_json).collect()),
        Json::Object(entries) => {
            let entries = entries.into_iter();
            Value::Map(entries.map(|(key, it)| (key, from_json(it))).collect())
        }
    }
}

/// A value as JSON. Bytes become an array of numbers; NaN and infinities, which JSON lacks, null.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::String(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => Json::from(bytes.as_slice()),
        Value::Array(values) => Json::Array(values.iter().map(to_json).collect()),
        Value::Map(entries) => {
            let entries = entries.iter();
            Json::Object(Map::from_iter(
                entries.map(|(key, it)| (key.clone(), to_json(it))),
            ))
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        from_json(json)
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        to_json(value)
    }
}

/// The only numbers that are neither i64 nor f64 are whole ones beyond i64.
fn from_number(number: &Number) -> Value {
    match number.as_i64() {
        Some(number) => Value::Int(number),
        None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, value: Value, json: &str) {
        assert_eq!(value_from_text(text), value, "{text}");
        assert_eq!(to_json(&value).to_string(), json);
    }

    #[test]
    fn text_becomes_values_and_values_text() {
        check("null", Value::Null, "null");
        check("true", Value::Bool(true), "true");
        check(
            "-9223372036854775808",
            Value::Int(i64::MIN),
            "-9223372036854775808",
        );
        check(
            "9223372036854775808",
            Value::Float(9_223_372_036_854_775_808.0),
            "9.223372036854776e+18",
        );
        check("1.0", Value::Float(1.0), "1.0");
        check("-0.0", Value::Float(-0.0), "-0.0");
        check("\"1\"", Value::from("1"), "\"1\"");
        check("a b", Value::from("a b"), "\"a b\"");
        check("", Value::from(""), "\"\"");
        check("NaN", Value::from("NaN"), "\"NaN\"");
        check(
            " {\"b\": [1, {}], \"a\": null} ",
            Value::from([
                ("a", Value::Null),
                (
                    "b",
                    Value::Array(vec![Value::Int(1), Value::Map([].into())]),
                ),
            ]),
            "{\"a\":null,\"b\":[1,{}]}",
        );
    }

    #[test]
    fn what_json_lacks() {
        assert_eq!(to_json(&Value::Float(f64::NAN)), Json::Null);
        assert_eq!(to_json(&Value::Float(f64::INFINITY)), Json::Null);
        assert_eq!(to_json(&Value::Bytes(vec![0, 255])).to_string(), "[0,255]");
    }

    #[test]
    fn t_sec_09_deep_json_is_text() {
        let deep = "[".repeat(100_000);
        assert_eq!(value_from_text(&deep), Value::String(deep));
    }
}
