//! A message as JSON. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value as Field};
use serde_json::{Map, Value};

use crate::generic::fraction;

pub(super) fn of_message(message: &DynamicMessage) -> Value {
    let mut object = Map::new();
    for field in message.descriptor().fields() {
        // What has no presence has its default.
        if !field.supports_presence() || message.has_field(&field) {
            object.insert(field.name().to_owned(), of_field(&field, &message.get_field(&field)));
        }
    }
    Value::Object(object)
}

fn of_field(descriptor: &FieldDescriptor, field: &Field) -> Value {
    match field {
        Field::List(items) => items.iter().map(|item| of_one(&descriptor.kind(), item)).collect(),
        Field::Map(entries) => {
            let kind = match descriptor.kind() {
                Kind::Message(entry) => entry.map_entry_value_field().kind(),
                other => other,
            };
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let member = |(key, value): (&MapKey, &Field)| (text_of(key), of_one(&kind, value));
            Value::Object(entries.into_iter().map(member).collect())
        }
        one => of_one(&descriptor.kind(), one),
    }
}

fn of_one(kind: &Kind, field: &Field) -> Value {
    match field {
        Field::Bool(boolean) => (*boolean).into(),
        Field::I32(number) => (*number).into(),
        Field::I64(number) => (*number).into(),
        Field::U32(number) => (*number).into(),
        Field::U64(number) => (*number).into(),
        // By its digits, which are fewer than those of the same number in 64 bits.
        Field::F32(number) => {
            fraction::to_json(number.to_string().parse().unwrap_or_else(|_| (*number).into()))
        }
        Field::F64(number) => fraction::to_json(*number),
        Field::String(text) => text.as_str().into(),
        Field::Bytes(bytes) => STANDARD.encode(bytes).into(),
        Field::EnumNumber(number) => match kind {
            Kind::Enum(names) => {
                names.get_value(*number).map_or_else(|| Value::from(*number), |value| value.name().into())
            }
            _ => (*number).into(),
        },
        Field::Message(message) => of_message(message),
        Field::List(_) | Field::Map(_) => Value::Null,
    }
}

fn text_of(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}
