//! Documents, round trips, and the text of errors.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

const CTX: SerdeContext<'static> = SerdeContext::value("t");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Event {
    id: i64,
    place: Option<String>,
    tags: Vec<String>,
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Bytes {
    let mut out = BytesMut::from("before");
    Json.serialize(CTX, value, &mut out).unwrap();
    assert_eq!(&out[..6], b"before", "a serializer only appends");
    out.freeze().slice(6..)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SerdeError> {
    Json.deserialize(CTX, &Bytes::copy_from_slice(bytes))
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
    for (bytes, cause) in [
        (&b""[..], "EOF while parsing a value at line 1 column 0"),
        (b"{\"id\":", "EOF while parsing a value at line 1 column 6"),
        (b"{}", "missing field `id` at line 1 column 2"),
        (br#"{"id":"x"}"#, "invalid type: string \"x\", expected i64 at line 1 column 9"),
        (br#"{"id":7,"place":null,"tags":[]}{"#, "trailing characters at line 1 column 32"),
    ] {
        let error = decode::<Event>(bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot decode the value of topic t: {cause}"));
        assert!(error.cause().is::<serde_json::Error>());
    }
}

#[test]
fn a_value_without_a_form_is_an_encode_error() {
    let keyed_by_pairs = BTreeMap::from([((1, 2), 3)]);
    let error = Json.serialize(CTX, &keyed_by_pairs, &mut BytesMut::new()).unwrap_err();
    assert_eq!(error.to_string(), "cannot encode the value of topic t: key must be a string");
    assert!(matches!(error, SerdeError::Encode { .. }));
}

#[test]
fn deep_nesting_is_refused_and_not_a_stack_overflow() {
    let error = decode::<serde_json::Value>(&[b'['; 100_000]).unwrap_err();
    assert!(error.to_string().contains("recursion limit exceeded"), "{error}");
}

proptest! {
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
