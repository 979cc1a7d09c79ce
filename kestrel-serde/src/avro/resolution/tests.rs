//! The reference implementation's answers, and what bytes and schemas are refused with which words.
//!
//! `testdata/avro_vectors.json` was written by Apache Avro for Java (`testdata/MakeAvroVectors.java`).

use std::sync::LazyLock;

use apache_avro::schema::{Name, RecordField, RecordSchema, ResolvedSchema, UnionSchema};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

const VECTORS: &str = include_str!("../../../testdata/avro_vectors.json");

fn resolution(writer: &str, reader: &str) -> Result<Resolution, String> {
    let (writer, reader) = (Schema::parse_str(writer).unwrap(), Schema::parse_str(reader).unwrap());
    let (writer_names, reader_names) =
        (ResolvedSchema::new(&writer).unwrap(), ResolvedSchema::new(&reader).unwrap());
    Resolution::new((&writer, writer_names.get_names()), (&reader, reader_names.get_names()))
        .map_err(|mismatch| mismatch.to_string())
}

fn check(schema: &str) -> Resolution {
    resolution(schema, schema).unwrap()
}

fn fault(schema: &str, bytes: &[u8]) -> String {
    check(schema).resolve(bytes).unwrap_err().to_string()
}

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#)
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn resolves_and_refuses_as_the_reference_implementation() {
    let vectors: Vec<Json> = serde_json::from_str(VECTORS).unwrap();
    assert!(vectors.len() > 90);
    for vector in vectors {
        let written = from_hex(vector["written"].as_str().unwrap());
        let resolved =
            resolution(&vector["writer"].to_string(), &vector["reader"].to_string()).and_then(|resolution| {
                resolution.resolve(&written).map(Cow::into_owned).map_err(|fault| fault.to_string())
            });
        match vector["resolved"].as_str() {
            Some(expected) => assert_eq!(resolved, Ok(from_hex(expected)), "{}", vector["name"]),
            None => assert!(resolved.is_err(), "{}: {resolved:?}", vector["name"]),
        }
    }
}

#[test]
fn every_cut_of_a_datum_is_refused_and_so_is_every_addition() {
    for vector in serde_json::from_str::<Vec<Json>>(VECTORS).unwrap() {
        let schema = check(&vector["writer"].to_string());
        let written = from_hex(vector["written"].as_str().unwrap());
        assert!(matches!(schema.resolve(&written), Ok(Cow::Borrowed(same)) if same == written));
        for end in 0..written.len() {
            assert!(schema.resolve(&written[..end]).is_err(), "{} cut at {end}", vector["name"]);
        }
        let longer = [written, vec![0]].concat();
        assert!(schema.resolve(&longer).is_err(), "{} and a byte more", vector["name"]);
    }
}

