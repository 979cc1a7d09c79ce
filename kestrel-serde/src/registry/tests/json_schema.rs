//! JSON schemas with a registry: written documents follow the subject's schema, and read ones their writer's.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::Registry;
use super::table::table;
use super::*;
use crate::JsonSchema;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Trip {
    truck: u32,
    #[serde(default)]
    note: String,
}

fn trip(note: &str) -> Trip {
    Trip { truck: 7, note: note.to_owned() }
}

fn trips() -> JsonSchema {
    let note = json!({"type": "string", "default": "", "maxLength": 5});
    let properties = json!({"truck": {"type": "integer"}, "note": note});
    JsonSchema::new(
        &json!({"title": "Trip", "type": "object", "properties": properties, "required": ["truck", "note"]}),
    )
    .unwrap()
}

fn opened(registry: &Registry) -> Registered<JsonSchema> {
    let format = registry.format(trips());
    block_on(Serializer::<Trip>::ready(&format, VALUE)).unwrap();
    format
}

fn serialized(format: &Registered<JsonSchema>, trip: &Trip) -> Result<Bytes, SerdeError> {
    let mut out = BytesMut::new();
    format.serialize(&mut VALUE.writing(), trip, &mut out)?;
    Ok(out.freeze())
}

fn deserialized(format: &Registered<JsonSchema>, bytes: &Bytes) -> Result<Trip, SerdeError> {
    block_on(Deserializer::<Trip>::ready(format, VALUE.reading(), bytes))?;
    format.deserialize(&VALUE.reading(), bytes)
}

#[test]
fn a_document_stands_after_the_id_and_follows_the_schema() {
    let table = table();
    let format = opened(&table.registry());
    let bytes = serialized(&format, &trip("fast")).unwrap();
    assert_eq!((bytes[0], &bytes[5..]), (0, &br#"{"truck":7,"note":"fast"}"#[..]));
    assert_eq!(deserialized(&format, &bytes).unwrap(), trip("fast"));
    let error = serialized(&format, &trip("faster")).unwrap_err();
    assert!(format!("{error:#}").contains("at /note: the value is longer than 5 characters"), "{error:#}");
}

#[test]
fn what_was_written_in_another_schema_is_checked_against_that() {
    let table = table();
    let old = r#"{"type": "object", "properties": {"truck": {"maximum": 99}}}"#;
    let id = table.add("t-value", Schema::json(old));
    let format = opened(&table.registry());
    let document = |text: &str| Bytes::from([&[0][..], &id.to_be_bytes(), text.as_bytes()].concat());
    // The own schema requires a note, with a default.
    assert_eq!(deserialized(&format, &document(r#"{"truck":7}"#)).unwrap(), trip(""));
    let error = deserialized(&format, &document(r#"{"truck":100}"#)).unwrap_err();
    assert!(
        format!("{error:#}").contains("at /truck: the value is greater than the maximum of 99"),
        "{error:#}"
    );
}

#[test]
fn a_writer_of_another_type_is_refused() {
    let table = table();
    let id = table.add("t-value", Schema::avro(r#""long""#));
    let format = opened(&table.registry());
    let error =
        deserialized(&format, &Bytes::from([&[0][..], &id.to_be_bytes(), b"7"].concat())).unwrap_err();
    assert!(format!("{error:#}").contains("it is a schema of type AVRO, not JSON"), "{error:#}");
}
