//! Protobuf with a registry: whole records, imports, messages elsewhere in a file, and no allocations but the value's.

use allocation_counter::measure;
use kestrel_schema::Schema;
use prost_reflect::{DynamicMessage, Value};

use super::super::Registry;
use super::table::table;
use super::*;
use crate::{ProtoFiles, Protobuf, ProtobufMessage, ProtobufValue};

#[derive(Clone, PartialEq, prost::Message)]
struct Order {
    #[prost(int64, tag = "1")]
    id: i64,
}

const ORDER: &str =
    "syntax = \"proto3\"; package shop; message Item {} message Order { int64 id = 1; message Line {} }";

fn opened(registry: &Registry, text: impl Into<ProtoFiles>) -> Registered<ProtobufMessage> {
    let format = registry.format(Protobuf::from_proto(text, "shop.Order").unwrap());
    block_on(Serializer::<Order>::ready(&format, VALUE)).unwrap();
    format
}

fn written(format: &Registered<ProtobufMessage>, id: i64) -> Bytes {
    let mut out = BytesMut::new();
    format.serialize(&mut VALUE.writing(), &Order { id }, &mut out).unwrap();
    out.freeze()
}

fn read(format: &Registered<ProtobufMessage>, record: &Bytes) -> Result<Order, SerdeError> {
    block_on(Deserializer::<Order>::ready(format, VALUE.reading(), record))?;
    format.deserialize(&VALUE.reading(), record)
}

#[test]
fn a_record_says_its_schema_and_where_its_message_is_in_it() {
    let table = table();
    let format = opened(&table.registry(), ORDER);
    let record = written(&format, 7);
    let id = table.add("t-value", Schema::protobuf(ORDER)).to_be_bytes();
    assert_eq!(record.len(), 1 + id.len() + 2 + 2);
    assert_eq!(record.split_at(5).1, [2, 2, 8, 7], "one index, which is 1, and the message");
    assert_eq!(read(&format, &record).unwrap(), Order { id: 7 });
}

#[test]
fn the_message_may_be_elsewhere_in_a_writers_file() {
    let table = table();
    let other = "syntax = \"proto3\"; package shop; message Order { int64 id = 1; string note = 2; } message Refund {}";
    let id = table.add("t-value", Schema::protobuf(other)).to_be_bytes();
    let format = opened(&table.registry(), ORDER);
    let record = |tail: &[u8]| Bytes::from([&[0][..], &id, tail].concat());
    for first in [&[0, 8, 7][..], &[2, 0, 8, 7]] {
        assert_eq!(read(&format, &record(first)).unwrap(), Order { id: 7 });
    }
    let error = in_one_line(&read(&format, &record(&[2, 2, 8, 7])).unwrap_err());
    assert!(error.contains("written as shop.Refund, which is not shop.Order"), "{error}");
}

#[test]
fn imports_are_registered_first_under_their_paths() {
    let table = table();
    let files = ProtoFiles::new(
        "syntax = \"proto3\"; package shop; import \"shop/item.proto\"; message Order { int64 id = 1; Item item = 2; }",
    )
    .import("shop/item.proto", "syntax = \"proto3\"; package shop; message Item {}");
    let format = opened(&table.registry(), files);
    let asked = table.asked().join("\n");
    let place = |what: &str| asked.find(what).unwrap_or_else(|| panic!("{what} in {asked}"));
    assert!(place("shop/item.proto") < place("t-value"), "{asked}");
    assert_eq!(read(&format, &written(&format, 7)).unwrap(), Order { id: 7 });
}

#[test]
fn a_dynamic_message_makes_the_same_record() {
    let table = table();
    let registry = table.registry();
    let format = registry.format(ProtobufValue::from_proto(ORDER, "shop.Order").unwrap());
    block_on(Serializer::<DynamicMessage>::ready(&format, VALUE)).unwrap();
    let mut order = DynamicMessage::new(format.inner().descriptor().clone());
    order.set_field_by_name("id", Value::I64(7));
    let mut out = BytesMut::new();
    format.serialize(&mut VALUE.writing(), &order, &mut out).unwrap();
    assert_eq!(out.freeze(), written(&opened(&registry, ORDER), 7));
}

#[test]
fn a_record_costs_no_allocation() {
    let table = table();
    let format = opened(&table.registry(), ORDER);
    let record = written(&format, 7);
    read(&format, &record).unwrap();
    let mut out = BytesMut::with_capacity(1024);
    let work = measure(|| {
        format.serialize(&mut VALUE.writing(), &Order { id: 7 }, &mut out).unwrap();
        assert!(Deserializer::<Order>::ready(&format, VALUE.reading(), &record).known().is_some());
        let _: Order = format.deserialize(&VALUE.reading(), &record).unwrap();
    });
    assert_eq!(work.count_total, 0);
}