#[test]
fn faults_say_where_and_what() {
    let nested = record(
        r#"{"name": "id", "type": "int"},
           {"name": "at", "type": {"type": "record", "name": "At", "fields": [{"name": "x", "type": "double"}]}}"#,
    );
    for (schema, bytes, expected) in [
        (nested.as_str(), &[2, 0, 0, 0][..], "field at.x: 8 bytes needed, 3 left"),
        (&nested, &[], "field id: 1 bytes needed, 0 left"),
        (r#""string""#, &[0xfe, 0xff, 0xff, 0xff, 0x0f, b'x'], "2147483647 bytes needed, 1 left"),
        (r#""bytes""#, &[1], "a length of -1"),
        (r#""int""#, &[0x80, 0x80, 0x80, 0x80, 0x10], "2147483648 is not an int"),
        (r#""long""#, &[0xff; 10], "a number of more than 64 bits"),
        (r#""boolean""#, &[2], "2 is not a boolean"),
        (r#"["null", "int"]"#, &[4], "branch 2 of a union of 2"),
        (r#"["null", "int"]"#, &[1], "branch -1 of a union of 2"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#, &[2], "symbol 1 of an enum of 1"),
        (
            r#""int""#,
            &[2, 0, 0],
            "2 bytes left over after the datum: it was written with another schema or in another format",
        ),
    ] {
        assert_eq!(fault(schema, bytes), expected, "{schema}");
    }
}

#[test]
fn blocks_with_sizes_are_read() {
    // A count of -2, the size of the block, the items; then a block of one item, and the end.
    let sized = [3, 4, 2, 4, 2, 6, 0];
    assert_eq!(&*check(r#"{"type": "array", "items": "int"}"#).resolve(&sized).unwrap(), &sized);
    let rewritten =
        resolution(r#"{"type": "array", "items": ["int"]}"#, r#"{"type": "array", "items": "int"}"#).unwrap();
    assert_eq!(&*rewritten.resolve(&[3, 8, 0, 2, 0, 4, 0]).unwrap(), &[4, 2, 4, 0]);
}

#[test]
fn recursion_in_the_bytes_has_an_end() {
    let list = r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#;
    let of_depth = |depth: usize| [vec![2; depth - 1], vec![0]].concat();
    assert!(check(list).resolve(&of_depth(64)).is_ok());
    let fault = check(list).resolve(&of_depth(65)).unwrap_err().to_string();
    assert!(fault.ends_with("next: more than 64 levels of records, arrays and maps"), "{fault}");
    assert!(check(list).resolve(&of_depth(1_000_000)).is_err());
}

/// Records in each other, each named and defined in the one before.
fn nested(levels: usize) -> Schema {
    let leaf = record_of("R0", Schema::Int);
    (1..levels).fold(leaf, |inner, level| record_of(&format!("R{level}"), inner))
}

fn record_of(name: &str, field: Schema) -> Schema {
    let field = RecordField::builder().name("f").schema(field).build();
    Schema::Record(RecordSchema::builder().name(Name::new(name).unwrap()).fields(vec![field]).build())
}

#[test]
fn types_in_each_other_have_an_end() {
    let compiled = |schema: &Schema| {
        let names = ResolvedSchema::new(schema).unwrap();
        Resolution::check(schema, names.get_names()).map(|_| ()).map_err(|mismatch| mismatch.to_string())
    };
    let deep = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        assert_eq!(compiled(&nested(127)), Ok(()));
        let branches = vec![Schema::Null, nested(127)];
        let optional = record_of("Top", Schema::Union(UnionSchema::new(branches).unwrap()));
        for schema in [nested(500), optional] {
            let reason = "the schemas are too intricate: types lie in each other more than 128 deep";
            assert_eq!(compiled(&schema), Err(reason.to_owned()), "in a union too");
        }
    });
    deep.unwrap().join().unwrap();
}

#[test]
fn every_branch_with_every_other_has_an_end() {
    let union = |kind: &str| {
        let record = |index| format!(r#"{{"type": "record", "name": "{kind}{index}", "fields": []}}"#);
        format!("[{}]", (0..1_500).map(record).collect::<Vec<_>>().join(","))
    };
    assert_eq!(
        resolution(&union("A"), &union("B")).map(|_| ()),
        Err("the schemas are too intricate: there are more than 1000000 pairs of types to compare".to_owned())
    );
}

#[test]
fn a_default_that_doubles_with_each_level_has_an_end() {
    let mut text = r#"{"type": "record", "name": "L0", "fields": []}"#.to_owned();
    for level in 1..40 {
        let below = level - 1;
        text = format!(
            r#"{{"type": "record", "name": "L{level}", "fields": [
                {{"name": "a", "type": {text}}}, {{"name": "b", "type": "L{below}"}}]}}"#
        );
    }
    let Schema::Record(mut top) = Schema::parse_str(&text).unwrap() else { panic!("a record") };
    // `apache-avro` would not come to an end with such a text: the defaults come later.
    let mut open = vec![&mut top];
    while let Some(record) = open.pop() {
        for field in &mut record.fields {
            field.default = Some(serde_json::json!({}));
            if let Schema::Record(inner) = &mut field.schema {
                open.push(inner);
            }
        }
    }
    let (reader, writer) =
        (Schema::Record(top), Schema::parse_str(&record("").replace("\"R\"", "\"L39\"")).unwrap());
    let (names, none) = (ResolvedSchema::new(&reader).unwrap(), ResolvedSchema::new(&writer).unwrap());
    let mismatch = Resolution::new((&writer, none.get_names()), (&reader, names.get_names())).unwrap_err();
    assert_eq!(mismatch.to_string(), "field a: its default is made of too many parts");
}

#[test]
fn items_without_bytes_have_an_end() {
    let nulls = check(r#"{"type": "array", "items": "null"}"#);
    assert!(nulls.resolve(&[0x80, 0x80, 0x08, 0]).is_ok());
    let fault = nulls.resolve(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0]).unwrap_err();
    assert_eq!(fault.to_string(), "more than 65536 items without bytes");
}

#[test]
fn schemas_that_never_fit_are_refused_with_the_field() {
    let millis = r#"{"type": "long", "logicalType": "timestamp-millis"}"#;
    let micros = r#"{"type": "long", "logicalType": "timestamp-micros"}"#;
    let in_field = |schema: &str| record(&format!(r#"{{"name": "a", "type": {schema}}}"#));
    for (writer, reader, expected) in [
        (r#""string""#, r#""int""#, "string cannot be read as int"),
        (&in_field(r#""long""#), &in_field(r#""int""#), "field a: long cannot be read as int"),
        (millis, micros, "timestamp-millis cannot be read as timestamp-micros"),
        (
            &record(""),
            &record(r#"{"name": "a", "type": "int"}"#),
            "field a: the writer does not have it, and ours has no default",
        ),
        (
            &record(""),
            r#"{"type": "record", "name": "S", "fields": []}"#,
            "record R cannot be read as record S",
        ),
        (r#"["null", "string"]"#, r#""int""#, "union of null, string cannot be read as int"),
        (r#""double""#, r#"["null", "float"]"#, "double cannot be read as union of null, float"),
        (
            &format!("[\"null\", {}]", in_field(r#""long""#)),
            &format!("[{}]", in_field(r#""int""#)),
            "union of null, record R cannot be read as union of record R",
        ),
    ] {
        assert_eq!(resolution(writer, reader).map(|_| ()), Err(expected.to_owned()));
    }
}

#[test]
fn what_does_not_fit_inside_a_union_is_refused_only_when_it_is_met() {
    let mixed = resolution(r#"["null", "string", "int"]"#, r#"["null", "long"]"#).unwrap();
    assert_eq!(&*mixed.resolve(&[4, 14]).unwrap(), &[2, 14]);
    let fault = mixed.resolve(&[2, 2, b'x']).unwrap_err();
    assert_eq!(fault.to_string(), "string cannot be read as union of null, long");

    let suits = |symbols: &str| format!(r#"{{"type": "enum", "name": "Suit", "symbols": [{symbols}]}}"#);
    let fewer = resolution(&suits(r#""A", "B""#), &suits(r#""B""#)).unwrap();
    assert_eq!(&*fewer.resolve(&[2]).unwrap(), &[0]);
    assert_eq!(fewer.resolve(&[0]).unwrap_err().to_string(), "enum Suit has no symbol A and no default");
}

#[test]
fn the_precision_of_a_decimal_may_grow() {
    let decimal = |precision, scale| {
        format!(
            r#"{{"type": "bytes", "logicalType": "decimal", "precision": {precision}, "scale": {scale}}}"#
        )
    };
    let grown = resolution(&decimal(4, 2), &decimal(6, 2)).unwrap();
    assert_eq!(&*grown.resolve(&[4, 4, 0xd2]).unwrap(), &[4, 4, 0xd2]);
    let optional = format!(r#"["null", {}]"#, decimal(6, 2));
    assert_eq!(&*resolution(&decimal(4, 2), &optional).unwrap().resolve(&[2, 100]).unwrap(), &[2, 2, 100]);
    for (writer, reader) in [((6, 2), (4, 2)), ((4, 2), (6, 3)), ((4, 2), (4, 1))] {
        let refused = resolution(&decimal(writer.0, writer.1), &decimal(reader.0, reader.1)).unwrap_err();
        let expected = format!(
            "decimal({}, {}) cannot be read as decimal({}, {})",
            writer.0, writer.1, reader.0, reader.1
        );
        assert_eq!(refused, expected);
    }
}

#[test]
fn a_schema_that_only_loses_docs_and_aliases_rewrites_nothing() {
    let ours = record(r#"{"name": "a", "type": ["null", "int"], "default": null, "aliases": ["b"]}"#);
    let theirs = record(r#"{"name": "a", "type": ["null", "int"], "doc": "x"}"#);
    assert!(!resolution(&theirs, &ours).unwrap().rewrites);
}

#[test]
fn a_default_without_an_end_is_refused() {
    // Not from JSON: the parser refuses it.
    let name = Name::new("N").unwrap();
    let field = RecordField::builder()
        .name("n")
        .schema(Schema::Ref { name: name.clone() })
        .default(serde_json::json!({}));
    let endless = Schema::Record(RecordSchema::builder().name(name).fields(vec![field.build()]).build());
    let names = ResolvedSchema::new(&endless).unwrap();
    let empty = Schema::parse_str(r#"{"type": "record", "name": "N", "fields": []}"#).unwrap();
    let empty_names = ResolvedSchema::new(&empty).unwrap();
    let mismatch = Resolution::new((&empty, empty_names.get_names()), (&endless, names.get_names()))
        .unwrap_err()
        .to_string();
    assert_eq!(mismatch, "field n: its default has no end");
}

proptest! {
    #[test]
    fn any_bytes_are_resolved_or_refused(bytes: Vec<u8>) {
        static RESOLUTIONS: LazyLock<Vec<Resolution>> = LazyLock::new(|| {
            let vectors: Vec<Json> = serde_json::from_str(VECTORS).unwrap();
            let pairs = vectors.iter().map(|vector| (vector["writer"].to_string(), vector["reader"].to_string()));
            pairs.filter_map(|(writer, reader)| resolution(&writer, &reader).ok()).collect()
        });
        for resolution in RESOLUTIONS.iter() {
            let _ = resolution.resolve(&bytes);
        }
    }

    #[test]
    fn any_number_returns(number: i64) {
        let bytes = super::super::cursor::Varint::of(number);
        let schema = check(r#""long""#);
        prop_assert!(schema.resolve(bytes.bytes()).is_ok());
        let double = resolution(r#""long""#, r#""double""#).unwrap();
        #[expect(clippy::cast_precision_loss)]
        let expected = (number as f64).to_le_bytes();
        prop_assert_eq!(&*double.resolve(bytes.bytes()).unwrap(), &expected[..]);
    }
}
