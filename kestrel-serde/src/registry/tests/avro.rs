//! Avro with a registry: other writers' schemas, the subject's latest, references, and no allocations but the value's.

use allocation_counter::measure;
use apache_avro::AvroSchema;
use apache_avro::types::Value;
use kestrel_schema::Schema;
use serde::{Deserialize, Serialize};

use super::super::{Registry, WireForm, WriteIn};
use super::table::{reference, table};
use super::*;
use crate::Avro;

#[derive(Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
struct Position {
    truck: i32,
    latitude: f64,
    #[avro(default = "0.0")]
    speed: f64,
}

const OLD: &str = r#"{"type": "record", "name": "Position", "fields": [
    {"name": "latitude", "type": "float"}, {"name": "truck", "type": "int"}
]}"#;

fn position() -> Position {
    Position { truck: 7, latitude: 47.5, speed: 0.0 }
}

fn opened(registry: &Registry) -> Registered<Avro> {
    let format = registry.format(Avro::of::<Position>().unwrap());
    block_on(Serializer::<Position>::ready(&format, VALUE)).unwrap();
    format
}

fn ready(format: &Registered<Avro>, written: &Written) {
    let ctx = VALUE.reading().with_headers(&written.1);
    block_on(Deserializer::<Position>::ready(format, ctx, &written.0)).unwrap();
}

fn deserialize(format: &Registered<Avro>, written: &Written) -> Result<Position, SerdeError> {
    format.deserialize(&VALUE.reading().with_headers(&written.1), &written.0)
}

fn written(format: &Registered<Avro>, position: &Position) -> Written {
    let (mut ctx, mut out) = (VALUE.writing(), BytesMut::new());
    format.serialize(&mut ctx, position, &mut out).unwrap();
    (out.freeze(), ctx.into_added())
}

#[test]
fn what_an_older_schema_wrote_is_read() {
    let table = table();
    let id = table.add("t-value", Schema::avro(OLD));
    let format = opened(&table.registry());
    let old = [&[0][..], &id.to_be_bytes(), &47.5_f32.to_le_bytes(), &[14]].concat();
    let old = (Bytes::from(old), AddedHeaders::new());
    ready(&format, &old);
    assert_eq!(deserialize(&format, &old).unwrap(), position());
    let new = written(&format, &position());
    ready(&format, &new);
    assert_eq!(deserialize(&format, &new).unwrap(), position());
}

#[test]
fn values_are_brought_into_the_latest_schema() {
    let table = table();
    let id = table.add(
        "t-value",
        Schema::avro(
            r#"{"type": "record", "name": "Position", "fields": [
                {"name": "latitude", "type": "double"},
                {"name": "truck", "type": "long"},
                {"name": "driver", "type": "string", "default": "ada"}
            ]}"#,
        ),
    );
    let format = table.registry().format(Avro::of::<Position>().unwrap()).write_in(WriteIn::Latest);
    block_on(Serializer::<Position>::ready(&format, VALUE)).unwrap();
    let (bytes, _) = written(&format, &position());
    let expected = [&[0][..], &id.to_be_bytes(), &47.5_f64.to_le_bytes(), &[14], b"\x06ada"].concat();
    assert_eq!(bytes, expected);

    table.add("t-value", Schema::avro(r#"{"type": "record", "name": "Another", "fields": []}"#));
    let format = table.registry().format(Avro::of::<Position>().unwrap()).write_in(WriteIn::Latest);
    let error = block_on(Serializer::<Position>::ready(&format, VALUE)).unwrap_err();
    assert!(in_one_line(&error).contains("cannot be read as record Another"), "{error:#}");
}

#[test]
fn types_of_other_subjects_are_known_by_their_names() {
    let table = table();
    table.add("degrees", Schema::avro(r#"{"type": "fixed", "name": "acme.Flags", "size": 2}"#));
    table.add(
        "driver",
        Schema::avro(
            r#"{"type": "record", "name": "acme.Driver", "fields": [{"name": "flags", "type": "acme.Flags"}]}"#,
        )
        .with_references([reference("degrees", 1)]),
    );
    let id = table.add(
        "t-value",
        Schema::avro(
            r#"{"type": "record", "name": "Position", "fields": [
                {"name": "driver", "type": "acme.Driver"},
                {"name": "latitude", "type": "double"},
                {"name": "truck", "type": "int"},
                {"name": "relief", "type": ["null", "acme.Driver"]}
            ]}"#,
        )
        .with_references([reference("driver", 1), reference("degrees", 1)]),
    );
    let format = table.registry().format(Avro::of::<Position>().unwrap());
    let theirs = [&[0][..], &id.to_be_bytes(), b"ab", &47.5_f64.to_le_bytes(), &[14, 2], b"cd"].concat();
    let theirs = (Bytes::from(theirs), AddedHeaders::new());
    ready(&format, &theirs);
    assert_eq!(deserialize(&format, &theirs).unwrap(), position());
}

#[test]
fn values_without_types_and_schemas_of_other_languages() {
    let table = table();
    let id = table.add("t-value", Schema::avro(OLD));
    let json = table.add("t-value", Schema::json("{}"));
    let format = table.registry().format(Avro::of::<Position>().unwrap().values());
    let old = Bytes::from([&[0][..], &id.to_be_bytes(), &47.5_f32.to_le_bytes(), &[14]].concat());
    block_on(Deserializer::<Value>::ready(&format, VALUE.reading(), &old)).unwrap();
    let value = format.deserialize(&VALUE.reading(), &old).unwrap();
    block_on(Serializer::ready(&format, VALUE)).unwrap();
    let mut out = BytesMut::new();
    format.serialize(&mut VALUE.writing(), &value, &mut out).unwrap();
    assert_eq!(out.len(), 5 + 1 + 8 + 8);

    let of_json = Bytes::from([&[0][..], &json.to_be_bytes(), b"{}"].concat());
    block_on(Deserializer::<Value>::ready(&format, VALUE.reading(), &of_json)).unwrap();
    let error = in_one_line(&format.deserialize(&VALUE.reading(), &of_json).unwrap_err());
    assert!(error.ends_with("it is a schema of type JSON, not AVRO"), "{error}");
}

/// How many allocations a run of `work` makes, after one to warm up.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    measure(work).count_total
}

