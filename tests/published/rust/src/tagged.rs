//! Values as the suite writes them in JSON: `{t: type, v: text or members}`, so that no type is lost on the way.

use clasp_client::prelude::Value;
use serde_json::{Value as Json, json};

pub fn from_tagged(tagged: &Json) -> Value {
    let body = &tagged["v"];
    let text = body.as_str().unwrap_or_default();
    match tagged["t"].as_str() {
        Some("null") => Value::Null,
        Some("bool") => Value::Bool(body == true),
        Some("int") => Value::Int(text.parse().expect("an int tag holds decimal digits")),
        Some("float") => Value::Float(f64::from_bits(
            u64::from_str_radix(text, 16).expect("a float tag holds 16 hex digits"),
        )),
        Some("string") => Value::String(text.to_owned()),
        Some("bytes") => Value::Bytes(from_hex(text)),
        Some("array") => Value::Array(
            body.as_array()
                .into_iter()
                .flatten()
                .map(from_tagged)
                .collect(),
        ),
        Some("map") => Value::Map(
            body.as_object()
                .into_iter()
                .flatten()
                .map(|(key, member)| (key.clone(), from_tagged(member)))
                .collect(),
        ),
        other => panic!("unknown tag: {other:?}"),
    }
}

pub fn to_tagged(value: &Value) -> Json {
    match value {
        Value::Null => json!({"t": "null"}),
        Value::Bool(value) => json!({"t": "bool", "v": value}),
        Value::Int(value) => json!({"t": "int", "v": value.to_string()}),
        Value::Float(value) => json!({"t": "float", "v": format!("{:016x}", value.to_bits())}),
        Value::String(value) => json!({"t": "string", "v": value}),
        Value::Bytes(value) => json!({"t": "bytes", "v": to_hex(value)}),
        Value::Array(members) => {
            json!({"t": "array", "v": members.iter().map(to_tagged).collect::<Vec<_>>()})
        }
        Value::Map(members) => {
            let members = members
                .iter()
                .map(|(key, member)| (key.clone(), to_tagged(member)));
            json!({"t": "map", "v": members.collect::<serde_json::Map<_, _>>()})
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16);
    (0..text.len())
        .step_by(2)
        .map(|at| digit(at).expect("a bytes tag holds hex digits"))
        .collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
