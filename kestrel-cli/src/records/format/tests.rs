//! Records in each format.

use kestrel_client::TimestampType;

use super::*;
use crate::records::view::{Field, HeaderPair, Meaning};

const HEADERS: [HeaderPair<'_>; 3] = [("source", Some(b"usgs")), ("n", None), ("source", Some(b"\xff"))];

fn view<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> View<'a> {
    View {
        topic: "quakes",
        partition: 3,
        offset: 1700,
        timestamp_millis: 1_796_026_500_000,
        timestamp_type: TimestampType::Create,
        headers: &HEADERS,
        key: Field::bytes(key),
        value: Field::bytes(value),
    }
}

fn written(mut format: RecordFormat, view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    format.write(view, &mut out);
    out
}

fn text(format: RecordFormat, view: &View<'_>) -> String {
    String::from_utf8(written(format, view)).unwrap()
}

fn pattern(pattern: &str) -> RecordFormat {
    RecordFormat::Pattern(pattern.parse().unwrap(), b"NULL".to_vec())
}

#[test]
fn json_has_all_of_a_record() {
    let line = text(RecordFormat::JsonLines(json_lines::Bytes::Kept), &view(Some(b"us7\n"), None));
    assert_eq!(
        line,
        concat!(
            r#"{"topic":"quakes","partition":3,"offset":1700,"timestamp":1796026500000,"timestamp_type":"create","#,
            r#""headers":[{"key":"source","value":"usgs"},{"key":"n","value":null},{"key":"source","value_base64":"/w=="}],"#,
            r#""key":"us7\n","value":null}"#,
            "\n"
        )
    );
}

#[test]
fn patterns_are_kcats() {
    let record = view(Some(b"k\0"), Some(b"value"));
    assert_eq!(
        text(pattern(r"%t [%p] at %o: %T %K %k\n"), &record),
        "quakes [3] at 1700: 1796026500000 2 k\0\n"
    );
    assert_eq!(text(pattern(r"%S %s %v 100%%\t\x41"), &record), "5 value value 100%\tA");
    assert_eq!(written(pattern("%R%h"), &record), b"\0\0\0\x05source=usgs,n=NULL,source=\xff");
    let null = view(None, None);
    assert_eq!(text(pattern("%K %S %k %s"), &null), "-1 -1 NULL NULL");
    assert_eq!(written(pattern("%R"), &null), (-1_i32).to_be_bytes());
    let meaning = serde_json::json!({"magnitude": 4.7});
    let decoded = View { value: Field { meaning: Meaning::Json(&meaning), ..record.value }, ..record };
    assert_eq!(text(pattern("%v %s"), &decoded), r#"{"magnitude":4.7} value"#);
    for (wrong, reason) in [
        ("%x", "there is no `%x`"),
        ("%", "the pattern ends with `%`"),
        ("\\", "the pattern ends with a backslash"),
        (r"\q", r"there is no `\q`"),
        (r"\x1", r"`\x1` is no byte"),
    ] {
        let error = wrong.parse::<Pattern>().unwrap_err();
        assert!(error.starts_with(reason), "{error}");
    }
}

#[test]
fn a_table_steers_no_terminal() {
    let mut format = RecordFormat::Listing(Listing::default());
    let mut out = Vec::new();
    format.write(&view(Some("\u{1b}[2J\u{202e}\u{e9}".as_bytes()), Some(b"a\nb\xff")), &mut out);
    format.write(&view(None, None), &mut out);
    let lines = String::from_utf8(out).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert!(lines[0].starts_with("TOPIC-PARTITION"), "{lines:?}");
    assert_eq!(
        lines[1],
        r"quakes-3                   1700  2026-11-30T08:15:00.000Z  \u{1b}[2J\u{202e}é  a\u{a}b\xff  {source=usgs, n=null, source=\xff}"
    );
    assert_eq!(lines.len(), 3);
    let columns: Vec<_> = lines.iter().skip(1).map(|line| line.find("2026")).collect();
    assert_eq!(columns[0], columns[1]);
}

#[test]
fn hex_shows_bytes_and_characters() {
    let shown =
        text(RecordFormat::Hex, &View { headers: &[], ..view(None, Some(b"0123456789abcdef\xff\n")) });
    assert_eq!(
        shown,
        "quakes-3 offset 1700 timestamp 1796026500000\n  key: null\n  value: 18 bytes\n    \
         000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n    \
         000010  ff 0a                                             |..|\n"
    );
}

#[test]
fn raw_is_the_value_alone() {
    let raw = || RecordFormat::Raw(b"\n".to_vec());
    assert_eq!(written(raw(), &view(Some(b"k"), Some(b"\xff"))), b"\xff\n");
    assert_eq!(written(raw(), &view(Some(b"k"), None)), b"\n");
}
