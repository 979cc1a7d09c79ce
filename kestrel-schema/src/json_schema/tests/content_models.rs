//! The content models of objects and arrays: what `additional...` and `unevaluated...` together say about what is not named.

use serde_json::{Map, Value, json};

use super::{Policy, verdict};

/// What a keyword can be: absent, `true`, `false`, a schema (of integers).
const FORMS: [&str; 4] = ["", "true", "false", r#"{"type":"integer"}"#];

/// For each form of `additional...` (rows) and of `unevaluated...` (columns): open, closed, or partially open.
const MODELS: [[&str; 4]; 4] = [
    // absent    true       false     schema
    ["open", "open", "closed", "partial"], // absent: the other one decides
    ["open", "open", "open", "open"],      // true: nothing is unevaluated
    ["closed", "closed", "closed", "closed"], // false
    ["partial", "partial", "partial", "partial"], // schema: nothing is unevaluated
];

/// The words that differ between objects and arrays.
struct Words {
    of: &'static str,
    additional: &'static str,
    unevaluated: &'static str,
    named: fn(Option<&str>) -> Value,
    path: &'static str,
}

const OBJECTS: Words = Words {
    of: "properties",
    additional: "additionalProperties",
    unevaluated: "unevaluatedProperties",
    named: |kind| kind.map_or_else(|| json!({}), |kind| json!({"b": {"type": kind}})),
    path: "#/properties/b",
};

const ARRAYS: Words = Words {
    of: "items",
    additional: "additionalItems",
    unevaluated: "unevaluatedItems",
    named: |kind| kind.map_or_else(|| json!([{}]), |kind| json!([{}, {"type": kind}])),
    path: "#/items/1",
};

fn document(words: &Words, kind: Option<&str>, additional: &str, unevaluated: &str) -> String {
    let mut schema = Map::new();
    // 2019-09 is the one draft that has all four words.
    schema.insert("$schema".into(), "https://json-schema.org/draft/2019-09/schema".into());
    schema.insert("type".into(), if words.of == "items" { "array" } else { "object" }.into());
    schema.insert(words.of.into(), (words.named)(kind));
    for (keyword, form) in [(words.additional, additional), (words.unevaluated, unevaluated)] {
        if !form.is_empty() {
            schema.insert(keyword.into(), serde_json::from_str(form).unwrap());
        }
    }
    Value::Object(schema).to_string()
}

/// What becomes of a document when something of this type is named that was not.
fn when_added(words: &Words, model: &str, kind: &str) -> &'static str {
    match (model, kind, words.of) {
        ("open", _, "items") => "ITEM_ADDED_TO_OPEN_CONTENT_MODEL",
        ("open", ..) => "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
        ("partial", "string", "items") => "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        ("partial", "string", _) => "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _ => "ok",
    }
}

/// The same when it is no longer named.
fn when_removed(words: &Words, model: &str, kind: &str) -> &'static str {
    match (model, kind, words.of) {
        ("closed", _, "items") => "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        ("closed", ..) => "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        ("partial", "string", "items") => "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        ("partial", "string", _) => "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
        _ => "ok",
    }
}

fn check(words: &Words) {
    for (row, additional) in FORMS.into_iter().enumerate() {
        for (column, unevaluated) in FORMS.into_iter().enumerate() {
            for kind in ["integer", "string"] {
                let model = MODELS[row][column];
                let without = document(words, None, additional, unevaluated);
                let with = document(words, Some(kind), additional, unevaluated);
                let expect = |old: &str, new: &str, kind: &str| {
                    let all = super::compare(Policy::Strict, old, new);
                    let found = all.first().map_or("ok", |finding| finding.kind);
                    assert_eq!(found, kind, "{old} to {new}: {all:?}");
                    if kind != "ok" {
                        assert!(verdict(Policy::Strict, old, new).ends_with(words.path), "{old} to {new}");
                    }
                };
                expect(&without, &with, when_added(words, model, kind));
                expect(&with, &without, when_removed(words, model, kind));
            }
        }
    }
}

#[test]
fn of_objects() {
    check(&OBJECTS);
}

#[test]
fn of_arrays() {
    check(&ARRAYS);
}
