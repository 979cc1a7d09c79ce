//! Typed values against bytes of the reference implementation, resolution into types, and the text of errors.

use std::collections::HashMap;

use apache_avro::types::Value;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::SerdeContext;

mod compatible_schemas;

const CTX: SerdeContext<'static> = SerdeContext::value("truck_gps");

#[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "com.acme")]
struct Position {
    truck: i32,
    at_ms: i64,
    point: Point,
    previous: Option<Point>,
    state: State,
    speed: f32,
    driver: Option<String>,
    tags: Vec<String>,
    readings: HashMap<String, f64>,
    #[avro(with)]
    #[serde(with = "apache_avro::serde::bytes")]
    raw: Vec<u8>,
    moving: bool,
}

#[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
struct Point {
    latitude: f64,
    longitude: f64,
}

#[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
enum State {
    Parked,
    Driving,
}

fn position() -> Position {
    Position {
        truck: -7,
        at_ms: 1_700_000_000_123,
        point: Point { latitude: 47.5, longitude: -19.0 },
        previous: Some(Point { latitude: 0.0, longitude: 1.0 }),
        state: State::Driving,
        speed: 1.5,
        driver: Some("Zoë".into()),
        tags: vec!["a".into(), String::new()],
        readings: HashMap::from([("t".into(), 0.5)]),
        raw: vec![0, 0xff],
        moving: true,
    }
}

/// `position()` as Apache Avro for Java 1.12.1 and fastavro 1.13.1 write it with the derived schema.
const POSITION: &str = "0df6a1abfef9620000000000c0474000000000000033c0020000000000000000000000000000f03f020000c03f\
    02085a6fc3ab0402610000020274000000000000e03f000400ff01";

fn encode<T: ?Sized, S: Serializer<T>>(serializer: &S, value: &T) -> Bytes {
    let mut out = BytesMut::from("before");
    serializer.serialize(&mut CTX.writing(), value, &mut out).unwrap();
    assert_eq!(&out[..6], b"before", "a serializer only appends");
    out.freeze().slice(6..)
}

fn decode<T, D: Deserializer<T>>(deserializer: &D, bytes: &[u8]) -> Result<T, SerdeError> {
    deserializer.deserialize(&CTX.reading(), &Bytes::copy_from_slice(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_typed_value_is_written_as_by_the_reference_implementation() {
    let avro = Avro::of::<Position>().unwrap();
    let bytes = encode(&avro, &position());
    assert_eq!(hex(&bytes), POSITION);
    assert_eq!(decode::<Position, _>(&avro, &bytes).unwrap(), position());
}

#[test]
fn a_given_schema_decides_the_order_of_fields() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pair {
        b: String,
        a: i64,
    }

    let avro = Avro::parse(
        r#"{"type": "record", "name": "Pair", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]}"#,
    )
    .unwrap();
    let pair = Pair { b: "x".into(), a: 1 };
    let bytes = encode(&avro, &pair);
    assert_eq!(bytes, &[2, 2, b'x'][..]);
    assert_eq!(decode::<Pair, _>(&avro, &bytes).unwrap(), pair);
}

#[test]
fn values_without_fields_are_datums_too() {
    let text = Avro::parse(r#""string""#).unwrap();
    assert_eq!(encode(&text, "ab"), &b"\x04ab"[..]);
    assert_eq!(encode(&text, &String::from("ab")), &b"\x04ab"[..]);
    assert_eq!(decode::<String, _>(&text, b"\x04ab").unwrap(), "ab");
    let numbers = Avro::of::<Vec<i64>>().unwrap();
    assert_eq!(encode(&numbers, &[1_i64, -1][..]), &[4, 2, 1, 0][..]);
    assert_eq!(decode::<Vec<i64>, _>(&numbers, &[4, 2, 1, 0]).unwrap(), [1, -1]);
}

/// A type that has grown: `speed` was `velocity` and an int, `lane` and `toll` are new, `note` is gone.
#[derive(Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
struct Passage {
    truck: i64,
    #[serde(alias = "velocity")]
    speed: f64,
    #[avro(default = "1")]
    lane: i32,
    toll: Option<i32>,
    kind: Kind,
}

#[derive(Debug, Default, PartialEq, AvroSchema, Serialize, Deserialize)]
enum Kind {
    Heavy,
    Light,
    #[default]
    Unknown,
}

const OLD_PASSAGE: &str = r#"{"type": "record", "name": "Passage", "fields": [
    {"name": "truck", "type": "int"},
    {"name": "note", "type": ["null", "string"]},
    {"name": "velocity", "type": "int"},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["Light", "Enormous"]}}
]}"#;

