//! Once its schema is known, a record is written without an allocation, and read with those of its value alone.

use allocation_counter::measure;
use serde::{Deserialize, Serialize};

use super::super::Registry;
use super::table::table;
use super::*;
use crate::{Avro, JsonSchema, Protobuf};

/// One value for all three languages.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct Order {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, tag = "2")]
    customer: String,
    #[prost(string, optional, tag = "3")]
    note: Option<String>,
    #[prost(message, repeated, tag = "4")]
    lines: Vec<Line>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
struct Line {
    #[prost(string, tag = "1")]
    sku: String,
    #[prost(int32, tag = "2")]
    quantity: i32,
}

const AVRO: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "customer", "type": "string"},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "sku", "type": "string"}, {"name": "quantity", "type": "int"}
    ]}}}
]}"#;

/// The order before there were notes.
const OLDER_AVRO: &str = r#"{"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "int"},
    {"name": "customer", "type": "string"},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "sku", "type": "string"}, {"name": "quantity", "type": "int"}
    ]}}}
]}"#;

const PROTO: &str = r#"syntax = "proto3"; message Line { string sku = 1; int32 quantity = 2; }
    message Order { int64 id = 1; string customer = 2; optional string note = 3; repeated Line lines = 4; }"#;

const JSON: &str = r#"{"title": "Order", "type": "object", "required": ["id", "lines"]}"#;

fn order() -> Order {
    let line = |sku: &str| Line { sku: sku.into(), quantity: 2 };
    Order {
        id: 7,
        customer: "ada".into(),
        note: Some("fragile".into()),
        lines: vec![line("tea"), line("cup")],
    }
}

/// The strings of an order, and its array of lines.
const IN_AN_ORDER: u64 = 5;

trait Orders: Serializer<Order> + Deserializer<Order> {}

impl<F: Serializer<Order> + Deserializer<Order>> Orders for F {}

/// Each language, with nothing that checks documents: that has figures of its own, in the tests of JSON schemas.
fn languages(registry: &Registry) -> [(&'static str, Box<dyn Orders>); 3] {
    let json = JsonSchema::parse(JSON).unwrap().unchecked_writes().unchecked_reads();
    [
        ("Avro", Box::new(registry.format(Avro::parse(AVRO).unwrap()))),
        ("Protobuf", Box::new(registry.format(Protobuf::from_proto(PROTO, "Order").unwrap()))),
        ("JSON", Box::new(registry.format(json))),
    ]
}

fn write_ready(format: &dyn Orders, out: &mut BytesMut) {
    format.serialize(&mut VALUE.writing(), &order(), out).unwrap();
}

/// As a consumer does for each record: asks whether the schema is known, and reads.
fn read_known(format: &dyn Orders, record: &Bytes) -> Order {
    assert!(Deserializer::<Order>::ready(format, VALUE.reading(), record).known().is_some());
    format.deserialize(&VALUE.reading(), record).unwrap()
}

/// The first record of a schema, which fills caches.
fn read_first(format: &dyn Orders, record: &Bytes) -> Order {
    block_on(Deserializer::<Order>::ready(format, VALUE.reading(), record)).unwrap();
    read_known(format, record)
}

#[test]
fn a_record_is_written_without_an_allocation() {
    let table = table();
    for (language, format) in languages(&table.registry()) {
        block_on(Serializer::<Order>::ready(&*format, VALUE)).unwrap();
        let mut out = BytesMut::with_capacity(1024);
        let value = order();
        let counted = measure(|| format.serialize(&mut VALUE.writing(), &value, &mut out).unwrap());
        assert_eq!(counted.count_total, 0, "{language}");
    }
}

#[test]
fn a_record_is_read_with_the_allocations_of_its_value() {
    assert_eq!(measure(|| drop(order().clone())).count_total, 2 * IN_AN_ORDER, "made and cloned");
    let table = table();
    for (language, format) in languages(&table.registry()) {
        block_on(Serializer::<Order>::ready(&*format, VALUE)).unwrap();
        let mut record = BytesMut::new();
        write_ready(&*format, &mut record);
        let record = record.freeze();
        assert_eq!(read_first(&*format, &record), order());
        let counted = measure(|| drop(read_known(&*format, &record)));
        assert_eq!(counted.count_total, IN_AN_ORDER, "{language}");
    }
}

#[test]
fn what_an_older_schema_has_written_is_brought_into_ours_with_one_more() {
    let table = table();
    let id = table.add("t-value", Schema::avro(OLDER_AVRO)).to_be_bytes();
    let datum = b"\x0e\x06ada\x04\x06tea\x04\x06cup\x04\x00";
    let record = Bytes::from([&[0][..], &id, datum].concat());
    let format = table.registry().format(Avro::parse(AVRO).unwrap());
    assert_eq!(read_first(&format, &record), Order { note: None, ..order() });
    let counted = measure(|| drop(read_known(&format, &record)));
    assert_eq!(counted.count_total, IN_AN_ORDER - 1 + 1, "no note, and the datum as our schema writes it");
}
