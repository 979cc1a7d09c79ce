//! Values of Avro as JSON, there and back, and what is said of what does not fit.

use serde_json::json;

use super::*;
use crate::SerdeContext;

fn of(schema: &Value) -> AvroDatumJson {
    AvroJson::parse(&schema.to_string()).unwrap().own_writer().unwrap()
}

/// The value after it was written and read.
fn there_and_back(schema: &Value, json: &Value) -> Result<Value, String> {
    let (format, ctx, mut out) = (of(schema), SerdeContext::value("t"), BytesMut::new());
    format.serialize(&mut ctx.writing(), json, &mut out).map_err(|error| format!("{error:#}"))?;
    Ok(format.deserialize(&ctx.reading(), &out.freeze()).unwrap())
}

fn record(fields: &Value) -> Value {
    json!({"type": "record", "name": "R", "fields": fields})
}

#[test]
fn values_come_back_as_they_were() {
    let decimal = json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2});
    let fixed_decimal = json!({"type": "fixed", "name": "D", "size": 8, "logicalType": "decimal", "precision": 9, "scale": 2});
    for (schema, value) in [
        (json!("null"), json!(null)),
        (json!("boolean"), json!(true)),
        (json!("int"), json!(-7)),
        (json!("long"), json!(9_007_199_254_740_993_i64)),
        (json!("double"), json!(4.7)),
        (json!("float"), json!(4.7)),
        (json!("double"), json!("-Infinity")),
        (json!("string"), json!("caf\u{e9}\n")),
        (json!("bytes"), json!("\u{0}\u{ff}a")),
        (json!({"type": "fixed", "name": "F", "size": 2}), json!("\u{80}a")),
        (json!({"type": "enum", "name": "E", "symbols": ["A", "B"]}), json!("B")),
        (json!({"type": "array", "items": "int"}), json!([1, 2])),
        (json!({"type": "map", "values": "int"}), json!({"a": 1, "b": 2})),
        (json!({"type": "long", "logicalType": "timestamp-millis"}), json!(1_796_026_500_000_i64)),
        (json!({"type": "int", "logicalType": "date"}), json!(20_787)),
        (json!({"type": "string", "logicalType": "uuid"}), json!("67e55044-10b1-426f-9247-bb680e5fe0c8")),
        (decimal, json!("-12.30")),
        (fixed_decimal, json!("-12.30")),
        (json!(["null", "long", "string"]), json!(null)),
        (json!(["null", "long", "string"]), json!("7")),
        (json!(["null", "long", "string"]), json!(7)),
        (
            record(&json!([{"name": "a", "type": ["null", {"type": "array", "items": "R"}]}])),
            json!({"a": [{"a": null}]}),
        ),
    ] {
        assert_eq!(there_and_back(&schema, &value), Ok(value), "{schema}");
    }
}

#[test]
fn branches_may_be_named_and_defaults_left_out() {
    let schema = record(&json!([
        {"name": "n", "type": ["null", "int", "long"], "default": null},
        {"name": "b", "type": "bytes", "default": "\u{ff}"}
    ]));
    assert_eq!(there_and_back(&schema, &json!({})), Ok(json!({"n": null, "b": "\u{ff}"})));
    assert_eq!(there_and_back(&schema, &json!({"n": {"long": 7}})), Ok(json!({"n": 7, "b": "\u{ff}"})));
}

#[test]
fn what_does_not_fit_says_where() {
    let item = record(&json!([{"name": "x", "type": "int"}]));
    let schema = json!({"type": "record", "name": "Q", "fields": [{"name": "items", "type": ["null", {"type": "array", "items": item}]}]});
    for (value, reason) in [
        (json!({"items": [{"x": 1}, {"x": "1"}]}), ".items[1].x: this text does not fit the schema, int"),
        (json!({"items": [{"y": 1}]}), ".items[0]: the record R has no field y"),
        (json!({"items": 7}), ".items: this number does not fit the schema, "),
        (json!({}), "the field items of the record Q is missing, and has no default"),
    ] {
        let error = there_and_back(&schema, &value).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    assert!(there_and_back(&json!("int"), &json!(1_u64 << 40)).is_err());
    assert!(there_and_back(&json!("bytes"), &json!("\u{100}")).is_err());
    assert!(there_and_back(&json!("float"), &json!(1e300)).is_err());
}

#[test]
fn without_a_schema_nothing_is_written() {
    let error = AvroJson::any().own_writer().unwrap_err();
    assert!(format!("{error:#}").contains("no schema of its own"), "{error:#}");
}
