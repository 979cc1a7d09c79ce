//! Documents, round trips, and the text of errors.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::SerdeContext;

const CTX: SerdeContext<'static> = SerdeContext::value("t");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Event {
    id: i64,
    place: Option<String>,
    tags: Vec<String>,
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Bytes {
    let mut out = BytesMut::from("before");
    Json.serialize(&mut CTX.writing(), value, &mut out).unwrap();
    assert_eq!(&out[..6], b"before", "a serializer only appends");
    out.freeze().slice(6..)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SerdeError> {
    Json.deserialize(&CTX.reading(), &Bytes::copy_from_slice(bytes))
}

#[test]
fn a_document_is_compact() {
    let event = Event { id: 7, place: None, tags: vec!["ü".into()] };
    assert_eq!(encode(&event), r#"{"id":7,"place":null,"tags":["ü"]}"#);
    assert_eq!(encode("text"), r#""text""#);
    assert_eq!(encode(&[1, 2][..]), "[1,2]");
}

#[test]
fn unknown_fields_are_skipped() {
    let event: Event = decode(br#" {"id":7,"extra":{"a":[1]},"place":"x","tags":[]} "#).unwrap();
    assert_eq!(event, Event { id: 7, place: Some("x".into()), tags: vec![] });
}

#[test]
fn errors_say_where() {
    use serde_json::error::Category::{Data, Eof, Syntax};

    for (bytes, category, column) in [
        (&b""[..], Eof, 0),
        (b"{\"id\":", Eof, 6),
        (b"{}", Data, 2),
        (br#"{"id":"x"}"#, Data, 9),
        (br#"{"id":7,"place":null,"tags":[]}{"#, Syntax, 32),
    ] {
        let error = decode::<Event>(bytes).unwrap_err();
        // The words are serde_json's; what it says of the place is in them.
        let cause = error.cause().downcast_ref::<serde_json::Error>().unwrap();
        assert_eq!((cause.classify(), cause.line(), cause.column()), (category, 1, column), "{cause}");
        assert_eq!(format!("{error:#}"), format!("cannot decode the value of topic t: {cause}"));
        assert!(cause.to_string().ends_with(&format!("at line 1 column {column}")), "{cause}");
    }
}

#[test]
fn a_value_without_a_form_is_an_encode_error() {
    let keyed_by_pairs = BTreeMap::from([((1, 2), 3)]);
    let error = Json.serialize(&mut CTX.writing(), &keyed_by_pairs, &mut BytesMut::new()).unwrap_err();
    assert_eq!(format!("{error:#}"), format!("cannot encode the value of topic t: {}", error.cause()));
    assert!(matches!(error, SerdeError::Encode { .. }));
}

#[test]
fn deep_nesting_is_refused_and_not_a_stack_overflow() {
    let error = decode::<serde_json::Value>(&[b'['; 100_000]).unwrap_err();
    assert!(format!("{error:#}").contains("recursion limit exceeded"), "{error:#}");
}

/// What is read back is what was written; text, so that `-0.0` is not `0.0`.
#[track_caller]
fn returns<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    let bytes = encode(value);
    let read = decode::<T>(&bytes).unwrap_or_else(|error| panic!("{value:?} as {bytes:?}: {error}"));
    assert_eq!(format!("{read:?}"), format!("{value:?}"), "{bytes:?}");
}

fn refusal<T: Serialize + ?Sized>(value: &T) -> String {
    let error = Json.serialize(&mut CTX.writing(), value, &mut BytesMut::new()).unwrap_err();
    let text = format!("{error:#}");
    text.strip_prefix("cannot encode the value of topic t: ").unwrap().to_owned()
}

#[test]
fn numbers_at_the_edges_return() {
    for double in [
        1e308,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        -0.0,
        0.1,
        5e-324,
        2.225e-308,
        1e22,
        1e23,
    ] {
        returns(&double);
        returns(&BTreeMap::from([(double.to_bits(), double)]));
    }
    // This one comes back as its neighbour where digits are not read to the end.
    returns(&vec![0.123_456_789_012_345_68, 123_456_789.123_456_79, 9_007_199_254_740_993.0]);
    for float in [f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1), -0.0, 0.1, 16_777_217.0, 7.038_531e-26] {
        returns(&float);
        returns(&-float);
    }
    returns(&(i64::MIN, i64::MAX, u64::MAX));
    returns(&(i128::MIN, i128::MAX, u128::MAX));
    returns(&BTreeMap::from([(u128::MAX, i128::MIN), (0, i128::MAX)]));
    returns(&vec![(f64::MAX, f32::MAX), (-0.0, -0.0)]);
}

#[test]
fn keys_of_maps_return() {
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Colour {
        Red,
    }
    #[derive(Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
    struct Metres(f64);
    impl Eq for Metres {}
    #[expect(clippy::derive_ord_xor_partial_ord, reason = "a test has no NaN among its keys")]
    impl Ord for Metres {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.total_cmp(&other.0)
        }
    }

    returns(&BTreeMap::from([(true, 1), (false, 2)]));
    returns(&BTreeMap::from([(i64::MIN, 1), (-1, 2), (i64::MAX, 3)]));
    returns(&BTreeMap::from([('"', 1), ('ü', 2)]));
    returns(&BTreeMap::from([(Colour::Red, 1)]));
    returns(&BTreeMap::from([(Some(7_u8), 1)]));
    returns(&BTreeMap::from([
        (Metres(-0.0), 1),
        (Metres(5e-324), 2),
        (Metres(0.1), 3),
        (Metres(f64::MAX), 4),
    ]));
    refusal(&BTreeMap::from([(Metres(f64::NAN), 1)]));
    refusal(&BTreeMap::from([(None::<u8>, 1)]));
    refusal(&BTreeMap::from([((), 1)]));
    refusal(&BTreeMap::from([(vec![1], 1)]));
}

/// The shapes that serde has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(f64, f32),
    Box { corner: (f64, f64), note: Option<String> },
    Group(Vec<Self>),
    Named(BTreeMap<String, Self>),
    Nothing(()),
    Bytes(Bytes8),
}

/// Bytes as `serialize_bytes` writes them.
#[derive(Debug, Clone, PartialEq)]
struct Bytes8([u8; 8]);

impl Serialize for Bytes8 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes8 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 8]>::deserialize(deserializer).map(Self)
    }
}

