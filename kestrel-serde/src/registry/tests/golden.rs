//! What Confluent's serializers for Python wrote (`testdata/confluent`) is read, and written again byte for byte; of JSON, whose
//! texts are free, the documents are the same.

use futures::FutureExt;
use kestrel_schema::{Guid, Reference};
use serde_json::Value as Json;

use super::super::{RegisteredSchema, Registry, RegistryAnswer, SchemaRegistry, WriteIn};
use super::*;
use crate::{Avro, JsonSchema, ProtoFiles, ProtobufValue};

const LINES: &str = include_str!("../../../testdata/confluent/confluent_kafka.jsonl");
const HEADER: &str = "__value_schema_id";
const GUID: &str = "89791762-2336-186f-7b6d-3e1f5c0a9b42";

macro_rules! typed {
    ($file:literal) => {
        include_str!(concat!("../../../testdata/typed/", $file))
    };
}

/// A registry of one schema, and of what it refers to.
#[derive(Debug)]
struct Captured {
    id: i32,
    schema: Schema,
    dependency: Option<Schema>,
}

impl Captured {
    fn answer<'a>(&self, schema: Option<&Schema>) -> RegistryAnswer<'a> {
        let schema = schema.expect("a schema that there is").clone();
        let registered = RegisteredSchema::new(schema).with_id(self.id).with_guid(GUID.parse().unwrap());
        async move { Ok(registered.with_version("t-value", 1)) }.boxed()
    }
}

impl SchemaRegistry for Captured {
    fn register<'a>(&'a self, _: &'a str, _: &'a Schema, _: bool) -> RegistryAnswer<'a> {
        self.answer(Some(&self.schema))
    }

    fn look_up<'a>(&'a self, _: &'a str, _: &'a Schema, _: bool) -> RegistryAnswer<'a> {
        self.answer(Some(&self.schema))
    }

    fn latest<'a>(&'a self, _: &'a str) -> RegistryAnswer<'a> {
        self.answer(Some(&self.schema))
    }

    fn version<'a>(&'a self, _: &'a str, _: i32) -> RegistryAnswer<'a> {
        self.answer(self.dependency.as_ref())
    }

    fn by_id<'a>(&'a self, id: i32, _: Option<&'a str>) -> RegistryAnswer<'a> {
        assert_eq!(id, self.id);
        self.answer(Some(&self.schema))
    }

    fn by_guid(&self, guid: Guid) -> RegistryAnswer<'_> {
        assert_eq!(guid.to_string(), GUID);
        self.answer(Some(&self.schema))
    }
}

fn bytes(hex: &Json) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn written(line: &Json) -> Written {
    let mut headers = AddedHeaders::new();
    if let Some(value) = line["headers"].get(HEADER) {
        let mut ctx = VALUE.writing();
        ctx.add_header(HEADER, bytes(value));
        headers = ctx.into_added();
    }
    (bytes(&line["payload"]).into(), headers)
}

/// Reads a line, writes the value again in the subject's latest schema, and gives both.
fn again<F, T>(line: &Json, schema: Schema, dependency: Option<(&str, Schema)>, format: F) -> (T, Written)
where
    F: SchemaFormat,
    Registered<F>: Serializer<T> + Deserializer<T>,
{
    let refers = dependency.iter().map(|(name, _)| (*name).to_owned());
    let refers = refers.map(|name| Reference { subject: name.clone(), name, version: 1 }).collect::<Vec<_>>();
    let id = i32::try_from(line["id"].as_i64().unwrap()).unwrap();
    let schema = schema.with_references(refers);
    let registry = Registry::new(Captured { id, schema, dependency: dependency.map(|(_, schema)| schema) });
    let format = registry.format(format).write_in(WriteIn::Latest);
    let format = match line["form"].as_str().unwrap() {
        "id" => format,
        "guid" => format.guid_prefix(),
        _ => format.header_form(),
    };
    let (bytes, headers) = written(line);
    let ctx = VALUE.reading().with_headers(&headers);
    block_on(Deserializer::<T>::ready(&format, ctx, &bytes)).unwrap();
    let value: T = format.deserialize(&ctx, &bytes).unwrap();
    block_on(Serializer::<T>::ready(&format, VALUE)).unwrap();
    let (mut ctx, mut out) = (VALUE.writing(), BytesMut::new());
    format.serialize(&mut ctx, &value, &mut out).unwrap();
    (value, (out.freeze(), ctx.into_added()))
}

fn avro(line: &Json, schema: &str, address: Option<&str>) -> Written {
    let name = "kestrel.interop.Address";
    let complete = schema.replacen(&format!("{name:?}"), address.unwrap_or_default(), 1);
    let complete = if address.is_some() { &complete } else { schema };
    let format = Avro::parse(complete).unwrap().values();
    let dependency = address.map(|text| (name, Schema::avro(text)));
    again::<_, apache_avro::types::Value>(line, Schema::avro(schema), dependency, format).1
}

fn protobuf(line: &Json, text: &str, address: Option<&str>, message: &str) -> Written {
    let mut files = ProtoFiles::new(text);
    if let Some(address) = address {
        files = files.import("address.proto", address);
    }
    let format = ProtobufValue::from_proto(files, &format!("kestrel.interop.{message}")).unwrap();
    let dependency = address.map(|text| ("address.proto", Schema::protobuf(text)));
    again::<_, prost_reflect::DynamicMessage>(line, Schema::protobuf(text), dependency, format).1
}

fn json(line: &Json, text: &str, address: Option<&str>) -> Written {
    let dependency = address.map(|text| ("address.schema.json", Schema::json(text)));
    let format = JsonSchema::parse("true").unwrap();
    let (document, (_, headers)) = again::<_, Json>(line, Schema::json(text), dependency, format);
    assert_eq!(document, line["value"]);
    // The bytes of the other side: its own order of members is as good.
    (written(line).0, headers)
}

#[test]
fn what_confluents_serializers_wrote_is_read_and_written_again() {
    let mut seen = 0;
    for line in LINES.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let got = match line["case"].as_str().unwrap() {
            "avro" => avro(&line, typed!("parcel.avsc"), None),
            "avro-reference" => avro(&line, typed!("shipment.avsc"), Some(typed!("address.avsc"))),
            "protobuf" => protobuf(&line, typed!("parcel.proto"), None, "Parcel"),
            "protobuf-nested" => protobuf(&line, typed!("parcel.proto"), None, "Parcel.Stop"),
            "protobuf-deep" => protobuf(&line, typed!("parcel.proto"), None, "Parcel.Stop.Note"),
            "protobuf-reference" => {
                protobuf(&line, typed!("shipment.proto"), Some(typed!("address.proto")), "Shipment")
            }
            "json" => json(&line, typed!("parcel.schema.json"), None),
            _ => json(&line, typed!("shipment.schema.json"), Some(typed!("address.schema.json"))),
        };
        let want = written(&line);
        assert_eq!(got.0, want.0, "{line}");
        assert_eq!(format!("{:?}", got.1), format!("{:?}", want.1), "{line}");
        seen += 1;
    }
    assert_eq!(seen, 66);
}
