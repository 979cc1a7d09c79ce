//! The texts that a registry keeps: canonical, normal, and without extensions.

use super::{dependency, parse};
use crate::protobuf::ProtobufSchema;

/// Everything that a file of proto3 can say, in no order.
const PROTO3: &str = r#"
// A comment.
syntax = "proto3";
import public "google/protobuf/duration.proto";
option java_package = "org.\"shop\"";
import 'google/protobuf/timestamp.proto';
enum Kind { reserved 7, 9 to max; KIND_A = 0; option allow_alias = true; KIND_B = 0x2; KIND_C = 1 [deprecated = true]; }
package shop.orders; ;
service Orders {
  option deprecated = true;
  rpc Get (Order.Line) returns (stream .shop.orders.Order) { option idempotency_level = NO_SIDE_EFFECTS; };
  rpc Put(stream Order) returns (Order);
}
message Order {
  enum Status { OPEN = 0; }
  repeated Line lines = 3 [packed=false, json_name = "l" "ines", deprecated = true];
  oneof payment { string card = 5; bool cash = 4; }
  message Line { int64 sku = 1; map < string , .shop.orders.Kind > kinds = 2; }
  reserved "old", 'older'; reserved 20, 22 to 24;
  optional google.protobuf.Timestamp at = 1 [json_name = "when"];
  option deprecated = false;
  message Empty {}
}
"#;

#[test]
fn a_canonical_text_keeps_order_and_names_and_drops_layout_and_comments() {
    expect_test::expect_file!["canonical_proto3.txt"].assert_eq(&parse(PROTO3).canonical());
}

#[test]
fn a_normal_text_orders_members_and_writes_names_in_full() {
    expect_test::expect_file!["normal_proto3.txt"].assert_eq(&parse(PROTO3).normalized());
}

/// What only proto2 has, and options of somebody's own.
const PROTO2: &str = r#"
syntax = "proto2";
package shop;
import "google/protobuf/descriptor.proto";
message Rule { optional string expr = 1; repeated int32 codes = 2; optional Rule inner = 3; extensions 100 to max; }
extend google.protobuf.FieldOptions { optional Rule rule = 50000; repeated string note = 50001; }
extend .google.protobuf.FieldOptions { optional double weight = 50002; }
message A {
  extensions 1000 to 1999, 2500;
  required int32 a = 3 [default = 0x10, (rule) = { expr: "a > 0" codes: [1, 2] inner { expr: 'x\n' } }];
  optional string s = 2 [(rule).expr = "s", (rule).codes = 7, (rule).inner.expr = "in", (note) = "b", (note) = "a", default = "it's"];
  optional bytes b = 1 [default = "\001\x02z", (weight) = 1.50];
  repeated group Result = 4 { required string url = 2; optional int32 n = 1 [default = -7]; }
  extend A { optional bool more = 1500; }
  oneof o { double d = 6 [default = 12]; float f = 5; }
}
"#;

#[test]
fn proto2_and_options_of_somebodys_own() {
    let schema = parse(PROTO2);
    expect_test::expect_file!["canonical_proto2.txt"].assert_eq(&schema.canonical());
    expect_test::expect_file!["normal_proto2.txt"].assert_eq(&schema.normalized());
    expect_test::expect_file!["without_extensions_proto2.txt"]
        .assert_eq(&schema.formatted("ignore_extensions"));
}

#[test]
fn a_canonical_text_is_its_own_canonical_text_and_a_normal_one_its_own_normal_text() {
    for text in [PROTO2, PROTO3] {
        let schema = parse(text);
        let canonical = schema.canonical();
        assert_eq!(parse(&canonical).canonical(), canonical);
        let normalized = schema.normalized();
        assert_eq!(parse(&normalized).normalized(), normalized);
        assert_eq!(parse(&canonical).normalized(), normalized);
    }
}

#[test]
fn numbers_of_options_have_one_normal_form() {
    let text = |value: &str| {
        format!(
            "message A {{ optional double a = 1 [default = {value}]; optional int64 b = 2 [default = 010]; }}"
        )
    };
    for (written, normal) in
        [("1.50", "1.5"), ("1e3", "1000"), ("-0x0A", "-10"), ("0.12345", "0.123"), ("nan", "nan")]
    {
        let normalized = parse(&text(written)).normalized();
        assert!(normalized.contains(&format!("default = {normal}]")), "{written}: {normalized}");
        assert!(normalized.contains("default = 8]"), "{normalized}");
    }
}