#[test]
fn numbers_that_json_does_not_have_are_refused_with_their_place() {
    assert_eq!(refusal(&f64::NAN), "JSON has no number NaN");
    assert_eq!(refusal(&f32::NEG_INFINITY), "JSON has no number -inf");
    assert_eq!(refusal(&Some(f64::INFINITY)), "JSON has no number inf");
    let corner = (0.0, f64::NAN);
    let shape = Shape::Box { corner, note: None };
    assert_eq!(refusal(&shape), "field Box.corner[1]: JSON has no number NaN");
    let named = Shape::Named(BTreeMap::from([("a".into(), Shape::Line(0.0, f32::NAN))]));
    assert_eq!(refusal(&[Shape::Point, named]), "field [1].Named.a.Line[1]: JSON has no number NaN");
    assert_eq!(refusal(&HashMap::from([(7, f64::NAN)])), "field 7: JSON has no number NaN");
    let refused = Json.serialize(&mut CTX.writing(), &f64::NAN, &mut BytesMut::new()).unwrap_err();
    assert!(refused.cause().is::<serde_json::Error>());
}

#[test]
fn some_of_nothing_is_refused_and_not_read_as_none() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Empty;
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapped(Option<u8>);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Patch {
        email: Option<Option<String>>,
    }

    let why = "Some of a value that is null would be read back as None";
    assert_eq!(refusal(&Some(None::<u8>)), why);
    assert_eq!(refusal(&Some(())), why);
    assert_eq!(refusal(&Some(Empty)), why);
    assert_eq!(refusal(&Some(Wrapped(None))), why);
    assert_eq!(refusal(&Some(serde_json::Value::Null)), why);
    assert_eq!(refusal(&Some(Some(None::<u8>))), why);
    assert_eq!(refusal(&Patch { email: Some(None) }), format!("field email: {why}"));

    returns(&Patch { email: None });
    returns(&Patch { email: Some(Some("a".into())) });
    returns(&None::<Option<u8>>);
    returns(&Some(Wrapped(Some(1))));
    returns(&Some([None::<u8>]));
    returns(&Some(vec![(), ()]));
    returns(&(
        (),
        Empty,
        Wrapped(None),
        json!({"a": null, "b": [null, 1.5, -0.0, 18_446_744_073_709_551_615_u64]}),
    ));
}