fn old_passage(note: &str, kind: &str) -> Bytes {
    let fields = vec![
        ("truck".into(), Value::Int(7)),
        ("note".into(), Value::Union(1, Box::new(Value::String(note.into())))),
        ("velocity".into(), Value::Int(88)),
        ("kind".into(), Value::Enum(u32::from(kind == "Enormous"), kind.into())),
    ];
    encode(&Avro::parse(OLD_PASSAGE).unwrap().values(), &Value::Record(fields))
}

#[test]
fn an_older_schema_is_resolved_into_the_type() {
    let old = Schema::parse_str(OLD_PASSAGE).unwrap();
    let avro = Avro::of::<Passage>().unwrap().writer_schema(&old).unwrap();
    let expected = Passage { truck: 7, speed: 88.0, lane: 1, toll: None, kind: Kind::Light };
    assert_eq!(decode::<Passage, _>(&avro, &old_passage("x", "Light")).unwrap(), expected);

    let unknown = decode::<Passage, _>(&avro, &old_passage("", "Enormous")).unwrap();
    assert_eq!(unknown.kind, Kind::Unknown, "a symbol that we do not have becomes our default");

    // What is written has the own schema still.
    let own = Avro::of::<Passage>().unwrap();
    assert_eq!(encode(&avro, &expected), encode(&own, &expected));
    assert_eq!(decode::<Passage, _>(&own, &encode(&avro, &expected)).unwrap(), expected);
}

/// `Passage` as a program knows it that needs one field; the record has another name than the type.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Passage")]
struct LaneOnly {
    lane: i64,
}

#[test]
fn a_newer_schema_loses_the_fields_that_the_type_does_not_have() {
    let newer = Avro::of::<Passage>().unwrap();
    let bytes = encode(&newer, &Passage { truck: 7, speed: 1.0, lane: 3, toll: Some(4), kind: Kind::Heavy });
    let older =
        Avro::parse(r#"{"type": "record", "name": "Passage", "fields": [{"name": "lane", "type": "long"}]}"#);
    let older = older.unwrap().writer_schema(newer.schema()).unwrap();
    assert_eq!(decode::<LaneOnly, _>(&older, &bytes).unwrap(), LaneOnly { lane: 3 });
    let value = decode(&older.values(), &bytes).unwrap();
    assert_eq!(value, Value::Record(vec![("lane".into(), Value::Long(3))]));
}

#[test]
fn a_second_writer_schema_replaces_the_first() {
    let avro = Avro::new(Schema::Double).unwrap().writer_schema(&Schema::Int).unwrap();
    let avro = avro.writer_schema(&Schema::Float).unwrap();
    assert_eq!(decode::<f64, _>(&avro, &1.5_f32.to_le_bytes()).unwrap().to_bits(), 1.5_f64.to_bits());
    assert!(decode::<f64, _>(&avro, &[2]).is_err());
}

/// An enum with data is a union of records.
#[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(repr = "union_of_records")]
enum Event {
    Started { at_ms: i64 },
    Stopped { at_ms: i64, reason: String },
    Lost,
}

#[test]
fn enums_with_data_are_unions_of_records() {
    let avro = Avro::of::<Event>().unwrap();
    let moved = r#"[
        {"type": "record", "name": "Lost", "fields": []},
        {"type": "record", "name": "Stopped", "fields": [
            {"name": "reason", "type": "string"}, {"name": "at_ms", "type": "int"}
        ]}
    ]"#;
    let from_moved = avro.clone().writer_schema(&Schema::parse_str(moved).unwrap()).unwrap();
    let stopped = Event::Stopped { at_ms: 3, reason: "x".into() };
    for event in [Event::Started { at_ms: 5 }, stopped.clone(), Event::Lost] {
        assert_eq!(decode::<Event, _>(&avro, &encode(&avro, &event)).unwrap(), event);
    }
    assert_eq!(decode::<Event, _>(&from_moved, &[2, 2, b'x', 6]).unwrap(), stopped);
    assert_eq!(decode::<Event, _>(&from_moved, &[0]).unwrap(), Event::Lost);
}

