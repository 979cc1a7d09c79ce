//! Schemas that come or go as serialized descriptors.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost_reflect::DynamicMessage;

use super::parse;
use crate::protobuf::{ProtobufSchema, known, text_of};

const TEXT: &str = r#"
syntax = "proto3";
package shop;
import "confluent/meta.proto";
import "google/protobuf/timestamp.proto";
option java_package = "org.shop";
option (confluent.file_meta) = { doc: "orders" };
message Order {
  option deprecated = true;
  int64 id = 1 [(confluent.field_meta) = { params: [{ key: "a", value: "b" }, { key: "scale", value: "2" }] tags: "PII" }];
  map<string, Line> lines = 2;
  optional google.protobuf.Timestamp at = 3 [json_name = "when"];
  oneof payment { string card = 4; bool cash = 5; }
  reserved 7, 9 to 11;
  reserved "old";
  message Line { repeated int32 n = 1 [packed = false]; }
  enum Status { OPEN = 0; CLOSED = 1; }
}
"#;

#[test]
fn a_schema_may_come_as_a_descriptor_in_base64() {
    let schema = ProtobufSchema::parse(&parse(TEXT).serialized(), &[]).expect("a descriptor");
    expect_test::expect_file!["canonical_of_descriptor.txt"].assert_eq(&schema.canonical());
    // What the registry keeps of it is a text like any other.
    let kept = parse(&schema.canonical());
    assert_eq!(kept.canonical(), schema.canonical());
    assert_eq!(kept.indexes_of("shop.Order.Line"), Some(vec![0, 0]));
    assert!(kept.message("shop.Order").expect("the message").get_field(2).expect("the map").is_map());
}

#[test]
fn a_serialized_schema_is_a_file_descriptor() {
    let bytes = BASE64.decode(parse(TEXT).serialized()).expect("base64");
    let file = DynamicMessage::decode(known::file_descriptor_proto().expect("a known file"), &*bytes)
        .expect("a descriptor");
    let text =
        |field: &str| file.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned));
    assert_eq!((text("name").as_deref(), text("package").as_deref()), (Some("default"), Some("shop")));
}

#[test]
fn programs_register_a_text_with_maps() {
    let text = text_of(parse(TEXT).descriptor()).expect("a text");
    assert!(text.contains("map<string, .shop.Order.Line> lines = 2"), "{text}");
    assert!(!text.contains("map_entry"), "{text}");
    let schema = parse(&text);
    assert_eq!(schema.indexes_of("shop.Order.Line"), Some(vec![0, 0]));
    assert_eq!(schema.normalized(), parse(TEXT).normalized());
}

#[test]
fn what_is_neither_text_nor_descriptor_is_judged_as_text() {
    for text in ["AAAA", "message", "bm90IGEgZGVzY3JpcHRvcg=="] {
        assert!(ProtobufSchema::parse(text, &[]).is_err(), "{text}");
    }
}

#[test]
fn descriptors_of_editions_and_groups_are_refused() {
    use prost::Message;
    use prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, field_descriptor_proto::Type,
    };
    let edition =
        FileDescriptorProto { syntax: Some("editions".to_owned()), ..FileDescriptorProto::default() };
    let field = FieldDescriptorProto { r#type: Some(Type::Group.into()), ..FieldDescriptorProto::default() };
    let message = DescriptorProto { field: vec![field], ..DescriptorProto::default() };
    let group = FileDescriptorProto { message_type: vec![message], ..FileDescriptorProto::default() };
    for (file, problem) in [(edition, "editions is not supported"), (group, "the group")] {
        let error = ProtobufSchema::parse(&BASE64.encode(file.encode_to_vec()), &[]).expect_err("refused");
        assert!(error.to_string().contains(problem), "{error}");
    }
}
