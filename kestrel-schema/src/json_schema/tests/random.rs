//! Random schemas and random changes of them: what the table lets pass, real inclusion does not refute, and random documents that were
//! valid stay valid.
//!
//! What the table does not look at (testdata's lines with the mark `-`) is not made here: schemas always say their type, there are no
//! defaults, patterns, formats, `contains` and conditions, `oneOf` has branches of different types, and nothing is required that is not
//! among the properties or takes everything.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{JsonSchema, Policy, schema};
use crate::Budget;

/// Choices, one after the other, from one number.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % count
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn random_schema(choices: &mut Choices, depth: u32) -> Value {
    let kinds = if depth == 0 { 6 } else { 10 };
    match choices.below(kinds) {
        0 => limited(choices, "string", "minLength", "maxLength"),
        1 => limited(choices, "integer", "minimum", "maximum"),
        2 => limited(choices, "number", "minimum", "maximum"),
        3 => json!({"type": "boolean"}),
        4 => json!({"type": "null"}),
        5 => json!({"enum": (0..=choices.below(3)).map(|value| json!(value)).collect::<Vec<_>>()}),
        6 => {
            let mut array = limited(choices, "array", "minItems", "maxItems");
            array["items"] = random_schema(choices, depth - 1);
            array
        }
        7 => json!({"anyOf": [random_schema(choices, depth - 1), random_schema(choices, depth - 1)]}),
        8 => json!({"oneOf": [random_object(choices, depth), {"type": ["null", "string"]}]}),
        _ => random_object(choices, depth),
    }
}

fn limited(choices: &mut Choices, kind: &str, low: &str, high: &str) -> Value {
    let mut schema = json!({"type": kind});
    if choices.one_in(2) {
        schema[low] = choices.below(3).into();
    }
    if choices.one_in(2) {
        schema[high] = (2 + choices.below(4)).into();
    }
    schema
}

fn random_object(choices: &mut Choices, depth: u32) -> Value {
    let mut properties = Map::new();
    for name in NAMES {
        if choices.one_in(2) {
            properties.insert(name.to_owned(), random_schema(choices, depth - 1));
        }
    }
    let required: Vec<&String> = properties.keys().filter(|_| choices.one_in(3)).collect();
    let mut object = json!({"type": "object", "properties": properties, "required": required});
    match choices.below(3) {
        0 => {}
        1 => object["additionalProperties"] = false.into(),
        _ => object["additionalProperties"] = random_schema(choices, depth - 1),
    }
    object
}

/// The same schema with a few changes somewhere.
fn changed(choices: &mut Choices, schema: &Value, depth: u32) -> Value {
    if choices.one_in(12) {
        return random_schema(choices, depth.min(1));
    }
    if choices.one_in(10) {
        return json!({"anyOf": [schema, {"type": "boolean"}]});
    }
    let mut schema = schema.clone();
    let Some(members) = schema.as_object_mut() else { return schema };
    for limit in ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"] {
        match (members.contains_key(limit), choices.below(6)) {
            (true, 0) => drop(members.remove(limit)),
            (true, 1) => drop(members.insert(limit.to_owned(), choices.below(6).into())),
            _ => {}
        }
    }
    if members.get("type") == Some(&json!("integer")) && choices.one_in(4) {
        members.insert("type".to_owned(), "number".into());
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = members.get(keyword).filter(|inner| inner.is_object()).cloned() {
            members.insert(keyword.to_owned(), changed(choices, &inner, depth.saturating_sub(1)));
        }
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = members.get_mut(keyword) {
            for branch in branches.iter_mut() {
                *branch = changed_branch(choices, keyword, branch, depth.saturating_sub(1));
            }
        }
    }
    change_properties(choices, members, depth.saturating_sub(1));
    schema
}

/// The branches of `oneOf` keep their types, lest they overlap.
fn changed_branch(choices: &mut Choices, keyword: &str, branch: &Value, depth: u32) -> Value {
    let changed = changed(choices, branch, depth);
    if keyword == "anyOf" || changed.get("type") == branch.get("type") { changed } else { branch.clone() }
}

