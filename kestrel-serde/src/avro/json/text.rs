//! A value of Avro as JSON. Pure.

use apache_avro::Schema;
use apache_avro::types::Value as Avro;
use serde_json::{Map, Value, json};

use super::decimal::text_of;
use super::{BoxError, Node};
use crate::generic::fraction;

pub(super) fn of_value(node: Node<'_>, value: &Avro) -> Result<Value, BoxError> {
    Ok(match (node.schema(), value) {
        (Schema::Union(union), Avro::Union(index, value)) => {
            let branch = union.variants().get(*index as usize).ok_or("no such branch")?;
            of_value(node.child(branch), value)?
        }
        (Schema::Record(record), Avro::Record(fields)) => {
            let mut object = Map::with_capacity(fields.len());
            for (field, (name, value)) in record.fields.iter().zip(fields) {
                object.insert(name.clone(), of_value(node.child(&field.schema), value)?);
            }
            Value::Object(object)
        }
        (Schema::Array(array), Avro::Array(items)) => {
            let item = node.child(&array.items);
            items.iter().map(|value| of_value(item, value)).collect::<Result<_, _>>()?
        }
        (Schema::Map(map), Avro::Map(entries)) => {
            let of = node.child(&map.types);
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by_key(|(name, _)| *name);
            let entries = entries.into_iter().map(|(name, value)| Ok((name.clone(), of_value(of, value)?)));
            Value::Object(entries.collect::<Result<_, BoxError>>()?)
        }
        (Schema::Decimal(decimal), Avro::Decimal(number)) => {
            let bytes = Vec::try_from(number)?;
            text_of(&bytes, decimal.scale).map_or_else(|| characters(&bytes), Value::String)
        }
        (_, leaf) => of_leaf(leaf)?,
    })
}

fn of_leaf(leaf: &Avro) -> Result<Value, BoxError> {
    Ok(match leaf {
        Avro::Null => Value::Null,
        Avro::Boolean(boolean) => (*boolean).into(),
        Avro::Int(number) | Avro::Date(number) | Avro::TimeMillis(number) => (*number).into(),
        Avro::Long(number)
        | Avro::TimeMicros(number)
        | Avro::TimestampMillis(number)
        | Avro::TimestampMicros(number)
        | Avro::TimestampNanos(number)
        | Avro::LocalTimestampMillis(number)
        | Avro::LocalTimestampMicros(number)
        | Avro::LocalTimestampNanos(number) => (*number).into(),
        // By its digits, which are fewer than those of the same number in 64 bits.
        Avro::Float(number) => {
            number.to_string().parse().map_or_else(|_| fraction::to_json((*number).into()), fraction::to_json)
        }
        Avro::Double(number) => fraction::to_json(*number),
        Avro::String(text) | Avro::Enum(_, text) => text.as_str().into(),
        Avro::Bytes(bytes) | Avro::Fixed(_, bytes) => characters(bytes),
        Avro::Uuid(uuid) => uuid.to_string().into(),
        Avro::BigDecimal(number) => number.to_string().into(),
        Avro::Duration(duration) => json!({
            "months": u32::from(duration.months()),
            "days": u32::from(duration.days()),
            "millis": u32::from(duration.millis()),
        }),
        _ => return Err("the value does not fit its schema".into()),
    })
}

/// A character for each byte.
fn characters(bytes: &[u8]) -> Value {
    bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into()
}
