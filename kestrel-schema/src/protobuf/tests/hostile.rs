//! What strangers send: deep, huge and endless things get an error or an answer, in bounded time and stack.

use std::fmt::Write;

use proptest::prelude::*;

use super::{ProtobufSchema, dependency, parse};
use crate::Budget;
use crate::spoiled::spoiled;

fn refused(text: &str) -> String {
    ProtobufSchema::parse(text, &[]).expect_err("a hostile text").to_string()
}

#[test]
fn messages_deep_in_each_other() {
    let text = format!("syntax = \"proto3\"; {}{}", "message A { ".repeat(100_000), "}".repeat(100_000));
    assert!(refused(&text).contains("deep"));
}

#[test]
fn values_of_options_deep_in_each_other() {
    let maps = format!("option (a) = {}{};", "{ a ".repeat(100_000), "}".repeat(100_000));
    assert!(refused(&maps).contains("deep"));
    let lists = format!("option (a) = {}{};", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refused(&lists).contains("deep"));
    let parts = format!("option (a){} = 1;", ".a".repeat(100_000));
    assert!(refused(&parts).contains("too many parts"));
}

#[test]
fn options_with_very_many_keys() {
    let mut text = "option (a) = {".to_owned();
    for key in 0..100_000 {
        let _ = write!(text, "k{key}: 1 ");
    }
    assert!(refused(&text).contains("too many keys"));
}

#[test]
fn texts_that_end_anywhere() {
    let text = "syntax = \"proto3\"; import \"a\"; /* c */ option (a).b = { c: [1, -2] }; \
                message A { reserved 1 to max; oneof o { string s = 2; } map<int32, A> m = 3; } // é\n";
    for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
        let _ = ProtobufSchema::parse(text.split_at(end).0, &[]);
    }
}

/// Messages each of which refers to two of the next ones: twice as many paths with every message.
fn many_paths(version: i32, kind: &str) -> ProtobufSchema {
    let mut text = "syntax = \"proto3\";\n".to_owned();
    for n in 0..2_000 {
        let next = (n + 1) % 2_000;
        let _ = writeln!(text, "message M{n} {{ M{next} a = 1; M{next} b = 2; M{n} c = 3; {kind} d = 4; }}");
    }
    let top = "syntax = \"proto3\"; import \"m.proto\"; message Top { M0 m = 1; }";
    ProtobufSchema::parse(top, &[dependency("m.proto", version, &text)]).expect("a schema")
}

/// A message that stands for a map, as registries write what they make of descriptors.
fn entry(name: &str, key: &str, value: &str) -> String {
    format!("message {name} {{ option map_entry = true; {key} key = 1; {value} value = 2; }}")
}

#[test]
fn maps_of_maps_without_an_end() {
    let text = |messages: &str| format!("syntax = \"proto3\"; message A {{ repeated E m = 1; {messages} }}");
    for messages in [
        entry("E", "string", "E"),
        entry("E", "string", ".A.E"),
        entry("E", "E", "string"),
        entry("E", "string", "F") + &entry("F", "string", "E"),
        entry("E", "string", "int32") + "map<string, E> n = 2;",
    ] {
        let refused = refused(&text(&messages));
        assert!(refused.contains("stands for a map itself"), "{messages}: {refused}");
    }
    let imported = dependency("e.proto", 1, &text(&entry("E", "string", "E")));
    let top = "syntax = \"proto3\"; import \"e.proto\"; message Top { A a = 1; }";
    assert!(ProtobufSchema::parse(top, &[imported]).is_err());
    let plain = parse(&text(&entry("E", "string", "A")));
    assert_eq!(plain.incompatibilities(&plain, &mut Budget::default()), Ok(Vec::new()));
}

#[test]
fn long_names_cost_what_it_costs_to_copy_them() {
    let schema = |kind: &str| {
        let mut text = format!("syntax = \"proto3\"; message A{} {{", "a".repeat(200_000));
        for n in 1..=1_000 {
            let _ = write!(text, "{kind} a{n} = {n}; ");
        }
        parse(&format!("{text}}}"))
    };
    // All paths together would be two hundred megabytes.
    assert!(schema("string").incompatibilities(&schema("int32"), &mut Budget::default()).is_err());
}

#[test]
fn long_lists_in_options_are_joined() {
    let numbers = |first: usize| {
        (first..first + 40_000).map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        "syntax = \"proto2\"; import \"google/protobuf/descriptor.proto\"; message M {{ repeated int32 list = 1; }}
        extend google.protobuf.MessageOptions {{ optional M m = 50000; }}
        message A {{ option (m).list = [{}]; option (m).list = [{}]; }}",
        numbers(0),
        numbers(20_000)
    );
    let (_, file) = crate::protobuf::read(&text).expect("a text");
    let mut names = crate::protobuf::Names::default();
    names.add(&file, crate::protobuf::Origin::Own);
    let normalized = crate::protobuf::printer::print(&crate::protobuf::normalizer::normalized(&file, &names));
    assert!(normalized.contains(" 59999\n") && normalized.matches(" 30000,").count() == 1);
}

