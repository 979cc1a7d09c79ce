//! Verdicts on changes of imported files.

use super::{ProtobufSchema, dependency};
use crate::{Budget, Dependency};

const ORDER: &str =
    r#"syntax = "proto3"; package shop; import "item.proto"; message Order { Item item = 1; }"#;

fn with(text: &str, dependencies: &[Dependency]) -> ProtobufSchema {
    ProtobufSchema::parse(text, dependencies).unwrap_or_else(|error| panic!("{error}"))
}

fn item(version: i32, text: &str) -> Dependency {
    dependency("item.proto", version, &format!("syntax = \"proto3\"; {text}"))
}

fn verdict(old: &ProtobufSchema, new: &ProtobufSchema) -> Vec<String> {
    let found = new.incompatibilities(old, &mut Budget::default()).expect("a small schema");
    let mut found: Vec<_> = found.iter().map(|found| format!("{} {}", found.kind, found.path)).collect();
    found.sort();
    found
}

#[test]
fn an_import_of_the_same_version_is_the_same() {
    let old = with(ORDER, &[item(1, "package shop; message Item { int32 id = 1; }")]);
    assert_eq!(verdict(&old, &old), [""; 0]);
}

#[test]
fn a_compatible_new_version_of_an_import_is_fine() {
    let old = with(ORDER, &[item(1, "package shop; message Item { int32 id = 1; }")]);
    let new = with(ORDER, &[item(2, "package shop; message Item { int64 id = 1; string name = 2; }")]);
    assert_eq!(verdict(&old, &new), [""; 0]);
}

#[test]
fn an_incompatible_new_version_of_an_import_breaks_the_field_that_uses_it() {
    let old = with(ORDER, &[item(1, "package shop; message Item { int32 id = 1; }")]);
    let new = with(ORDER, &[item(2, "package shop; message Item { string id = 1; }")]);
    assert_eq!(
        verdict(&old, &new),
        ["FIELD_NAMED_TYPE_CHANGED #/Order/1", "FIELD_SCALAR_KIND_CHANGED #/Item/1"]
    );
}

#[test]
fn what_nobody_uses_of_an_import_does_not_matter() {
    let old = with(ORDER, &[item(1, "package shop; message Item {} message Other { int32 id = 1; }")]);
    let new = with(ORDER, &[item(2, "package shop; message Item {} message Other { string id = 1; }")]);
    assert_eq!(verdict(&old, &new), [""; 0]);
}

#[test]
fn the_package_of_an_import_does_not_matter() {
    let text = |package: &str| {
        format!(
            r#"syntax = "proto3"; package shop; import "item.proto"; message Order {{ {package}.Item item = 1; }}"#
        )
    };
    let old = with(&text("one"), &[item(1, "package one; message Item { int32 id = 1; }")]);
    let new = with(&text("two"), &[item(2, "package two; message Item { int32 id = 1; }")]);
    assert_eq!(verdict(&old, &new), [""; 0]);
    let renamed = with(
        &text("two").replace("two.Item", "two.Thing"),
        &[item(2, "package two; message Thing { int32 id = 1; }")],
    );
    assert_eq!(verdict(&old, &renamed), ["FIELD_NAMED_TYPE_CHANGED #/Order/1"]);
}

#[test]
fn a_message_may_move_into_an_import_if_nothing_else_uses_its_old_place() {
    let own =
        r#"syntax = "proto3"; package shop; message Order { Item item = 1; } message Item { int32 id = 1; }"#;
    let (own, imported) =
        (with(own, &[]), with(ORDER, &[item(1, "package shop; message Item { int32 id = 1; }")]));
    assert_eq!(verdict(&own, &imported), ["MESSAGE_REMOVED #/Item"]);
    assert_eq!(verdict(&imported, &own), [""; 0]);
}

#[test]
fn a_change_is_found_through_imports_of_imports_and_in_nested_messages() {
    let order =
        r#"syntax = "proto3"; import "a.proto"; message Order { A.Inner a = 1; map<string, A> more = 2; }"#;
    let a =
        r#"syntax = "proto3"; import "b.proto"; message A { B b = 1; message Inner { repeated B b = 1; } }"#;
    let b = |version, kind| {
        dependency(
            "b.proto",
            version,
            &format!("syntax = \"proto3\"; message B {{ {kind} id = 1; B next = 2; }}"),
        )
    };
    let old = with(order, &[b(1, "int32"), dependency("a.proto", 1, a)]);
    let new = with(order, &[b(2, "float"), dependency("a.proto", 2, a)]);
    assert_eq!(
        verdict(&old, &new),
        [
            "FIELD_NAMED_TYPE_CHANGED #/A/1",
            "FIELD_NAMED_TYPE_CHANGED #/A/Inner/1",
            "FIELD_NAMED_TYPE_CHANGED #/A/Inner/1",
            "FIELD_NAMED_TYPE_CHANGED #/Order/1",
            "FIELD_NAMED_TYPE_CHANGED #/Order/2",
            "FIELD_SCALAR_KIND_CHANGED #/B/1",
        ]
    );
}

#[test]
fn an_enum_of_an_import_is_a_number() {
    let order =
        |kind: &str| format!(r#"syntax = "proto3"; import "e.proto"; message Order {{ {kind} e = 1; }}"#);
    let e = [dependency("e.proto", 1, r#"syntax = "proto3"; enum E { E0 = 0; }"#)];
    assert_eq!(verdict(&with(&order("E"), &e), &with(&order("int32"), &e)), [""; 0]);
    assert_eq!(
        verdict(&with(&order("E"), &e), &with(&order("bytes"), &e)),
        ["FIELD_SCALAR_KIND_CHANGED #/Order/1"]
    );
}

#[test]
fn types_that_every_registry_knows_need_no_dependency() {
    let text = |kind: &str| {
        format!(
            r#"syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/type/money.proto";
            import "confluent/type/decimal.proto"; message Order {{ {kind} a = 1; }}"#
        )
    };
    let schema = |kind: &str| with(&text(kind), &[]);
    let timestamp = schema("google.protobuf.Timestamp");
    assert_eq!(verdict(&timestamp, &timestamp), [""; 0]);
    for other in ["google.type.Money", "confluent.type.Decimal"] {
        assert_eq!(verdict(&timestamp, &schema(other)), ["FIELD_NAMED_TYPE_CHANGED #/Order/1"]);
    }
}