#[derive(Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
struct Chain {
    link: i32,
    next: Option<Box<Self>>,
}

fn chain(links: i32) -> Chain {
    (1..links).fold(Chain { link: 0, next: None }, |next, link| Chain { link, next: Some(Box::new(next)) })
}

#[test]
fn recursive_types_are_read_as_deep_as_is_allowed() {
    let avro = Avro::of::<Chain>().unwrap();
    let deepest = encode(&avro, &chain(64));
    assert_eq!(decode::<Chain, _>(&avro, &deepest).unwrap(), chain(64));
    let value = decode(&avro.values(), &deepest).unwrap();
    assert_eq!(encode(&avro.values(), &value), deepest);
    // As one writes who has no such limit: the start of each record, and a link to the next.
    let deeper: Vec<u8> = [[0, 2].repeat(64), vec![0, 0]].concat();
    let too_deep = decode::<Chain, _>(&avro, &deeper).unwrap_err();
    let too_deep = format!("{too_deep:#}");
    assert!(too_deep.ends_with("next: more than 64 levels of records, arrays and maps"), "{too_deep}");
}

#[test]
fn what_is_too_deep_to_be_read_is_not_written() {
    let avro = Avro::of::<Chain>().unwrap();
    let why = "more than 64 levels of records, arrays and maps";
    for links in [65, 66, 128, 129, 1_000, 3_000] {
        assert!(refusal(&avro, &chain(links)).ends_with(why), "{links} levels");
    }

    let end = Value::Union(0, Box::new(Value::Null));
    let link = |next| Value::Record(vec![("link".into(), Value::Int(0)), ("next".into(), next)]);
    let values = |links| (1..links).fold(link(end.clone()), |next, _| link(Value::Union(1, Box::new(next))));
    encode(&avro.values(), &values(64));
    for links in [65, 100, 1_000] {
        assert!(refusal(&avro.values(), &values(links)).ends_with(why), "{links} levels");
    }
    let unions = (0..1_000).fold(end, |value, _| Value::Union(1, Box::new(value)));
    assert!(refusal(&avro.values(), &unions).ends_with(why));

    // Variants with fields are levels too, and so are arrays and maps.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Leaf,
        Branch { parts: Vec<Self> },
    }
    let tree = r#"[
        {"type": "record", "name": "Leaf", "fields": []},
        {"type": "record", "name": "Branch", "fields": [
            {"name": "parts", "type": {"type": "array", "items": ["Leaf", "Branch"]}}
        ]}
    ]"#;
    let tree = Avro::parse(tree).unwrap();
    let deep = |pairs| (0..pairs).fold(Tree::Leaf, |inner, _| Tree::Branch { parts: vec![inner] });
    // 31 branches, their arrays, and the leaf, which is a record as well.
    assert_eq!(decode::<Tree, _>(&tree, &encode(&tree, &deep(31))).unwrap(), deep(31));
    for pairs in [32, 33, 64, 65, 1_000] {
        assert!(refusal(&tree, &deep(pairs)).ends_with(why), "{pairs} pairs");
    }
}

