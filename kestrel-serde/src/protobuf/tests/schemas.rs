//! What a registry is told, and which writers' schemas are read.

use kestrel_schema::protobuf::ProtobufSchema;
use kestrel_schema::{Dependency, Reference, Schema};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage};

use crate::registry::{CompleteSchema, RegisteredSchema, SchemaFormat};
use crate::{ProtoFiles, Protobuf, ProtobufMessage, ProtobufValue};

fn complete(schema: Schema) -> CompleteSchema {
    CompleteSchema::new(RegisteredSchema::new(schema), Vec::new())
}

fn proto(text: &str) -> CompleteSchema {
    complete(Schema::protobuf(format!("syntax = \"proto3\"; package shop; {text}")))
}

fn order(text: &str) -> ProtobufMessage {
    Protobuf::from_proto(proto(text).schema().text.as_str(), "shop.Order").expect("a message of the text")
}

#[test]
fn a_text_is_registered_as_it_is() {
    let format = order("message A {} message Order { int64 id = 1; }");
    assert_eq!(format.schema(), *proto("message A {} message Order { int64 id = 1; }").schema());
    assert_eq!((format.record_name().as_deref(), format.message_indexes()), (Some("shop.Order"), vec![1]));
    assert!(format.imports().is_empty() && format.uses().is_empty());
}

#[test]
fn imports_are_registered_before_what_uses_them() {
    let files = ProtoFiles::new(
        "syntax = \"proto3\"; import \"item.proto\"; import \"google/protobuf/timestamp.proto\"; message Cart { Item item = 1; }",
    )
    .import("sku.proto", "syntax = \"proto3\"; message Sku {}")
    .import("item.proto", "syntax = \"proto3\"; import \"sku.proto\"; message Item { Sku sku = 1; }");
    let format = Protobuf::from_proto(files, "Cart").expect("a message of the text");
    let imports = format.imports();
    let names: Vec<_> = imports.iter().map(|import| (&*import.name, import.uses.clone())).collect();
    assert_eq!(names, [("sku.proto", Vec::new()), ("item.proto", vec!["sku.proto".to_owned()])]);
    assert_eq!(format.uses(), ["item.proto"]);
}

#[test]
fn a_name_that_the_text_does_not_declare_is_refused() {
    let error =
        Protobuf::from_proto("syntax = \"proto3\"; message A {}", "shop.A").expect_err("no such message");
    assert_eq!(format!("{error:#}"), "cannot use the schema: the .proto text declares no message shop.A");
    let error = Protobuf::from_proto("syntax = \"proto3\"; import \"b.proto\"; message A { B b = 1; }", "A")
        .expect_err("no import");
    assert!(format!("{error:#}").contains("b.proto"), "{error:#}");
    assert!(Protobuf::from_descriptor_set(&[1, 2], "A").is_err());
}

/// Two files of which the second imports the first.
fn pool() -> DescriptorPool {
    let item = Dependency {
        reference: Reference { name: "shop/item.proto".to_owned(), subject: "item".to_owned(), version: 1 },
        text: "syntax = \"proto3\"; package shop; message Item { int64 sku = 1; }".to_owned(),
    };
    let cart = "syntax = \"proto3\"; package shop; import \"shop/item.proto\"; import \"google/protobuf/duration.proto\";
        message Cart { map<string, Item> items = 1; message Line {} google.protobuf.Duration age = 2; }";
    let schema = ProtobufSchema::parse(cart, &[item]).expect("a schema");
    schema.descriptor().parent_pool().clone()
}

fn message(name: &str) -> MessageDescriptor {
    pool().get_message_by_name(name).expect("a message of the pool")
}

#[test]
fn a_descriptor_gives_its_text_and_those_of_its_imports() {
    let format = ProtobufValue::new(message("shop.Cart.Line")).expect("a message of proto3");
    assert_eq!(
        format.schema().text,
        "syntax = \"proto3\";\npackage shop;\n\nimport \"shop/item.proto\";\nimport \"google/protobuf/duration.proto\";\n\n\
         message Cart {\n  map<string, .shop.Item> items = 1;\n  .google.protobuf.Duration age = 2;\n\n  message Line {}\n}\n"
    );
    assert_eq!((format.message_indexes(), format.uses()), (vec![0, 0], vec!["shop/item.proto".to_owned()]));
    let imports = format.imports();
    assert_eq!(imports.len(), 1);
    assert_eq!(
        imports[0].schema.text,
        "syntax = \"proto3\";\npackage shop;\n\nmessage Item {\n  int64 sku = 1;\n}\n"
    );
}

