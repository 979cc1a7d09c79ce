//! Bytes that mean something without a schema: texts, JSON, numbers as Kafka's own serializers write them. Pure.

use serde_json::{Number, Value};

use super::Decoded;
use crate::records::field_format::FieldFormat;

pub(super) fn decode(format: FieldFormat, bytes: &[u8]) -> Decoded {
    let decoded = match format {
        // A text is shown as one already.
        FieldFormat::String => match std::str::from_utf8(bytes) {
            Ok(_) => return Decoded::Bytes,
            Err(error) => Err(format!("it is no UTF-8: {error}")),
        },
        FieldFormat::Json => serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}")),
        FieldFormat::Int32 => number(bytes, |bytes| i32::from_be_bytes(bytes).into()),
        FieldFormat::Int64 => number(bytes, |bytes| i64::from_be_bytes(bytes).into()),
        FieldFormat::Float32 => number(bytes, |bytes| fraction(f32::from_be_bytes(bytes).into())),
        FieldFormat::Float64 => number(bytes, |bytes| fraction(f64::from_be_bytes(bytes))),
        _ => return Decoded::Bytes,
    };
    decoded.map_or_else(Decoded::Unreadable, Decoded::Json)
}

fn number<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> Value) -> Result<Value, String> {
    let exact = <[u8; N]>::try_from(bytes);
    exact.map(value).map_err(|_| format!("it has {} bytes, where such a number has {N}", bytes.len()))
}

/// JSON has no infinity, and nothing that is no number.
fn fraction(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_are_what_they_are_said_to_be() {
        for (format, bytes, decoded) in [
            (FieldFormat::Json, &b"{\"a\": 1}"[..], Decoded::Json(json!({"a": 1}))),
            (FieldFormat::Int32, &[0xff; 4], Decoded::Json(json!(-1))),
            (FieldFormat::Int64, &[0, 0, 0, 0, 0, 0, 1, 0], Decoded::Json(json!(256))),
            (FieldFormat::Float64, &4.5_f64.to_be_bytes(), Decoded::Json(json!(4.5))),
            (FieldFormat::Float32, &f32::INFINITY.to_be_bytes(), Decoded::Json(json!("inf"))),
            (FieldFormat::String, "\u{e9}".as_bytes(), Decoded::Bytes),
        ] {
            assert_eq!(decode(format, bytes), decoded, "{format:?}");
        }
        for (format, bytes, reason) in [
            (FieldFormat::Int64, &b"1234"[..], "it has 4 bytes, where such a number has 8"),
            (FieldFormat::Json, b"{", "it is no JSON"),
            (FieldFormat::String, b"\xff", "it is no UTF-8"),
        ] {
            let Decoded::Unreadable(why) = decode(format, bytes) else { panic!("{format:?}") };
            assert!(why.starts_with(reason), "{why}");
        }
    }
}