#[test]
fn more_items_without_bytes_than_are_read_are_not_written() {
    let nulls = Avro::parse(r#"{"type": "array", "items": "null"}"#).unwrap();
    let most = vec![(); 65_536];
    assert_eq!(decode::<Vec<()>, _>(&nulls, &encode(&nulls, &most)).unwrap(), most);
    assert_eq!(refusal(&nulls, &vec![(); 65_537]), "more than 65536 items without bytes");
    let values = Value::Array(vec![Value::Null; 65_537]);
    assert_eq!(refusal(&nulls.values(), &values), "more than 65536 items without bytes");
}

fn refusal<T: ?Sized, S: Serializer<T>>(serializer: &S, value: &T) -> String {
    let error =
        format!("{:#}", serializer.serialize(&mut CTX.writing(), value, &mut BytesMut::new()).unwrap_err());
    error.strip_prefix("cannot encode the value of topic truck_gps: ").unwrap().to_owned()
}

fn of_one_field(schema: &str) -> Avro {
    let record =
        format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {schema}}}]}}"#);
    Avro::parse(&record).unwrap()
}

#[test]
fn an_option_is_a_union_of_two_and_an_enum_one_of_more() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "R")]
    struct Optional {
        a: Option<String>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Reference {
        None,
        Text(String),
        Number(i64),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "R")]
    struct Several {
        a: Reference,
    }

    let avro = of_one_field(r#"["null", "string", "long"]"#);
    for a in [None, Some("x".to_owned())] {
        let error = refusal(&avro, &Optional { a });
        assert!(error.starts_with("field a of record R: "), "{error}");
        assert!(
            error.ends_with(r#"use an enum with a variant for each branch (`#[avro(repr = "bare_union")]`)"#),
            "{error}"
        );
    }
    let error = format!("{:#}", decode::<Optional, _>(&avro, &[0]).unwrap_err());
    assert!(error.contains("an Option is a union of null and one other type"), "{error}");
    // The remedy.
    for a in [Reference::None, Reference::Text("x".into()), Reference::Number(-1)] {
        let several = Several { a };
        assert_eq!(decode::<Several, _>(&avro, &encode(&avro, &several)).unwrap(), several);
    }
    // What goes wrong inside an option is not the option's fault.
    let numbers = of_one_field(r#"["null", "int"]"#);
    let error = refusal(&numbers, &Optional { a: Some("x".into()) });
    assert!(!error.contains("Option"), "{error}");
}

#[test]
fn a_vector_is_bytes_when_it_says_so() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "R")]
    struct Plain {
        a: Vec<u8>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "R")]
    struct Told {
        #[serde(with = "apache_avro::serde::bytes")]
        a: Vec<u8>,
    }

    let avro = of_one_field(r#""bytes""#);
    let error = refusal(&avro, &Plain { a: vec![1] });
    assert!(
        error.contains(
            r#"Vec<u8> in `bytes` or `fixed` needs `#[serde(with = "apache_avro::serde::bytes")]`"#
        ),
        "{error}"
    );
    let error = format!("{:#}", decode::<Plain, _>(&avro, &[2, 1]).unwrap_err());
    assert!(error.contains("Vec<u8> in `bytes`"), "{error}");
    let told = Told { a: vec![0, 0xff] };
    assert_eq!(decode::<Told, _>(&avro, &encode(&avro, &told)).unwrap(), told);
    let array = of_one_field(r#"{"type": "array", "items": "int"}"#);
    let plain = Plain { a: vec![0, 0xff] };
    assert_eq!(decode::<Plain, _>(&array, &encode(&array, &plain)).unwrap(), plain);
}

#[test]
fn serdes_other_shapes_return_or_are_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        b: i64,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        a: i32,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "a")]
    enum Tagged {
        One { b: i64 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sparse {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        a: Option<i32>,
        b: char,
    }

    fn returns_or_is_refused<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(
        fields: &str,
        value: &T,
    ) {
        let name = std::any::type_name::<T>().rsplit("::").next().unwrap();
        let avro =
            Avro::parse(&format!(r#"{{"type": "record", "name": "{name}", "fields": [{fields}]}}"#)).unwrap();
        let mut out = BytesMut::new();
        match avro.serialize(&mut CTX.writing(), value, &mut out) {
            Ok(()) => assert_eq!(&decode::<T, _>(&avro, &out).unwrap(), value),
            Err(error) => assert!(matches!(error, SerdeError::Encode { .. }), "{error}"),
        }
    }

    let a_and_b = r#"{"name": "a", "type": "int"}, {"name": "b", "type": "long"}"#;
    returns_or_is_refused(a_and_b, &Flat { a: 1, inner: Inner { b: 2 } });
    let tag = r#"{"name": "a", "type": "string"}, {"name": "b", "type": "long"}"#;
    returns_or_is_refused(tag, &Tagged::One { b: 2 });
    let sparse =
        r#"{"name": "a", "type": ["null", "int"], "default": null}, {"name": "b", "type": "string"}"#;
    returns_or_is_refused(sparse, &Sparse { a: None, b: 'ü' });
    returns_or_is_refused(sparse, &Sparse { a: Some(1), b: 'ü' });
}

/// What Apache Avro for Java 1.12.1 writes for -12.34 as `decimal(4, 2)`.
#[test]
fn decimals_are_written_as_by_the_reference_implementation() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "R")]
    struct Price {
        a: apache_avro::Decimal,
    }

    let decimal = r#""logicalType": "decimal", "precision": 4, "scale": 2}"#;
    let in_bytes = of_one_field(&format!(r#"{{"type": "bytes", {decimal}"#));
    let price = Price { a: vec![0xfb, 0x2e].into() };
    assert_eq!(hex(&encode(&in_bytes, &price)), "04fb2e");
    let in_fixed = of_one_field(&format!(r#"{{"type": "fixed", "name": "D", "size": 8, {decimal}"#));
    let error = refusal(&in_fixed, &price);
    assert!(error.ends_with("a Decimal is made from so many, with its sign in front"), "{error}");
    let price = Price { a: (-1234_i64).to_be_bytes().into() };
    assert_eq!(hex(&encode(&in_fixed, &price)), "fffffffffffffb2e");
    assert_eq!(decode::<Price, _>(&in_fixed, &encode(&in_fixed, &price)).unwrap(), price);
    // The dynamic form extends by itself.
    let value = Value::Record(vec![("a".into(), Value::Decimal(vec![0xfb, 0x2e].into()))]);
    assert_eq!(hex(&encode(&in_fixed.values(), &value)), "fffffffffffffb2e");
}

#[test]
fn a_cut_datum_is_a_poison_pill_and_not_a_null() {
    let values = Avro::parse(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "a", "type": "string"}, {"name": "b", "type": ["null", "string"]}
        ]}"#,
    );
    let error = decode::<Value, _>(&values.unwrap().values(), &[6, b'a']).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "cannot decode the value of topic truck_gps: field a: 3 bytes needed, 1 left"
    );
}

