//! Fractions in JSON, which has no infinity, and nothing that is no number. Pure.

use serde_json::{Number, Value};

/// A fraction as JSON: those that it does not have are texts.
pub(crate) fn to_json(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => "NaN".into(),
        None if number > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// The fraction that JSON stands for.
pub(crate) fn of_json(json: &Value) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => json.as_f64(),
    }
}