#[test]
fn a_registry_costs_no_allocation_for_a_record() {
    let table = table();
    let registry = table.registry();
    let bare = Avro::of::<Position>().unwrap();
    let mut out = BytesMut::with_capacity(1024);
    let mut datum = BytesMut::new();
    bare.serialize(&mut VALUE.writing(), &position(), &mut datum).unwrap();
    let datum = datum.freeze();
    let _shared = datum.clone();
    let alone_written = allocations(|| {
        out.clear();
        bare.serialize(&mut VALUE.writing(), &position(), &mut out).unwrap();
    });
    let alone_read = allocations(|| {
        let _: Position = bare.deserialize(&VALUE.reading(), &datum).unwrap();
    });
    let format = opened(&registry);
    for form in [WireForm::IdPrefix, WireForm::GuidPrefix] {
        let format = if form == WireForm::IdPrefix { format.clone() } else { format.clone().guid_prefix() };
        block_on(Serializer::<Position>::ready(&format, VALUE)).unwrap();
        let record = written(&format, &position());
        ready(&format, &record);
        let with_registry_written = allocations(|| {
            out.clear();
            format.serialize(&mut VALUE.writing(), &position(), &mut out).unwrap();
        });
        let with_registry_read = allocations(|| {
            assert!(Deserializer::<Position>::ready(&format, VALUE.reading(), &record.0).known().is_some());
            deserialize(&format, &record).unwrap();
        });
        assert_eq!((with_registry_written, with_registry_read), (alone_written, alone_read), "{form:?}");
    }
    let in_header = format.header_form();
    block_on(Serializer::<Position>::ready(&in_header, VALUE)).unwrap();
    let record = written(&in_header, &position());
    ready(&in_header, &record);
    let read = allocations(|| assert_eq!(deserialize(&in_header, &record).unwrap(), position()));
    assert_eq!(read, alone_read);
}

/// An older schema of `Position`, in which the truck's type is told in another way.
fn older(truck: &str, others: &str) -> Schema {
    Schema::avro(format!(
        r#"{{"type": "record", "name": "Position", "fields": [
            {{"name": "latitude", "type": "float"}}, {others} {{"name": "truck", "type": {truck}}}]}}"#
    ))
}