#[test]
fn text_that_is_not_utf8_is_a_poison_pill() {
    let text = Avro::new(Schema::String).unwrap();
    assert!(decode::<String, _>(&text, &[2, 0xff]).is_err());
    assert!(decode::<Value, _>(&text.values(), &[2, 0xff]).is_err());
}

#[test]
fn errors_name_the_field_and_not_the_whole_schema() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename = "Right")]
    struct Wrong {
        truck: String,
    }

    let avro =
        Avro::parse(r#"{"type": "record", "name": "Right", "fields": [{"name": "truck", "type": "int"}]}"#);
    let avro = avro.unwrap();
    let error =
        avro.serialize(&mut CTX.writing(), &Wrong { truck: "x".into() }, &mut BytesMut::new()).unwrap_err();
    // The beginning of each text is ours, the rest apache-avro's.
    let begins = |error: SerdeError, text: &str| {
        let whole = format!("{error:#}");
        assert!(whole.starts_with(text) && whole.len() < 250, "{whole}");
    };
    begins(error, "cannot encode the value of topic truck_gps: field truck of record Right: ");
    let error = avro.serialize(&mut CTX.writing(), "text", &mut BytesMut::new()).unwrap_err();
    begins(
        error,
        "cannot encode the value of topic truck_gps: a str does not fit the schema, record Right: ",
    );
    let error = decode::<Wrong, _>(&avro, &[2]).unwrap_err();
    begins(
        error,
        "cannot decode the value of topic truck_gps: the type asks for a string where the schema has int: ",
    );
}

