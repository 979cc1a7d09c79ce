//! Values of any schema: whatever somebody wrote is read as JSON, and JSON is written in what the registry has.

use serde_json::{Value, json};

use super::table::{reference, table};
use super::*;
use crate::registry::WriteIn;
use crate::{AnySchema, Avro, AvroJson, JsonSchema, ProtobufJson, ProtobufValue};

const CTX: SerdeContext<'static> = SerdeContext::value("quakes");

fn read(any: &AnySchema, bytes: &Bytes) -> Result<Value, SerdeError> {
    assert!(any.deserialize_now(&CTX.reading(), bytes).is_none_or(|known| known.is_ok()));
    block_on(any.ready(CTX.reading(), bytes))?;
    any.deserialize(&CTX.reading(), bytes)
}

fn written<T: ?Sized>(format: &impl Serializer<T>, value: &T) -> Bytes {
    block_on(format.ready(CTX)).unwrap();
    let mut out = BytesMut::new();
    format.serialize(&mut CTX.writing(), value, &mut out).unwrap();
    out.freeze()
}

#[test]
fn whatever_was_written_is_read() {
    let registry = table().registry();
    let any = registry.any_schema();
    let avro = written(&registry.format(Avro::of::<i64>().unwrap()), &7_i64);
    let schema = r#"syntax = "proto3"; message Other {} message Quake { int64 id = 1; }"#;
    let message = ProtobufValue::from_proto(schema, "Quake").unwrap();
    let mut quake = prost_reflect::DynamicMessage::new(message.descriptor().clone());
    quake.set_field_by_name("id", prost_reflect::Value::I64(7));
    let protobuf = written(&registry.format(message), &quake);
    let document =
        written(&registry.format(JsonSchema::parse(r#"{"title": "Q"}"#).unwrap()), &json!({"id": 7}));
    for _ in 0..2 {
        assert_eq!(read(&any, &avro).unwrap(), json!(7));
        assert_eq!(read(&any, &protobuf).unwrap(), json!({"id": 7}));
        assert_eq!(read(&any, &document).unwrap(), json!({"id": 7}));
    }
}

#[test]
fn json_is_written_in_what_the_registry_has() {
    let table = table();
    let place = r#"{"type": "record", "name": "Place", "fields": [{"name": "latitude", "type": "double"}]}"#;
    table.add("Place", Schema::avro(place));
    let quake = r#"{"type": "record", "name": "Quake", "fields": [{"name": "at", "type": ["null", "Place"]}, {"name": "from", "type": "Place"}]}"#;
    table.add("quakes-value", Schema::avro(quake).with_references([reference("Place", 1)]));
    let registry = table.registry();
    let value = json!({"at": null, "from": {"latitude": 35.5}});
    let bytes = written(&registry.format(AvroJson::any()).write_in(WriteIn::Latest), &value);
    assert_eq!((&bytes[..5], bytes.len()), (&[0, 0, 0, 0, 2][..], 5 + 1 + 8));
    assert_eq!(read(&registry.any_schema(), &bytes).unwrap(), value);

    table.add(
        "quakes-value",
        Schema::protobuf(r#"syntax = "proto3"; message A {} message B { string b = 1; }"#),
    );
    let messages = registry.format(ProtobufJson::any().message("B")).write_in(WriteIn::Latest);
    let bytes = written(&messages, &json!({"b": "x"}));
    assert_eq!(&bytes[..], b"\0\0\0\0\x03\x02\x02\x0a\x01x");
    assert_eq!(read(&registry.any_schema(), &bytes).unwrap(), json!({"b": "x"}));
}

#[test]
fn nothing_is_registered_that_is_nobodys_own() {
    let table = table();
    let values = table.registry().format(AvroJson::any());
    let error = block_on(Serializer::<Value>::ready(&values, CTX)).unwrap_err();
    assert!(format!("{error:#}").contains("no schema of its own"), "{error:#}");
    assert_eq!(table.asked(), [""; 0]);
}

#[test]
fn what_cannot_be_read_says_why() {
    let table = table();
    let any = table.registry().any_schema();
    let plain = any.deserialize(&CTX.reading(), &Bytes::from_static(b"{}")).unwrap_err();
    assert!(plain.is_poison() && format!("{plain:#}").contains("no schema's id"), "{plain:#}");
    let bytes = Bytes::from_static(b"\0\0\0\0\x09x");
    table.set_down(true);
    let down = block_on(any.ready(CTX.reading(), &bytes)).unwrap_err();
    assert!(down.is_retriable(), "{down:#}");
    table.set_down(false);
    table.pass(60);
    table.add("quakes-value", Schema::avro(r#""long""#));
    let bytes = Bytes::from_static(b"\0\0\0\0\x01\x0e");
    assert_eq!(read(&any, &bytes).unwrap(), json!(7));
}
