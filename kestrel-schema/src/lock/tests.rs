//! Which schema stands where, and how it is laid out.

use super::{LockError, RecordedVersion, Standing, laid_out, stand};
use crate::{Level, Schema};

fn order(fields: &str) -> Schema {
    Schema::avro(format!(r#"{{"type": "record", "name": "Order", "fields": [{fields}]}}"#))
}

const ID: &str = r#"{"name": "id", "type": "string"}"#;
const TOTAL: &str = r#"{"name": "total", "type": "long"}"#;
const TOTAL_OR_NONE: &str = r#"{"name": "total", "type": "long", "default": 0}"#;

fn standing(level: Level, new: &Schema, recorded: &[Schema]) -> Result<Standing, LockError> {
    let recorded: Vec<_> =
        (1..).zip(recorded).map(|(number, schema)| RecordedVersion::new(number, schema.clone())).collect();
    stand(level, new, &[], &recorded)
}

#[test]
fn the_first_schema_is_version_1() {
    assert_eq!(standing(Level::Full, &order(ID), &[]), Ok(Standing::New(1)));
}

#[test]
fn the_last_version_stands_and_layout_makes_no_difference() {
    let recorded = [order(ID), order(&format!("{ID}, {TOTAL_OR_NONE}"))];
    let same = Schema::avro(laid_out(&recorded[1].text));
    assert_ne!(same.text, recorded[1].text);
    assert_eq!(standing(Level::FullTransitive, &same, &recorded), Ok(Standing::Recorded(2)));
}

#[test]
fn an_earlier_version_has_to_read_what_was_written_since() {
    let recorded = [order(ID), order(TOTAL_OR_NONE)];
    assert_eq!(standing(Level::Forward, &order(ID), &recorded), Ok(Standing::Recorded(1)));
    assert!(matches!(standing(Level::Backward, &order(ID), &recorded), Err(LockError::Broken(_))));
}

#[test]
fn what_breaks_is_told_with_its_field() {
    let new = order(&format!("{ID}, {TOTAL}"));
    let broken = standing(Level::Backward, &new, &[order(ID)]).unwrap_err().to_string();
    assert!(broken.starts_with("BACKWARD is broken with version 1:"), "{broken}");
    assert!(broken.contains("field total of Order"), "{broken}");
}

#[test]
fn a_schema_that_registries_refuse_stands_nowhere() {
    for text in [r#"{"type": "record"}"#, r#"{"type": "fixed", "name": "größe", "size": 1}"#] {
        assert!(
            matches!(standing(Level::None, &Schema::avro(text), &[]), Err(LockError::Schema(_))),
            "{text}"
        );
    }
    let unreadable = standing(Level::None, &order(ID), &[Schema::avro("int")]);
    assert!(matches!(unreadable, Err(LockError::Recorded { version: 1, .. })));
}

#[test]
fn layout_keeps_every_token() {
    for text in [
        "\"string\"",
        "[]",
        r#"{"a":"b,{[\"\\","c":[1.0E10,{"d":{}}],"e":12345678901234567890123}"#,
        "[\n\"null\",\t\"int\"]",
    ] {
        let long = format!("[{}]", vec![text; 30].join(","));
        let squeezed = |text: &str| text.replace([' ', '\n', '\t'], "");
        for text in [text, &long] {
            assert_eq!(squeezed(&laid_out(text)), squeezed(text));
        }
        assert!(laid_out(&long).lines().count() > 1);
    }
    assert_eq!(laid_out("syntax = \"proto3\";\n\n"), "syntax = \"proto3\";\n");
}

#[test]
fn what_is_very_deep_is_left_as_it_is() {
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(laid_out(&deep(127)).lines().count() > 1);
    assert_eq!(laid_out(&deep(100_000)).lines().count(), 1);
}