#[test]
fn a_schema_that_cannot_be_used_says_why() {
    let dangling = Schema::Ref { name: "Nowhere".try_into().unwrap() };
    let error = Avro::new(Schema::array(dangling).build()).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.starts_with("cannot use the schema: ") && text.contains("Nowhere"), "{text}");
    let error = Avro::parse("{").unwrap_err();
    assert!(
        format!("{error:#}").starts_with(&format!("cannot use the schema: {}", error.cause())),
        "{error:#}"
    );
}

#[test]
fn it_is_printed_in_one_line() {
    let avro = Avro::new(Schema::Int).unwrap();
    assert_eq!(
        format!("{avro:?} {:?}", avro.values()),
        r#"Avro { schema: "\"int\"", .. } AvroValue { schema: "\"int\"", .. }"#
    );
}

/// The schema of `Position` with its fields from last to first.
const REVERSED: &str = r#"{"type": "record", "name": "Position", "namespace": "com.acme", "fields": [
    {"name": "moving", "type": "boolean"},
    {"name": "raw", "type": "bytes"},
    {"name": "readings", "type": {"type": "map", "values": "double"}},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "driver", "type": ["null", "string"]},
    {"name": "speed", "type": "float"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["Parked", "Driving"]}},
    {"name": "previous", "type": ["null", {"type": "record", "name": "Point", "fields": [
        {"name": "latitude", "type": "double"}, {"name": "longitude", "type": "double"}
    ]}]},
    {"name": "point", "type": "Point"},
    {"name": "at_ms", "type": "long"},
    {"name": "truck", "type": "int"}
]}"#;

fn any_position() -> impl Strategy<Value = Position> {
    let point =
        || (any::<i32>(), any::<i32>()).prop_map(|(x, y)| Point { latitude: x.into(), longitude: y.into() });
    let names = (proptest::option::of(any::<String>()), any::<Vec<String>>(), any::<HashMap<String, i32>>());
    let rest = (any::<bool>(), any::<i16>(), any::<Vec<u8>>());
    (any::<i32>(), any::<i64>(), point(), proptest::option::of(point()), names, rest).prop_map(
        |(truck, at_ms, point, previous, (driver, tags, readings), (moving, speed, raw))| Position {
            truck,
            at_ms,
            point,
            previous,
            state: if moving { State::Driving } else { State::Parked },
            speed: speed.into(),
            driver,
            tags,
            readings: readings.into_iter().map(|(name, value)| (name, value.into())).collect(),
            raw,
            moving,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn positions_return(position in any_position()) {
        let avro = Avro::of::<Position>().unwrap();
        let bytes = encode(&avro, &position);
        prop_assert_eq!(decode::<Position, _>(&avro, &bytes).unwrap(), position.clone());

        // The dynamic form says the same, and a writer with the fields the other way round is read alike.
        let Value::Record(mut fields) = decode(&avro.values(), &bytes).unwrap() else { panic!("not a record") };
        fields.reverse();
        let reversed = Avro::parse(REVERSED).unwrap();
        let bytes = encode(&reversed.values(), &Value::Record(fields));
        let avro = avro.writer_schema(reversed.schema()).unwrap();
        prop_assert_eq!(decode::<Position, _>(&avro, &bytes).unwrap(), position);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let avro = Avro::of::<Position>().unwrap();
        let typed = decode::<Position, _>(&avro, &bytes);
        prop_assert_eq!(typed.is_ok(), decode::<Value, _>(&avro.values(), &bytes).is_ok());
        let _ = decode::<Chain, _>(&Avro::of::<Chain>().unwrap(), &bytes);
    }
}
