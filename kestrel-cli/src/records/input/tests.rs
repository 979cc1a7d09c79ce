//! What `consume` writes comes back, whatever is in it; what is no record says why.

use bytes::Bytes;
use kestrel_client::TimestampType;
use proptest::prelude::*;

use super::*;
use crate::records::format::RecordFormat;
use crate::records::format::json_lines;
use crate::records::view::{Field, Meaning, View};

fn text_lines(separator: &str, null_text: Option<&str>) -> Input {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Input::TextLines(TextLines::new(Some(bytes(separator)), null_text.map(bytes)))
}

fn bytes(text: &'static str) -> Content {
    Content::Bytes(Some(text.into()))
}

fn parts(input: &Input, line: &str) -> (Content, Content) {
    let draft = input.read(line.as_bytes()).unwrap().unwrap();
    (draft.key, draft.value)
}

/// Bytes that formats have trouble with: nulls, empty ones, texts with everything that JSON escapes, and no texts at all.
fn hostile() -> impl Strategy<Value = Option<Bytes>> {
    let text = "[\\x00-\\x1f\"\\\\a\u{7f}\u{e9}\u{2028}\u{feff}\u{1f30b}]{0,12}".prop_map(Bytes::from);
    prop_oneof![
        Just(None),
        Just(Some(Bytes::new())),
        text.prop_map(Some),
        proptest::collection::vec(any::<u8>(), 0..24).prop_map(|bytes| Some(Bytes::from(bytes))),
    ]
}

proptest! {
    #[test]
    fn what_consume_writes_produce_reads(
        (topic, partition, offset, timestamp) in ("[a-z.]{1,9}", 0..i32::MAX, 0..i64::MAX, -1..i64::MAX),
        headers in proptest::collection::vec(("[ -~\u{e9}\\x00]{0,3}", hostile()), 0..4),
        (key, value, is_log_append) in (hostile(), hostile(), any::<bool>()),
    ) {
        let pairs: Vec<_> = headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        let timestamp_type = if is_log_append { TimestampType::LogAppend } else { TimestampType::Create };
        let view = View {
            topic: &topic, partition, offset, timestamp_millis: timestamp, timestamp_type, headers: &pairs,
            key: Field::bytes(key.as_deref()), value: Field::bytes(value.as_deref()),
        };
        let mut line = Vec::new();
        RecordFormat::JsonLines(json_lines::Bytes::Kept).write(&view, &mut line);
        prop_assert_eq!(line.pop(), Some(b'\n'));
        prop_assert!(!line.contains(&b'\n'));
        prop_assert!(looks_like_a_record(&line));
        let draft = Input::JsonLines.read(&line).unwrap().unwrap();
        let expected = Draft {
            topic: Some(topic.clone()), partition: Some(partition), timestamp_millis: Some(timestamp),
            headers: headers.iter().cloned().collect(),
            key: Content::Bytes(key.clone()), value: Content::Bytes(value.clone()),
        };
        prop_assert_eq!(draft, expected);
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(line in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Input::JsonLines.read(&line);
        let _ = text_lines(":", Some("NULL")).read(&line);
    }
}

#[test]
fn what_was_decoded_comes_back_with_the_bytes_or_alone() {
    let meaning = serde_json::json!({"magnitude": 4.7});
    let field = Field { bytes: Some(b"\0\0\0\0\x07\xff"), meaning: Meaning::Json(&meaning) };
    let view = View {
        topic: "t",
        partition: 0,
        offset: 0,
        timestamp_millis: 0,
        timestamp_type: TimestampType::Create,
        headers: &[],
        key: Field { bytes: Some(b"k"), meaning: Meaning::Unreadable("no schema") },
        value: field,
    };
    for (kept, expected) in [
        (json_lines::Bytes::Kept, Content::Both(Bytes::from_static(b"\0\0\0\0\x07\xff"), meaning.clone())),
        (json_lines::Bytes::LeftOut, Content::Decoded(meaning.clone())),
    ] {
        let mut line = Vec::new();
        RecordFormat::JsonLines(kept).write(&view, &mut line);
        let draft = Input::JsonLines.read(&line).unwrap().unwrap();
        assert_eq!((draft.key, draft.value), (bytes("k"), expected));
    }
}

#[test]
fn lines_by_hand_need_little() {
    let draft = Input::JsonLines.read(br#"{"value": {"magnitude": 4.7}}"#).unwrap().unwrap();
    assert_eq!((draft.topic, draft.partition, draft.timestamp_millis), (None, None, None));
    assert_eq!(draft.key, Content::Bytes(None));
    assert_eq!(draft.value.into_bytes().unwrap().as_deref(), Some(&br#"{"magnitude":4.7}"#[..]));
    assert_eq!(Input::JsonLines.read(b"  "), Ok(None));
}

#[test]
fn what_is_no_record_says_why() {
    for (line, reason) in [
        ("{", "it is no JSON: EOF"),
        ("7", "it is no record: invalid type"),
        (r#"{"valeu": "7"}"#, "it is no record: unknown field `valeu`"),
        (r#"{"key": "a", "key_base64": "YQ=="}"#, "key is said twice"),
        (r#"{"value_base64": "?"}"#, "value is no base64"),
        (
            r#"{"headers": [{"key": "a", "value": "", "value_base64": ""}]}"#,
            "the value of a header is said twice",
        ),
        (r#"{"key": "a", "key": "b"}"#, "it is no record: duplicate field `key`"),
    ] {
        let error = Input::JsonLines.read(line.as_bytes()).unwrap_err();
        assert!(error.starts_with(reason), "{line}: {error}");
    }
}

#[test]
fn lines_of_text_are_keys_and_values() {
    let (plain, keyed) = (Input::TextLines(TextLines::default()), text_lines("::", Some("NULL")));
    assert_eq!(parts(&plain, "a::b"), (Content::Bytes(None), bytes("a::b")));
    assert_eq!(parts(&plain, ""), (Content::Bytes(None), bytes("")));
    assert_eq!(parts(&keyed, "a::b::c"), (bytes("a"), bytes("b::c")));
    assert_eq!(parts(&keyed, "::"), (bytes(""), bytes("")));
    assert_eq!(parts(&keyed, "a::NULL"), (bytes("a"), Content::Bytes(None)));
    assert_eq!(keyed.read(b"a:b"), Err(r#"there is no separator "::" after a key"#.to_owned()));
}
