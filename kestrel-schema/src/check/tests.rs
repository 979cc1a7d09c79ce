//! Which versions count at which level, which way, and what is told.

use super::{Breakage, Direction, Version, check};
use crate::{Budget, Level, ParsedSchema, Schema};

fn parsed(text: &str) -> ParsedSchema {
    ParsedSchema::parse(&Schema::avro(text), &[]).unwrap()
}

/// `check` of a new schema with earlier ones, which are numbered from 1.
fn broken(level: Level, earlier: &[&str], new: &str) -> Option<Breakage> {
    let earlier: Vec<_> = earlier.iter().map(|text| parsed(text)).collect();
    let mut versions: Vec<_> =
        (1..).zip(&earlier).map(|(number, schema)| Version { number, schema }).collect();
    // In any order.
    versions.reverse();
    check(level, &parsed(new), &versions, &mut Budget::default()).unwrap()
}

/// The version that is broken, and in which directions.
fn breaks(level: Level, earlier: &[&str], new: &str) -> Option<(i32, Vec<Direction>)> {
    broken(level, earlier, new)
        .map(|broken| (broken.version, broken.reasons.iter().map(|(direction, _)| *direction).collect()))
}

use Direction::{Backward, Forward};

#[test]
fn a_level_has_its_directions() {
    let (int, long, string) = ("\"int\"", "\"long\"", "\"string\"");
    for (level, widened, narrowed) in [
        (Level::None, None, None),
        (Level::Backward, None, Some((1, vec![Backward]))),
        (Level::BackwardTransitive, None, Some((1, vec![Backward]))),
        (Level::Forward, Some((1, vec![Forward])), None),
        (Level::ForwardTransitive, Some((1, vec![Forward])), None),
        (Level::Full, Some((1, vec![Forward])), Some((1, vec![Backward]))),
        (Level::FullTransitive, Some((1, vec![Forward])), Some((1, vec![Backward]))),
    ] {
        assert_eq!(breaks(level, &[int], long), widened, "{level}");
        assert_eq!(breaks(level, &[long], int), narrowed, "{level}");
        assert_eq!(breaks(level, &[], string), None, "{level}");
    }
    assert_eq!(breaks(Level::Full, &[string], int), Some((1, vec![Forward, Backward])));
}

#[test]
fn the_last_version_counts_or_all_do_from_the_last_on() {
    let earlier = ["\"string\"", "\"int\"", "\"long\""];
    assert_eq!(breaks(Level::Backward, &earlier, "\"double\""), None);
    assert_eq!(breaks(Level::BackwardTransitive, &earlier, "\"double\""), Some((1, vec![Backward])));
    assert_eq!(breaks(Level::BackwardTransitive, &earlier, "\"int\""), Some((3, vec![Backward])));
    assert_eq!(
        breaks(Level::FullTransitive, &["\"int\"", "\"double\""], "\"double\""),
        Some((1, vec![Forward]))
    );
}

#[test]
fn both_directions_are_told_with_their_fields() {
    let old = r#"{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}, {"name": "total", "type": "long"}]}"#;
    let new = r#"{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}, {"name": "amount", "type": "long"}]}"#;
    assert_eq!(
        broken(Level::Full, &[old], new).unwrap().to_string(),
        "FULL is broken with version 1:\n  \
         version 1 cannot read data of the new schema: field total of Order: it was not written, and has no default (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1)\n  \
         the new schema cannot read data of version 1: field amount of Order: it was not written, and has no default (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1)"
    );
}

#[test]
fn there_may_be_no_verdict() {
    let (new, old) = (parsed("\"long\""), parsed("\"int\""));
    let earlier = [Version { number: 1, schema: &old }];
    assert!(check(Level::Full, &new, &earlier, &mut Budget::new(1)).is_err());
    assert!(check(Level::None, &new, &earlier, &mut Budget::new(0)).is_ok());
}

/// An object of as many fields as a pair of versions costs steps, about.
fn wide(fields: usize, unit: &str) -> ParsedSchema {
    let field = |index| format!(r#"{{"name": "f{index}", "type": "int"}}"#);
    let fields: Vec<_> = (0..fields).map(field).collect();
    let fields = fields.join(",");
    parsed(&format!(r#"{{"type": "record", "name": "Order", "unit": "{unit}", "fields": [{fields}]}}"#))
}

#[test]
fn every_pair_has_a_budget_of_its_own() {
    // All pairs together cost more than one may.
    let (new, old) = (wide(2_000, "new"), wide(2_000, "old"));
    let earlier: Vec<_> = (1..=200).map(|number| Version { number, schema: &old }).collect();
    let judged = |steps| check(Level::FullTransitive, &new, &earlier, &mut Budget::new(steps));
    assert_eq!(judged(Budget::STEPS_OF_A_SUBJECT), Ok(None));
    assert!(judged(Budget::STEPS_OF_A_PAIR).is_err(), "and there is an end for all of them");
}