#[test]
fn a_descriptor_set_gives_what_its_files_say() {
    let bytes = pool().encode_to_vec();
    let format = Protobuf::from_descriptor_set(&bytes, "shop.Cart").expect("a message of the set");
    let value = ProtobufValue::new(message("shop.Cart")).expect("a message of proto3");
    assert_eq!((format.schema(), format.imports()), (value.schema(), value.imports()));
    let error = Protobuf::from_descriptor_set(&bytes, "shop.Order").expect_err("no such message");
    assert!(format!("{error:#}").contains("declare no message shop.Order"), "{error:#}");
}

#[test]
fn a_type_that_knows_its_descriptor_needs_nothing_more() {
    #[derive(Clone, Debug, PartialEq)]
    struct Item(DynamicMessage);
    impl Default for Item {
        fn default() -> Self {
            Self(DynamicMessage::new(message("shop.Item")))
        }
    }
    impl prost::Message for Item {
        fn encode_raw(&self, buf: &mut impl bytes::BufMut) {
            self.0.encode_raw(buf);
        }
        fn merge_field(
            &mut self,
            tag: u32,
            wire_type: prost::encoding::WireType,
            buf: &mut impl bytes::Buf,
            ctx: prost::encoding::DecodeContext,
        ) -> Result<(), prost::DecodeError> {
            self.0.merge_field(tag, wire_type, buf, ctx)
        }
        fn encoded_len(&self) -> usize {
            self.0.encoded_len()
        }
        fn clear(&mut self) {
            self.0.clear();
        }
    }
    impl ReflectMessage for Item {
        fn descriptor(&self) -> MessageDescriptor {
            self.0.descriptor()
        }
    }
    let format = Protobuf::of::<Item>().expect("a message of proto3");
    assert_eq!(format.record_name().as_deref(), Some("shop.Item"));
}

#[test]
fn a_writer_may_have_the_message_elsewhere_in_its_file() {
    let format = order("message Order { int64 id = 1; }");
    let writer = proto(
        "message Refund {} message Order { int64 id = 1; string note = 2; } message A { message Order {} }",
    );
    assert!(format.reader(&writer, &[1]).is_ok());
    for (path, problem) in [
        (&[0][..], "written as shop.Refund, which is not shop.Order"),
        (&[2, 0], "written as shop.A.Order, which is not shop.Order"),
        (&[3], "no message at the path [3]"),
        (&[1, 0], "no message at the path [1, 0]"),
    ] {
        let error = format!("{:#}", format.reader(&writer, path).expect_err("another message"));
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn a_message_may_have_had_another_name() {
    let writer = proto("message Purchase { int64 id = 1; }");
    assert!(order("message Order { int64 id = 1; }").reader(&writer, &[0]).is_err());
    assert!(
        order("message Order { int64 id = 1; }").also_reads("shop.Purchase").reader(&writer, &[0]).is_ok()
    );
}

#[test]
fn a_schema_of_another_language_is_refused() {
    let format = order("message Order {}");
    let avro = complete(Schema::avro("\"long\""));
    for error in [format.reader(&avro, &[0]).expect_err("Avro"), format.writer(&avro).expect_err("Avro")] {
        assert!(format!("{error:#}").contains("AVRO"), "{error:#}");
    }
}

#[test]
fn records_in_a_registered_schema_say_where_the_message_is_in_it() {
    let format = order("message Order { int64 id = 1; }");
    let target = proto("message A {} message Order { int64 id = 1; string note = 2; }");
    assert_eq!(format.writer(&target).expect("a compatible schema").1, [1]);
    let error =
        format.writer(&proto("message Order { string id = 1; }")).expect_err("an incompatible schema");
    assert!(format!("{error:#}").contains("FIELD_SCALAR_KIND_CHANGED"), "{error:#}");
    assert!(format.writer(&proto("message A {}")).is_err());
}