#[test]
fn formats_that_nobody_knows_are_the_canonical_one() {
    let schema = parse(PROTO3);
    assert_eq!(schema.formatted("resolved"), schema.canonical());
}

#[test]
fn a_record_is_named_after_the_first_message() {
    let name = |text: &str| parse(text).record_name();
    assert_eq!(name("enum E { E0 = 0; } message A {} message B {}").as_deref(), Some("A"));
    assert_eq!(name("package shop; enum E { E0 = 0; }").as_deref(), Some("shop.E"));
}

#[test]
fn a_file_that_only_passes_another_on_offers_its_messages() {
    let leaf = dependency(
        "leaf.proto",
        1,
        "syntax = \"proto3\"; package leaf; message A { message B {} } message C {}",
    );
    let schema =
        ProtobufSchema::parse("syntax = \"proto3\"; package top; import public \"leaf.proto\";", &[leaf])
            .expect("a schema");
    assert_eq!(schema.record_name().as_deref(), Some("leaf.A"));
    assert_eq!(schema.indexes_of("leaf.A.B"), Some(vec![0, 0]));
    assert_eq!(schema.message_at(&[1]).expect("the second message").full_name(), "leaf.C");
}

#[test]
fn messages_are_found_by_their_places() {
    let schema = parse(
        "syntax = \"proto3\"; package p;
        message A { map<string, int32> m = 1; message B {} message C { message D {} } }
        message E {}",
    );
    for (name, indexes) in
        [("p.A", vec![0]), ("p.A.B", vec![0, 0]), ("p.A.C.D", vec![0, 1, 0]), ("p.E", vec![1])]
    {
        assert_eq!(schema.indexes_of(name), Some(indexes.clone()), "{name}");
        assert_eq!(schema.message_at(&indexes).expect("a message").full_name(), name);
    }
    assert_eq!(schema.message_at(&[]).expect("the first message").full_name(), "p.A");
    assert!(schema.message_at(&[2]).is_none() && schema.message_at(&[1, 0]).is_none());
    assert!(schema.indexes_of("p.F").is_none() && schema.message("google.protobuf.Timestamp").is_none());
}

#[test]
fn a_changed_import_is_a_change() {
    use crate::{Reference, Schema};
    let text = "syntax = \"proto3\"; import \"item.proto\"; message Order { Item item = 1; }";
    let schema = |version| {
        let reference =
            Reference { name: "item.proto".to_owned(), subject: "item.proto".to_owned(), version };
        Schema::protobuf(text).with_references([reference])
    };
    assert_ne!(schema(1), schema(2));
}

#[test]
fn an_error_names_the_place() {
    for (text, problem) in [
        ("syntax = \"proto3\";\nmessage A {\n  int32 a 1;\n}", "line 3: expected '=', found '1'"),
        ("edition = \"2023\"; message A {}", "editions are not supported"),
        ("syntax = \"proto4\"; message A {}", "unknown syntax \"proto4\""),
        ("syntax = \"proto3\";", "neither message nor enum"),
        ("", "neither message nor enum"),
        ("syntax = \"proto3\"; message A { B b = 1; }", "B"),
        (
            "syntax = \"proto3\"; import \"b.proto\"; message A { B b = 1; }",
            "the import b.proto is not among the references",
        ),
        ("syntax = \"proto3\"; message A { int32 a = 1; int32 b = 1; }", "1"),
        ("syntax = \"proto3\"; message A { string a = 1", "expected ';', found the end of the text"),
        ("{\"type\": \"string\"}", "line 1"),
    ] {
        let error = ProtobufSchema::parse(text, &[]).expect_err(text);
        assert!(error.to_string().contains(problem), "{text}: {error}");
    }
}

#[test]
fn what_only_options_need_may_be_missing() {
    let schema = parse(
        "syntax = \"proto3\"; import \"validate/validate.proto\";
        message A { string a = 1 [(validate.rules).string.min_len = 3]; }",
    );
    assert!(schema.canonical().contains("[(validate.rules).string.min_len = 3]"));
    // Newer than the descriptors of prost.
    let schema = parse("syntax = \"proto3\"; message A { string a = 1 [debug_redact = true]; }");
    assert!(schema.canonical().contains("[debug_redact = true]"));
}
