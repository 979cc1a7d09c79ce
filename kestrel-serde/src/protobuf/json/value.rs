//! A message from JSON, as its descriptor wants it. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value as Field};
use serde_json::Value;

use crate::BoxError;
use crate::generic::at;
use crate::generic::fraction;

pub(super) fn message(descriptor: &MessageDescriptor, json: &Value) -> Result<DynamicMessage, BoxError> {
    let name = descriptor.full_name();
    let members = json.as_object().ok_or_else(|| format!("a message {name} is an object"))?;
    let mut message = DynamicMessage::new(descriptor.clone());
    for (member, json) in members {
        let field = descriptor
            .get_field_by_name(member)
            .or_else(|| descriptor.get_field_by_json_name(member))
            .ok_or_else(|| format!("the message {name} has no field {member}"))?;
        if json.is_null() {
            continue;
        }
        let other = field
            .containing_oneof()
            .and_then(|oneof| oneof.fields().find(|other| *other != field && message.has_field(other)));
        if let Some(other) = other {
            return Err(format!("the message {name} has {} or {member}, and not both", other.name()).into());
        }
        let value = of_field(&field, json).map_err(|error| at(&format!(".{member}"), &error))?;
        message.set_field(&field, value);
    }
    Ok(message)
}

fn of_field(field: &FieldDescriptor, json: &Value) -> Result<Field, BoxError> {
    let kind = field.kind();
    if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
        let members = json.as_object().ok_or("a map is an object")?;
        let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        let entry = |(name, json): (&String, &Value)| {
            let place = format!(".{name}");
            let key = map_key(&key, name).ok_or_else(|| at(&place, &"this is no key of the map".into()))?;
            Ok::<_, BoxError>((key, of_one(&value, json).map_err(|error| at(&place, &error))?))
        };
        return members.iter().map(entry).collect::<Result<_, _>>().map(Field::Map);
    }
    if field.is_list() {
        let items = json.as_array().ok_or("a repeated field is a list")?.iter().enumerate();
        let item = |(index, json)| of_one(&kind, json).map_err(|error| at(&format!("[{index}]"), &error));
        return items.map(item).collect::<Result<_, _>>().map(Field::List);
    }
    of_one(&kind, json)
}

fn of_one(kind: &Kind, json: &Value) -> Result<Field, BoxError> {
    match kind {
        Kind::Message(descriptor) => message(descriptor, json).map(Field::Message),
        leaf => of_leaf(leaf, json).ok_or_else(|| format!("{json} is no {leaf:?}").into()),
    }
}

fn of_leaf(kind: &Kind, json: &Value) -> Option<Field> {
    Some(match kind {
        Kind::Bool => Field::Bool(json.as_bool()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Field::I32(whole(json)?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(whole(json)?),
        Kind::Uint32 | Kind::Fixed32 => Field::U32(whole(json)?),
        Kind::Uint64 | Kind::Fixed64 => Field::U64(whole(json)?),
        Kind::Float => {
            let number = fraction::of_json(json)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float is the nearest one to what was written"
            )]
            let float = number as f32;
            Field::F32((float.is_finite() || !number.is_finite()).then_some(float)?)
        }
        Kind::Double => Field::F64(fraction::of_json(json)?),
        Kind::String => Field::String(json.as_str()?.to_owned()),
        Kind::Bytes => Field::Bytes(STANDARD.decode(json.as_str()?).ok()?.into()),
        Kind::Enum(names) => Field::EnumNumber(match json.as_str() {
            Some(name) => names.get_value_by_name(name)?.number(),
            None => whole(json)?,
        }),
        Kind::Message(_) => return None,
    })
}

/// A whole number, also as the text that Protobuf's own JSON makes of those of 64 bits.
fn whole<N: TryFrom<i128>>(json: &Value) -> Option<N> {
    let number = match json {
        Value::String(text) => text.parse().ok()?,
        _ => json.as_i64().map(i128::from).or_else(|| json.as_u64().map(i128::from))?,
    };
    N::try_from(number).ok()
}

fn map_key(kind: &Kind, name: &str) -> Option<MapKey> {
    Some(match kind {
        Kind::Bool => MapKey::Bool(name.parse().ok()?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(name.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(name.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(name.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(name.parse().ok()?),
        Kind::String => MapKey::String(name.to_owned()),
        _ => return None,
    })
}
