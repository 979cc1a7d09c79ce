//! Documents that follow their schema, and those that do not.

use kestrel_schema::Reference;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::SerdeContext;

const CTX: SerdeContext<'static> = SerdeContext::value("orders");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

fn orders() -> JsonSchema {
    JsonSchema::new(&json!({
        "type": "object",
        "properties": {"id": {"type": "integer"}, "note": {"type": "string", "maxLength": 5}},
        "required": ["id"],
        "additionalProperties": false,
    }))
    .unwrap()
}

fn order(note: &str) -> Order {
    Order { id: 7, note: Some(note.to_owned()) }
}

fn write(format: &JsonSchema, order: &Order, out: &mut BytesMut) -> Result<(), SerdeError> {
    format.serialize(&mut CTX.writing(), order, out)
}

fn read(format: &JsonSchema, bytes: &'static [u8]) -> Result<Order, SerdeError> {
    format.deserialize(&CTX.reading(), &Bytes::from_static(bytes))
}

#[test]
fn the_bytes_are_those_of_json() {
    for order in [order("fast"), Order { id: u64::MAX, note: None }] {
        let (mut out, mut plain) = (BytesMut::new(), BytesMut::new());
        write(&orders(), &order, &mut out).unwrap();
        Json.serialize(&mut CTX.writing(), &order, &mut plain).unwrap();
        assert_eq!(out, plain);
        let read: Order = orders().deserialize(&CTX.reading(), &out.freeze()).unwrap();
        assert_eq!(read, order);
    }
}

#[test]
fn only_what_was_appended_is_checked() {
    let mut out = BytesMut::from(&b"the record before"[..]);
    write(&orders(), &order("fast"), &mut out).unwrap();
    assert_eq!(&out[..], br#"the record before{"id":7,"note":"fast"}"#);
}

#[test]
fn what_breaks_the_schema_is_not_written() {
    let error = write(&orders(), &order("faster"), &mut BytesMut::new()).unwrap_err();
    assert!(matches!(error, SerdeError::Encode { .. }));
    assert_eq!(
        format!("{error:#}"),
        "cannot encode the value of topic orders: at /note: the value is longer than 5 characters"
    );
}

#[test]
fn what_breaks_the_schema_is_not_read() {
    let error = read(&orders(), br#"{"id":7,"colour":"secret"}"#).unwrap_err();
    assert!(matches!(error, SerdeError::Decode { .. }));
    let text = format!("{error:#}");
    assert!(text.starts_with("cannot decode the value of topic orders: at the root: "), "{text}");
    assert!(text.contains("colour") && !text.contains("secret"), "{text}");
    let error = read(&orders(), br#"{"id":"seven"}"#).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        r#"cannot decode the value of topic orders: at /id: the value is not of type "integer""#
    );
}

#[test]
fn what_is_no_json_or_not_the_type_is_not_read() {
    for poison in [&b"{"[..], b"", b"{} {}", b"\xff"] {
        assert!(matches!(read(&orders(), poison), Err(SerdeError::Decode { .. })));
    }
    let anything = JsonSchema::parse("true").unwrap();
    let error = read(&anything, br#"{"id":-1}"#).unwrap_err();
    assert!(format!("{error:#}").contains("invalid value: integer `-1`"), "{error:#}");
}

#[test]
fn either_check_can_be_left_out() {
    let (long, bytes) = (order("faster"), &br#"{"id":7,"note":"faster"}"#[..]);
    let writes = orders().unchecked_writes();
    assert!(write(&writes, &long, &mut BytesMut::new()).is_ok());
    assert!(read(&writes, bytes).is_err());
    let reads = orders().unchecked_reads();
    assert!(write(&reads, &long, &mut BytesMut::new()).is_err());
    assert_eq!(read(&reads, bytes).unwrap(), long);
}

#[test]
fn a_schema_may_refer_to_others() {
    let reference = Reference { name: "id.json".into(), subject: "id".into(), version: 1 };
    let schema =
        Schema::json(r#"{"properties": {"id": {"$ref": "id.json"}}}"#).with_references([reference.clone()]);
    let dependencies = [Dependency { reference, text: r#"{"maximum": 9}"#.into() }];
    let format = JsonSchema::with_dependencies(schema.clone(), &dependencies).unwrap();
    assert_eq!(format.schema(), &schema);
    assert!(read(&format, br#"{"id":9}"#).is_ok());
    assert!(read(&format, br#"{"id":10}"#).is_err());
    assert!(matches!(JsonSchema::with_dependencies(schema, &[]), Err(SerdeError::Schema { .. })));
    assert!(matches!(
        JsonSchema::with_dependencies(Schema::avro("\"int\""), &[]),
        Err(SerdeError::Schema { .. })
    ));
}

#[test]
fn keys_and_values_without_a_type_of_their_own_do_too() {
    let names = JsonSchema::parse(r#"{"pattern": "^[a-z]+$"}"#).unwrap();
    let mut out = BytesMut::new();
    names.serialize(&mut SerdeContext::key("orders").writing(), "ada", &mut out).unwrap();
    let read: Value = names.deserialize(&CTX.reading(), &out.freeze()).unwrap();
    assert_eq!(read, json!("ada"));
    let error = names.serialize(&mut SerdeContext::key("orders").writing(), "Ada", &mut BytesMut::new());
    assert!(error.unwrap_err().to_string().starts_with("cannot encode the key of topic orders"));
}

#[test]
fn a_check_allocates_for_the_parts_of_the_document_and_nothing_else_does() {
    let (checked, plain) = (orders(), orders().unchecked_writes().unchecked_reads());
    let mut out = BytesMut::with_capacity(256);
    write(&checked, &order("fast"), &mut out).unwrap();
    let bytes = out.split().freeze();
    let writing = |format: &JsonSchema, out: &mut BytesMut| {
        out.clear();
        allocation_counter::measure(|| write(format, &order(""), out).unwrap()).count_total
    };
    let reading = |format: &JsonSchema| {
        let measured = || drop::<Order>(format.deserialize(&CTX.reading(), &bytes).unwrap());
        allocation_counter::measure(measured).count_total
    };
    out.reserve(128);
    // The object, its two names, a string.
    let document =
        allocation_counter::measure(|| drop(serde_json::from_slice::<Value>(&bytes).unwrap())).count_total;
    assert_eq!(reading(&checked), reading(&plain) + document);
    assert_eq!(reading(&plain), 1, "the note");
    assert!(writing(&plain, &mut out) == 0 && writing(&checked, &mut out) <= document, "{document}");
}
