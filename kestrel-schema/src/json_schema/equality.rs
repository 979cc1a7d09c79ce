//! Which values are equal, as JSON schemas have it: `1` and `1.0` are, and the order of names makes no difference.

use std::fmt::Write;

use serde_json::Value;

use super::decimal::Decimal;

/// A text that is the same for values that are equal, and for no others. Goes as deep as the value, which is a part of a document.
pub(super) fn key(value: &Value) -> String {
    let mut text = String::new();
    put(value, &mut text);
    text
}

fn put(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => {
            let (digits, exponent) = Decimal::of(number).normal();
            let _ = write!(text, "{digits}e{exponent}");
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                put(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in members {
                let _ = write!(text, "{name:?}:");
                put(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_have_the_same_key_and_others_another() {
        let numbers: Value = serde_json::from_str("[1, 1.0, 10e-1, 1e0]").unwrap();
        assert!(numbers.as_array().unwrap().iter().all(|number| key(number) == "1e0"));
        assert_eq!(key(&json!({"a": 1, "b": [20, "x"]})), key(&json!({"b": [2e1, "x"], "a": 1.0})));
        let distinct = [
            json!(1),
            json!("1"),
            json!("1e0"),
            json!([1]),
            json!([1, 1]),
            json!([[1], 1]),
            json!([[1, 1]]),
            json!(null),
            json!("null"),
            json!({}),
            json!([]),
            json!({"a": {}}),
            json!({"a": null}),
            json!("{}"),
            json!({"a\":1e0,\"b": 1}),
            json!({"a": 1, "b": 1}),
            json!(10),
            json!(0),
            json!(0.1),
            json!(1e300),
            json!(-1),
        ];
        let keys: std::collections::HashSet<String> = distinct.iter().map(key).collect();
        assert_eq!(keys.len(), distinct.len());
    }
}