#[test]
fn as_many_levels_are_written_as_are_read() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Chain {
        next: Option<Box<Self>>,
    }
    let chain =
        |levels| (1..levels).fold(Chain { next: None }, |next, _| Chain { next: Some(Box::new(next)) });
    let arrays = |levels| (1..levels).fold(json!([]), |inner, _| json!([inner]));
    // A variant is an object around its contents.
    let groups = |pairs| (0..pairs).fold(Shape::Point, |inner, _| Shape::Group(vec![inner]));
    let why = "more than 127 levels of arrays and objects, which no reader takes";

    returns(&chain(127));
    assert!(refusal(&chain(128)).ends_with(&format!("next: {why}")));
    returns(&arrays(127));
    assert!(refusal(&arrays(128)).ends_with(why));
    returns(&groups(63));
    returns(&[groups(63)]);
    assert!(refusal(&groups(64)).ends_with(why));
    assert!(refusal(&[[groups(63)]]).ends_with(why));
    assert!(refusal(&chain(5_000)).ends_with(why), "it stops before the stack does");
}

#[test]
fn a_name_twice_in_one_object_is_refused() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Open {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Inner {
        kind: u8,
    }
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Inner(Inner),
        Other { id: u8 },
    }

    returns(&Open { id: 1, rest: BTreeMap::from([("a".into(), 2)]) });
    returns(&Tagged::Other { id: 1 });
    let twice = Open { id: 1, rest: BTreeMap::from([("id".into(), 2)]) };
    assert_eq!(refusal(&twice), "the name id twice in one object");
    assert_eq!(refusal(&Tagged::Inner(Inner { kind: 1 })), "the name kind twice in one object");
}

/// Fields beside a `flatten` are read without knowing that they are `f32`: through an `f64`.
#[test]
fn floats_beside_flattened_fields_return() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Beside {
        speed: f32,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Open {
        #[serde(flatten)]
        beside: Beside,
    }
    for bits in [0x15ae_43fd, 0x95ae_43fd, 1, 0x7f7f_ffff, 0x3dcc_cccd] {
        returns(&Open { beside: Beside { speed: f32::from_bits(bits) } });
    }
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let finite = || any::<u64>().prop_map(f64::from_bits).prop_filter("JSON has it", |f| f.is_finite());
    let single = any::<u32>().prop_map(f32::from_bits).prop_filter("JSON has it", |f| f.is_finite());
    let leaf = prop_oneof![
        Just(Shape::Point),
        Just(Shape::Nothing(())),
        finite().prop_map(Shape::Circle),
        (finite(), single).prop_map(|(x, y)| Shape::Line(x, y)),
        ((finite(), finite()), any::<Option<String>>())
            .prop_map(|(corner, note)| Shape::Box { corner, note }),
        any::<[u8; 8]>().prop_map(|bytes| Shape::Bytes(Bytes8(bytes))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Shape::Group),
            proptest::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Shape::Named),
        ]
    })
}

proptest! {
    #[test]
    fn doubles_return_bit_for_bit(bits: u64) {
        let double = f64::from_bits(bits);
        prop_assume!(double.is_finite());
        prop_assert_eq!(decode::<f64>(&encode(&double)).unwrap().to_bits(), bits);
        // A key, and a number whose type is not known when it is read.
        let keyed = BTreeMap::from([(double.to_string(), double)]);
        prop_assert_eq!(decode::<BTreeMap<String, f64>>(&encode(&keyed)).unwrap(), keyed);
        let json = decode::<serde_json::Value>(&encode(&double)).unwrap();
        prop_assert_eq!(json.as_f64().unwrap().to_bits(), bits);
    }

    #[test]
    fn floats_return_bit_for_bit(bits: u32) {
        let float = f32::from_bits(bits);
        prop_assume!(float.is_finite());
        prop_assert_eq!(decode::<f32>(&encode(&float)).unwrap().to_bits(), bits);
        // Through an `f64`, as serde reads what it does not know yet.
        #[expect(clippy::cast_possible_truncation, reason = "what serde does")]
        let through = decode::<f64>(&encode(&float)).unwrap() as f32;
        prop_assert_eq!(through.to_bits(), bits);
    }

    #[test]
    fn integers_return(signed: i128, unsigned: u128) {
        prop_assert_eq!(decode::<(i128, u128)>(&encode(&(signed, unsigned))).unwrap(), (signed, unsigned));
        let keyed = BTreeMap::from([(signed, unsigned)]);
        prop_assert_eq!(decode::<BTreeMap<i128, u128>>(&encode(&keyed)).unwrap(), keyed);
    }

    #[test]
    fn shapes_return(shape in any_shape()) {
        prop_assert_eq!(decode::<Shape>(&encode(&shape)).unwrap(), shape);
    }

    #[test]
    fn events_return(id: i64, place: Option<String>, tags: Vec<String>) {
        let event = Event { id, place, tags };
        prop_assert_eq!(decode::<Event>(&encode(&event)).unwrap(), event);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = decode::<Event>(&bytes);
    }
}