#[test]
fn graphs_of_types_with_endless_and_exponentially_many_paths() {
    let (old, same, other) = (many_paths(1, "int32"), many_paths(2, "int64"), many_paths(3, "string"));
    assert_eq!(same.incompatibilities(&old, &mut Budget::new(20_000)).expect("within the budget"), []);
    let found = other.incompatibilities(&old, &mut Budget::new(20_000)).expect("within the budget");
    assert_eq!(found.iter().filter(|found| found.kind == "FIELD_SCALAR_KIND_CHANGED").count(), 2_000);
    assert!(other.incompatibilities(&old, &mut Budget::new(100)).is_err(), "no verdict within the budget");
}

#[test]
fn a_budget_is_spent_by_fields() {
    let mut text = "syntax = \"proto3\"; message A {".to_owned();
    for n in 1..=1_000 {
        let _ = write!(text, "int32 a{n} = {n}; ");
    }
    let schema = parse(&format!("{text}}}"));
    assert!(schema.incompatibilities(&schema, &mut Budget::new(1_002)).is_ok());
    assert!(schema.incompatibilities(&schema, &mut Budget::new(1_001)).is_err());
}

#[test]
fn imports_that_go_in_a_circle() {
    let a = dependency("a.proto", 1, "syntax = \"proto3\"; import \"b.proto\"; message A { B b = 1; }");
    let b = dependency("b.proto", 1, "syntax = \"proto3\"; import \"a.proto\"; message B { A a = 1; }");
    let top = "syntax = \"proto3\"; import \"a.proto\"; message Top { A a = 1; }";
    let error = ProtobufSchema::parse(top, &[a, b]).expect_err("a circle");
    assert!(error.to_string().contains("in the import a.proto"), "{error}");
}

fn texts() -> Vec<String> {
    let texts = [
        r#"syntax = "proto3"; package shop.v1; import "google/protobuf/timestamp.proto"; option java_package = "a.b";
        message Order { reserved 4, 6 to 9, 100 to max; reserved "old", 'older'; int64 id = 1; repeated Line lines = 2;
          optional string note = 3 [deprecated = true, json_name = "Note"]; map<string, Line> by = 5; oneof pay { string card = 10; Line line = 11; }
          google.protobuf.Timestamp at = 12; enum State { option allow_alias = true; NEW = 0; FRESH = 0; OLD = 0x10; } State state = 13;
          message Line { .shop.v1.Order of = 1; bytes raw = 2; message Deep { Line l = 1; } } }
        service Orders { option deprecated = true; rpc Get (Order) returns (stream Order.Line) { option idempotency_level = IDEMPOTENT; } rpc Put (Order) returns (Order); }"#,
        r#"syntax = "proto2"; import "google/protobuf/descriptor.proto"; import "confluent/meta.proto";
        extend google.protobuf.FieldOptions { optional M m = 50000; repeated int32 n = 50001; } message M { optional M inner = 1; repeated string list = 2; }
        message A { required int32 a = 1 [default = -5, (m).inner.list = "x", (n) = 1, (n) = 2, (m) = { list: ["a", "b\\n"] inner { list: 'c' } }];
          optional group G = 2 { optional int32 x = 1; } extensions 100 to 199, 1000; extend A { optional string e = 100; }
          optional bytes b = 4 [default = "\\001\\xff"]; optional double d = 5 [default = inf]; optional E f = 6 [default = Y];
          option (confluent.message_meta) = { doc: "d" params: [{ key: "k" value: "v" }] }; }
        enum E { X = -1; Y = 2147483647; reserved 5 to max; }"#,
        r#"syntax = "proto3"; message B { repeated E m = 1; message E { option map_entry = true; string key = 1; B value = 2; } map<int32, bytes> n = 2; }"#,
    ];
    texts.map(str::to_owned).to_vec()
}

proptest! {
    /// No text is too odd to be refused, and what is taken is kept as a text that is taken again.
    #[test]
    fn any_text_is_refused_or_kept(text in spoiled(texts())) {
        if let Ok(schema) = ProtobufSchema::parse(&text, &[]) {
            for kept in [schema.canonical(), schema.normalized(), schema.serialized()] {
                let again = ProtobufSchema::parse(&kept, &[]);
                prop_assert!(again.is_ok(), "{text}\n{kept}\n{again:?}");
            }
            prop_assert_eq!(schema.incompatibilities(&schema, &mut Budget::default()), Ok(Vec::new()));
        }
    }
}
