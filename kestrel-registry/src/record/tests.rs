//! Records in Confluent's text, both ways.

use super::*;

fn text(entry: &Entry) -> (String, String) {
    let RecordText { key, value } = entry.encode();
    (key, value.unwrap_or_else(|| "null".to_owned()))
}

fn read(key: &str, value: Option<&str>) -> Result<Entry, RecordError> {
    Entry::decode(Some(key.as_bytes()), value.map(str::as_bytes))
}

fn fields(text: &str) -> OtherFields {
    serde_json::from_str(text).unwrap()
}

fn schema(subject: &str, schema: Schema) -> Entry {
    let value = SchemaValue {
        id: 1,
        schema,
        metadata: None,
        rule_set: None,
        is_deleted: false,
        other: OtherFields::new(),
    };
    Entry::Schema { subject: Subject::parse(subject), version: 2, value: Some(Box::new(value)) }
}

fn all() -> Vec<(Entry, &'static str, &'static str)> {
    let reference = kestrel_schema::Reference { name: "a.B".into(), subject: "b".into(), version: 3 };
    let whole = SchemaValue {
        id: 7,
        schema: Schema::json("{}").with_references([reference]),
        metadata: Some(Metadata::default().property("owner", "fleet")),
        rule_set: Some(RuleSet::default()),
        is_deleted: true,
        other: fields(r#"{"since":8}"#),
    };
    let subject = |text| Subject::parse(text);
    let context = ContextValue { highest_id: Some(7), other: fields(r#"{"since":8}"#) };
    vec![
        (
            schema("clicks-value", Schema::avro("\"string\"")),
            r#"{"keytype":"SCHEMA","subject":"clicks-value","version":2,"magic":1}"#,
            r#"{"subject":"clicks-value","version":2,"id":1,"schema":"\"string\"","deleted":false}"#,
        ),
        (
            Entry::Schema { subject: subject(":.lab:b"), version: 1, value: Some(Box::new(whole)) },
            r#"{"keytype":"SCHEMA","subject":":.lab:b","version":1,"magic":1}"#,
            r#"{"subject":":.lab:b","version":1,"id":7,"schemaType":"JSON","references":[{"name":"a.B","subject":"b","version":3}],"metadata":{"properties":{"owner":"fleet"}},"ruleSet":{},"schema":"{}","deleted":true,"since":8}"#,
        ),
        (
            Entry::Schema { subject: subject("b"), version: 1, value: None },
            r#"{"keytype":"SCHEMA","subject":"b","version":1,"magic":1}"#,
            "null",
        ),
        (
            Entry::Config { subject: Subject::top(), value: Some(Box::new(Config::initial())) },
            r#"{"keytype":"CONFIG","magic":0}"#,
            r#"{"compatibilityLevel":"BACKWARD"}"#,
        ),
        (
            Entry::Config { subject: subject(":.lab:"), value: None },
            r#"{"keytype":"CONFIG","subject":":.lab:","magic":0}"#,
            "null",
        ),
        (
            Entry::Mode { subject: subject("b"), value: Some(Mode::ReadOnlyOverride) },
            r#"{"keytype":"MODE","subject":"b","magic":0}"#,
            r#"{"subject":"b","mode":"READONLY_OVERRIDE"}"#,
        ),
        (
            Entry::DeleteSubject { subject: subject("b"), up_to: Some(3) },
            r#"{"keytype":"DELETE_SUBJECT","subject":"b","magic":0}"#,
            r#"{"subject":"b","version":3}"#,
        ),
        (
            Entry::ClearSubject { subject: subject("b") },
            r#"{"keytype":"CLEAR_SUBJECT","subject":"b","magic":0}"#,
            r#"{"subject":"b"}"#,
        ),
        (
            Entry::Context { context: ".lab".into(), value: Some(ContextValue::default()) },
            r#"{"keytype":"CONTEXT","tenant":"default","context":".lab","magic":0}"#,
            r#"{"tenant":"default","context":".lab"}"#,
        ),
        (
            Entry::Context { context: ".".into(), value: Some(context) },
            r#"{"keytype":"CONTEXT","tenant":"default","context":".","magic":0}"#,
            r#"{"tenant":"default","context":".","highestId":7,"since":8}"#,
        ),
        (Entry::Noop, r#"{"keytype":"NOOP","magic":0}"#, "null"),
    ]
}

#[test]
fn records_are_written_byte_for_byte() {
    for (entry, key, value) in all() {
        assert_eq!(text(&entry), (key.to_owned(), value.to_owned()));
    }
}

#[test]
fn records_are_read_as_they_were_written() {
    for (entry, key, value) in all() {
        let value = (value != "null").then_some(value);
        assert_eq!(read(key, value).unwrap(), entry, "{key}");
    }
}

#[test]
fn keys_are_read_in_any_order_and_with_nulls() {
    let entry = schema("s", Schema::avro("\"int\""));
    let value = r#"{"deleted":false,"schema":"\"int\"","id":1,"version":2,"subject":"s","references":null}"#;
    let own = r#"{"keytype":"SCHEMA","subject":"s","version":2,"magic":1}"#;
    assert_eq!(read(own, Some(value)).unwrap(), entry);
    for key in [
        r#"{"magic":1,"version":2,"subject":"s","keytype":"SCHEMA"}"#,
        r#"{"keytype":"SCHEMA","subject":"s","version":2,"magic":0}"#,
        r#"{"keytype":"SCHEMA","subject":"s","version":2,"magic":1,"tenant":"t"}"#,
    ] {
        let expected = Entry::Respelled { key: key.to_owned(), entry: Box::new(entry.clone()) };
        let found = read(key, Some(value)).unwrap();
        assert_eq!(found, expected, "{key}");
        assert_eq!(found.encode().key, key);
    }
    let global = read(r#"{"keytype":"CONFIG","subject":null,"magic":0}"#, None).unwrap();
    let none = Box::new(Entry::Config { subject: Subject::top(), value: None });
    let key = r#"{"keytype":"CONFIG","subject":null,"magic":0}"#.to_owned();
    assert_eq!(global, Entry::Respelled { key, entry: none });
    let bare = r#"{"subject":"s","version":1,"id":1,"schema":"\"int\""}"#;
    assert!(read(r#"{"keytype":"SCHEMA","subject":"s","version":1,"magic":0}"#, Some(bare)).is_ok());
}

#[test]
fn what_cannot_be_understood_is_kept_as_far_as_it_can() {
    let version = |magic: u8| format!(r#"{{"keytype":"SCHEMA","subject":"s","version":1,"magic":{magic}}}"#);
    let place = Place::Version(Subject::parse("s"), 1);
    let config = r#"{"keytype":"CONFIG","magic":0}"#.to_owned();
    let mode = r#"{"keytype":"MODE","subject":"s","magic":0}"#.to_owned();
    let thrift = r#"{"id":7,"schemaType":"THRIFT","schema":"","deleted":true}"#;
    for (key, value, expected, id) in [
        (version(1), thrift, &place, Some(7)),
        (version(1), r#"{"schema":"\"int\""}"#, &place, None),
        (version(1), "[", &place, None),
        (version(2), r#"{"id":7,"schema":"\"int\""}"#, &place, Some(7)),
        (config, r#"{"compatibilityLevel":"SIDEWAYS"}"#, &Place::Config(Subject::top()), None),
        (mode, r#"{"mode":"UPSIDE_DOWN"}"#, &Place::Mode(Subject::parse("s")), None),
    ] {
        let found = match read(&key, Some(value)).unwrap() {
            Entry::Respelled { entry, .. } => *entry,
            entry => entry,
        };
        let Entry::Unread { place, unread } = found else { panic!("{key} {value}: {found:?}") };
        assert_eq!((&place, unread.id, unread.is_deleted), (expected, id, value == thrift), "{key} {value}");
    }
}

#[test]
fn what_is_no_record_is_an_error() {
    for (key, value) in [
        ("", None),
        ("{}", None),
        (r#"{"keytype":"ASSOC","magic":0}"#, None),
        (r#"{"keytype":"SCHEMA","subject":"s","magic":1}"#, None),
        (r#"{"keytype":"SCHEMA","version":1,"magic":1}"#, None),
        (r#"{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}"#, Some("{}")),
    ] {
        assert!(read(key, value).is_err(), "{key}");
    }
    assert!(Entry::decode(None, None).is_err());
}
