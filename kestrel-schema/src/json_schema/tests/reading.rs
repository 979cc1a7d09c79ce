//! What is a schema, what it refers to, and how it is refused.

use serde_json::json;

use super::{JsonSchema, Policy, dependency, schema};
use crate::Budget;

fn refusal(text: &str) -> String {
    JsonSchema::parse(text, &[]).unwrap_err().to_string()
}

#[test]
fn what_is_no_schema_is_refused_with_the_place() {
    assert!(refusal("{").starts_with("the text is no JSON document: EOF"), "{}", refusal("{"));
    assert!(refusal(r#"{"a": 1} x"#).contains("trailing characters"));
    assert_eq!(refusal("[1]"), "a JSON schema is an object or a boolean");
    assert_eq!(refusal("\"string\""), "a JSON schema is an object or a boolean");
    for (text, place) in [
        (r#"{"type": "strin"}"#, "#/type: "),
        (r#"{"properties": {"a": {"items": {"maxLength": -1}}}}"#, "#/properties/a/items: "),
        (r#"{"required": "a"}"#, "#/required: "),
        (r#"{"exclusiveMaximum": true}"#, "#/exclusiveMaximum: "),
        (
            r#"{"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMaximum": 3, "maximum": 3}"#,
            "#/exclusiveMaximum: ",
        ),
        (
            r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"a": {"type": 3}}}"#,
            "#/$defs/a/type: ",
        ),
        (
            r#"{"$schema": "https://json-schema.org/draft/2019-09/schema", "minContains": "x"}"#,
            "#/minContains: ",
        ),
        (r#"{"patternProperties": {"(": {}}}"#, "#/patternProperties"),
        (r#"{"allOf": [{"pattern": "("}]}"#, "#/allOf/0/pattern: "),
    ] {
        assert!(refusal(text).starts_with(place), "{text}: {}", refusal(text));
    }
}

#[test]
fn a_schema_of_no_known_draft_is_of_draft_7() {
    let text = r#"{"$schema": "http://example.com/own", "exclusiveMaximum": 3}"#;
    assert!(schema(text).validator().unwrap().check(&json!(3)).is_err());
}

#[test]
fn a_reference_to_nothing_is_refused_with_the_place() {
    let refused = refusal(r##"{"properties": {"a": {"$ref": "#/definitions/b"}}}"##);
    assert!(refused.contains("#/definitions/b"), "{refused}");
    let refused = refusal(r#"{"properties": {"a": {"$ref": "customer.json"}}}"#);
    assert!(refused.starts_with("#/properties/a/$ref: "), "{refused}");
    assert!(refused.contains("customer.json") && refused.contains("none is fetched"), "{refused}");
    let refused = refusal(r#"{"items": {"$ref": "https://example.com/customer.json"}}"#);
    assert!(refused.contains("https://example.com/customer.json"), "{refused}");
}

/// A schema that calls its dependency by this name refuses what the dependency does not allow.
fn follows(text: &str, name: &str) {
    let customer = dependency(
        name,
        r#"{"type": "object", "properties": {"age": {"type": "integer"}}, "definitions": {"id": {"type": "string"}}}"#,
    );
    let schema =
        JsonSchema::parse(text, &[customer]).unwrap_or_else(|error| panic!("{text}, {name}: {error}"));
    let validator = schema.validator().unwrap();
    assert!(validator.check(&json!({"customer": {"age": 7}})).is_ok(), "{text}, {name}");
    assert_eq!(
        validator.check(&json!({"customer": {"age": "x"}})).unwrap_err().pointer,
        "/customer/age",
        "{text}, {name}"
    );
    let other = JsonSchema::parse(text, &[dependency(name, r#"{"type": "null"}"#)]).unwrap();
    let found = other.incompatibilities(&schema, &mut Budget::default()).unwrap();
    assert_eq!(
        (found[0].kind, found[0].path.as_str()),
        ("TYPE_CHANGED", "#/properties/customer"),
        "{text}, {name}"
    );
}

#[test]
fn dependencies_are_found_by_the_names_that_they_are_called_by() {
    let property =
        |reference: &str| format!(r#"{{"properties": {{"customer": {{"$ref": "{reference}"}}}}}}"#);
    follows(&property("customer.json"), "customer.json");
    follows(&property("./customer.json"), "customer.json");
    follows(&property("customer.json"), "./customer.json");
    follows(&property("people/customer.json"), "people/customer.json");
    follows(&property("https://example.com/customer.json"), "https://example.com/customer.json");
    follows(&property("https://example.com/customer.json#"), "https://example.com/customer.json");
    follows(&property("urn:example:customer"), "urn:example:customer");
    // Relative to what the document says that it is.
    let placed = r#"{"$id": "https://example.com/shop/order.json", "properties": {"customer": {"$ref": "customer.json"}}}"#;
    follows(placed, "customer.json");
    follows(placed, "https://example.com/shop/customer.json");
    let modern = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"customer": {"$ref": "customer.json"}}}"#;
    follows(modern, "customer.json");
}

#[test]
fn a_part_of_a_dependency_is_found_and_so_is_what_it_depends_on() {
    let text = r#"{"properties": {"id": {"$ref": "customer.json#/definitions/id"}, "c": {"$ref": "customer.json"}}}"#;
    let dependencies = [
        dependency("address.json", r#"{"type": "object", "properties": {"zip": {"type": "string"}}}"#),
        dependency(
            "customer.json",
            r#"{"properties": {"home": {"$ref": "address.json"}}, "definitions": {"id": {"type": "string"}}}"#,
        ),
    ];
    let validator = JsonSchema::parse(text, &dependencies).unwrap().validator().unwrap();
    assert!(validator.check(&json!({"id": "x", "c": {"home": {"zip": "8000"}}})).is_ok());
    assert_eq!(validator.check(&json!({"id": 1})).unwrap_err().pointer, "/id");
    assert_eq!(validator.check(&json!({"c": {"home": {"zip": 8000}}})).unwrap_err().pointer, "/c/home/zip");
    let error = JsonSchema::parse(text, &dependencies[1..]).unwrap_err().to_string();
    assert!(error.contains("address.json"), "{error}");
    let broken =
        JsonSchema::parse(text, &[dependency("customer.json", r#"{"type": 1}"#)]).unwrap_err().to_string();
    assert!(broken.starts_with("the schema customer.json: #/type: "), "{broken}");
}

#[test]
fn the_title_is_the_name() {
    assert_eq!(schema(r#"{"title": "Order"}"#).record_name().as_deref(), Some("Order"));
    assert_eq!(schema("{}").record_name(), None);
    assert_eq!(schema("true").record_name(), None);
}

#[test]
fn a_violation_names_the_first_place_and_no_values() {
    let text = r#"{"type": "object", "properties": {"a/b": {"items": {"enum": ["x"]}}}, "required": ["id"]}"#;
    let validator = schema(text).validator().unwrap();
    let violation = validator.check(&json!({"id": 1, "a/b": ["x", "secret"]})).unwrap_err();
    assert_eq!(violation.pointer, "/a~1b/1");
    assert!(!violation.to_string().contains("secret"), "{violation}");
    let violation = validator.check(&json!({})).unwrap_err();
    assert_eq!(violation.to_string(), r#"at the root: "id" is a required property"#);
}

#[test]
fn each_side_of_a_proof_has_its_own_dependencies() {
    let order = |id: &str, customer: &str, kind: &str| {
        let text =
            format!(r##"{{{id}"type": "object", "properties": {{"customer": {{"$ref": "{customer}"}}}}}}"##);
        let dependencies = [
            dependency("id.json", &format!(r#"{{"definitions": {{"id": {{"type": {kind}}}}}}}"#)),
            dependency(
                "customer.json",
                r#"{"type": "object", "properties": {"id": {"$ref": "id.json#/definitions/id"}}}"#,
            ),
        ];
        JsonSchema::parse(&text, &dependencies).unwrap()
    };
    for (id, customer) in [
        ("", "customer.json"),
        (r#""$id": "https://example.com/shop/order.json", "#, "customer.json"),
        (r#""$id": "https://example.com/shop/order.json", "#, "https://example.com/shop/customer.json"),
    ] {
        let (old, wider) = (order(id, customer, r#""string""#), order(id, customer, r#"["string", "null"]"#));
        let verdict = |writer: &JsonSchema, reader: &JsonSchema| {
            let found =
                reader.incompatibilities_by(Policy::Semantic, writer, &mut Budget::default()).unwrap();
            found.into_iter().map(|found| found.kind).collect::<Vec<_>>()
        };
        assert!(verdict(&old, &wider).is_empty(), "{id}{customer}");
        assert_eq!(verdict(&wider, &old), ["DOCUMENTS_REFUSED"], "{id}{customer}");
        assert!(verdict(&old, &old.clone()).is_empty());
    }
}

#[test]
fn a_dependency_that_refers_to_itself_may_change_where_nothing_depends_on_it() {
    let tree = |title: &str, kind: &str| {
        let text = format!(
            r##"{{"title": "{title}", "type": "object", "properties": {{"value": {{"type": {kind}}}, "next": {{"$ref": "#"}}}}}}"##
        );
        let dependencies = [dependency("tree.json", &text)];
        JsonSchema::parse(r#"{"properties": {"tree": {"$ref": "tree.json"}}}"#, &dependencies).unwrap()
    };
    let verdict = |writer: &JsonSchema, reader: &JsonSchema| {
        let found = reader.incompatibilities_by(Policy::Semantic, writer, &mut Budget::default()).unwrap();
        found.into_iter().map(|found| found.kind).collect::<Vec<_>>()
    };
    let old = tree("a", r#""string""#);
    assert!(verdict(&old, &tree("b", r#""string""#)).is_empty());
    // A proof does not go through what has no end.
    assert_eq!(verdict(&old, &tree("a", r#"["string", "null"]"#)), ["NO_VERDICT"]);
}