fn change_properties(choices: &mut Choices, members: &mut Map<String, Value>, depth: u32) {
    let Some(Value::Object(properties)) = members.get_mut("properties") else { return };
    for name in NAMES {
        match properties.get(name) {
            Some(inner) if !choices.one_in(8) => {
                let inner = changed(choices, &inner.clone(), depth);
                properties.insert(name.to_owned(), inner);
            }
            Some(_) => drop(properties.remove(name)),
            None if choices.one_in(6) => drop(properties.insert(name.to_owned(), random_schema(choices, 0))),
            None => {}
        }
    }
    let names: Vec<String> = properties.keys().cloned().collect();
    let required: Vec<Value> = names.into_iter().filter(|_| choices.one_in(4)).map(Value::from).collect();
    members.insert("required".to_owned(), required.into());
    match choices.below(6) {
        0 => drop(members.remove("additionalProperties")),
        1 => drop(members.insert("additionalProperties".to_owned(), false.into())),
        _ => {}
    }
}

/// A document that is likely, but not sure, to be valid.
fn random_document(choices: &mut Choices, schema: &Value) -> Value {
    for keyword in ["anyOf", "oneOf"] {
        if let Some(branches) = schema[keyword].as_array() {
            let branch = choices.of(branches).clone();
            return random_document(choices, &branch);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return choices.of(values).clone();
    }
    match schema["type"].as_str() {
        Some("string") => "x".repeat(usize::try_from(choices.below(7)).unwrap()).into(),
        Some("integer") => choices.below(8).into(),
        Some("number") => json!(choices.below(16) as f64 / 2.0),
        Some("boolean") => choices.one_in(2).into(),
        Some("array") => (0..choices.below(4)).map(|_| random_document(choices, &schema["items"])).collect(),
        Some("object") => {
            let mut members = Map::new();
            for name in NAMES {
                let inner = schema["properties"].get(name).unwrap_or_else(|| &schema["additionalProperties"]);
                if choices.one_in(2) {
                    members.insert(name.to_owned(), random_document(choices, inner));
                }
            }
            members.into()
        }
        _ => choices.of(&[Value::Null, json!(1), json!("x"), json!(true), json!({})]).clone(),
    }
}

fn check(seed: u64) -> Result<bool, TestCaseError> {
    let mut choices = Choices(seed);
    let old = random_schema(&mut choices, 3);
    let new = changed(&mut choices, &old, 3);
    let (writer, reader) = (schema(&old.to_string()), schema(&new.to_string()));
    let by = |policy| reader.incompatibilities_by(policy, &writer, &mut Budget::default()).unwrap();
    let semantic = by(Policy::Semantic);
    let is_proved = semantic.is_empty();
    let is_allowed = by(Policy::Strict).is_empty();
    if is_allowed {
        let kind = semantic.first().map_or("ok", |finding| finding.kind);
        prop_assert!(kind != "DOCUMENTS_REFUSED", "{old}\nto {new}\n{semantic:?}");
    }
    if is_allowed || is_proved {
        stays_valid(&mut choices, &old, (&writer, &reader))?;
    }
    Ok(is_allowed)
}

fn stays_valid(
    choices: &mut Choices,
    old: &Value,
    (writer, reader): (&JsonSchema, &JsonSchema),
) -> Result<(), TestCaseError> {
    let (before, after) = (writer.validator().unwrap(), reader.validator().unwrap());
    for _ in 0..20 {
        let document = random_document(choices, old);
        if before.check(&document).is_ok() {
            let now = after.check(&document);
            prop_assert!(now.is_ok(), "{document} was valid\n{old}\nto {}\n{now:?}", reader.canonical());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_let_pass_stays_valid(seed: u64) {
        check(seed)?;
    }

    #[test]
    fn every_schema_is_compatible_with_itself_and_as_its_canonical_text(seed: u64) {
        let text = random_schema(&mut Choices(seed), 3).to_string();
        let schema = schema(&text);
        let again = super::schema(&schema.canonical());
        prop_assert_eq!(again.canonical(), schema.canonical());
        for policy in Policy::ALL {
            prop_assert_eq!(again.incompatibilities_by(policy, &schema, &mut Budget::default()).unwrap(), []);
        }
    }
}

#[test]
fn a_good_part_of_the_random_changes_is_let_pass() {
    // Otherwise the test above would prove little.
    let allowed = (0..300).filter(|&seed| check(seed).unwrap()).count();
    assert!((40..260).contains(&allowed), "{allowed} of 300");
}