/// The answer of a format to a position that was written in this schema, after these bytes of other fields.
fn read_as(table: &table::Table, schema: Schema, others: &[u8]) -> Result<Position, SerdeError> {
    let id = table.add("t-value", schema);
    let bytes = [&[0][..], &id.to_be_bytes(), &47.5_f32.to_le_bytes(), others, &[14]].concat();
    let written = (Bytes::from(bytes), AddedHeaders::new());
    let format = table.registry().format(Avro::of::<Position>().unwrap());
    ready(&format, &written);
    deserialize(&format, &written)
}

#[test]
fn schemas_that_javas_avro_takes_are_read() {
    let table = table();
    table.add(
        "units",
        Schema::avro(
            r#"{"type": "record", "name": "acme.Units", "fields": [
                {"name": "unit", "type": {"type": "enum", "name": "Unit", "symbols": ["DEGREE"]}}]}"#,
        ),
    );
    let inner = older("\"int\"", r#"{"name": "unit", "type": "acme.Unit"},"#);
    let inner = inner.with_references([reference("units", 1)]);
    assert_eq!(
        read_as(&table, inner, &[0]).unwrap(),
        position(),
        "a type inside of a schema that is referred to"
    );
    let forward = r#"{"name": "a", "type": "Later"}, {"name": "b", "type": {"type": "fixed", "name": "Later", "size": 1}},"#;
    assert_eq!(
        read_as(&table, older("\"int\"", forward), b"xy").unwrap(),
        position(),
        "a name before its definition"
    );
    let same = r#"{"type": "fixed", "name": "Same", "size": 1}"#;
    let twice = format!(r#"{{"name": "a", "type": {same}}}, {{"name": "b", "type": {same}}},"#);
    assert_eq!(
        read_as(&table, older("\"int\"", &twice), b"xy").unwrap(),
        position(),
        "a name that is defined twice"
    );
    let unfit = r#"{"name": "a", "type": "int", "default": "none", "doc": 7, "aliases": ["a-b"]},"#;
    assert_eq!(
        read_as(&table, older("\"int\"", unfit), &[2]).unwrap(),
        position(),
        "a default that fits nothing"
    );
}

#[test]
fn schemas_of_strangers_are_refused_and_said_why() {
    let table = table();
    let refused = |schema: Schema| in_one_line(&read_as(&table, schema, &[]).unwrap_err());
    let script = refused(older("\"int\"", r#"{"name": "größe", "type": "int"},"#));
    assert!(script.contains("apache-avro, which reads and writes Avro here, does not take it"), "{script}");
    let nowhere = refused(older("\"nowhere\"", ""));
    assert!(nowhere.ends_with("nowhere is defined nowhere"), "{nowhere}");
    let array = format!("{}\"int\"{}", r#"{"type": "array", "items": "#.repeat(120), "}".repeat(120));
    let deep = refused(older(&array, ""));
    assert!(deep.ends_with("nested more than 96 levels deep"), "{deep}");

    // Each level's default is made of two of the level below.
    let mut doubling = r#"{"type": "record", "name": "L0", "fields": []}"#.to_owned();
    for level in 1..20 {
        let below = level - 1;
        doubling = format!(
            r#"{{"type": "record", "name": "L{level}", "fields": [
                {{"name": "a", "type": {doubling}, "default": {{}}}}, {{"name": "b", "type": "L{below}", "default": {{}}}}]}}"#
        );
    }
    let others = format!(r#"{{"name": "d", "type": {doubling}, "default": {{}}}},"#);
    assert_eq!(read_as(&table, older("\"int\"", &others), &[]).unwrap(), position());
}

/// Schemas that refer to each other in a chain, each of which has records in each other.
#[test]
fn a_chain_of_schemas_has_the_stack_for_it() {
    let table = table();
    let mut inner = "\"int\"".to_owned();
    let mut references = Vec::new();
    for link in 0..60 {
        let nested = (0..20).fold(inner.clone(), |inner, level| {
            format!(r#"{{"type": "record", "name": "L{link}R{level}", "fields": [{{"name": "f", "type": {inner}}}]}}"#)
        });
        let name = format!("L{link}R19");
        table.add(&name, Schema::avro(nested).with_references(references.clone()));
        references = vec![reference(&name, 1)];
        inner = format!("\"{name}\"");
    }
    let chain = older("\"int\"", &format!(r#"{{"name": "chain", "type": {inner}}},"#));
    let chain = chain.with_references(references);
    let read = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let error = in_one_line(&read_as(&table, chain, &[2]).unwrap_err());
        assert!(error.contains("types lie in each other more than 128 deep"), "{error}");
    });
    read.unwrap().join().unwrap();
}
