//! A value of Avro from JSON, as a schema wants it. Pure.

use apache_avro::schema::{InnerDecimalSchema, RecordSchema, Schema, UuidSchema};
use apache_avro::types::Value as Avro;
use apache_avro::{Days, Decimal, Duration, Millis, Months, Uuid};
use serde_json::{Map, Value};

use super::decimal::bytes_of;
use super::{BoxError, Node};
use crate::avro::describe::describe;
use crate::generic::at;
use crate::generic::fraction;

pub(super) fn of_json(node: Node<'_>, json: &Value) -> Result<Avro, BoxError> {
    match (node.schema(), json) {
        (Schema::Union(union), _) => of_union(node, union.variants(), json),
        (Schema::Record(record), Value::Object(members)) => of_record(node, record, members),
        (Schema::Array(array), Value::Array(items)) => {
            let item = node.child(&array.items);
            let items = items.iter().enumerate();
            items
                .map(|(index, json)| of_json(item, json).map_err(|e| at(&format!("[{index}]"), &e)))
                .collect::<Result<_, _>>()
                .map(Avro::Array)
        }
        (Schema::Map(map), Value::Object(members)) => {
            let of = node.child(&map.types);
            let entry = |(name, json): (&String, &Value)| {
                Ok((name.clone(), of_json(of, json).map_err(|error| at(&format!(".{name}"), &error))?))
            };
            members.iter().map(entry).collect::<Result<_, BoxError>>().map(Avro::Map)
        }
        (leaf, _) => of_leaf(leaf, json).ok_or_else(|| unfit(leaf, json)),
    }
}

fn unfit(schema: &Schema, json: &Value) -> BoxError {
    let kind = match json {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "this number",
        Value::String(_) => "this text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!("{kind} does not fit the schema, {}", describe(schema)).into()
}

fn of_record(node: Node<'_>, record: &RecordSchema, members: &Map<String, Value>) -> Result<Avro, BoxError> {
    let is_field = |name: &str| record.fields.iter().any(|field| field.name == name);
    if let Some(unknown) = members.keys().find(|name| !is_field(name)) {
        return Err(format!("the record {} has no field {unknown}", record.name).into());
    }
    let mut fields = Vec::with_capacity(record.fields.len());
    for field in &record.fields {
        let json = members.get(&field.name).or(field.default.as_ref());
        let json = json.ok_or_else(|| {
            format!("the field {} of the record {} is missing, and has no default", field.name, record.name)
        })?;
        let value = of_json(node.child(&field.schema), json);
        fields.push((field.name.clone(), value.map_err(|error| at(&format!(".{}", field.name), &error))?));
    }
    Ok(Avro::Record(fields))
}

/// The branch that is named, or the first one that the value fits.
fn of_union(node: Node<'_>, branches: &[Schema], json: &Value) -> Result<Avro, BoxError> {
    let in_branch = |index: usize, branch, json| {
        let value = of_json(node.child(branch), json)?;
        Ok::<_, BoxError>(Avro::Union(u32::try_from(index)?, Box::new(value)))
    };
    if let Some((name, json)) = only_member(json)
        && let Some((index, branch)) =
            branches.iter().enumerate().find(|(_, branch)| is_named(node.child(branch), name))
        && let Ok(value) = in_branch(index, branch, json)
    {
        return Ok(value);
    }
    let mut reason = None;
    for (index, branch) in branches.iter().enumerate() {
        match in_branch(index, branch, json) {
            Ok(value) => return Ok(value),
            // What is said of a record or a list tells more than that it is not null.
            Err(error) if json.is_object() || json.is_array() => {
                let is_inside = matches!(
                    node.child(branch).schema(),
                    Schema::Record(_) | Schema::Map(_) | Schema::Array(_)
                );
                reason = reason.or_else(|| is_inside.then_some(error));
            }
            Err(_) => {}
        }
    }
    Err(reason.unwrap_or_else(|| unfit(node.schema(), json)))
}

fn only_member(json: &Value) -> Option<(&str, &Value)> {
    let members = json.as_object().filter(|members| members.len() == 1)?;
    members.iter().next().map(|(name, value)| (name.as_str(), value))
}

/// Whether a branch is called so: by its full name, or by its type.
fn is_named(branch: Node<'_>, name: &str) -> bool {
    match branch.full_name() {
        Some(full_name) => full_name == name,
        None => match branch.schema() {
            Schema::Boolean => name == "boolean",
            Schema::Int | Schema::Date | Schema::TimeMillis => name == "int",
            Schema::Float => name == "float",
            Schema::Double => name == "double",
            Schema::String | Schema::Uuid(_) => name == "string",
            Schema::Bytes | Schema::Decimal(_) | Schema::BigDecimal => name == "bytes",
            Schema::Array(_) => name == "array",
            Schema::Map(_) => name == "map",
            Schema::Null => false,
            _ => name == "long",
        },
    }
}

fn of_leaf(schema: &Schema, json: &Value) -> Option<Avro> {
    Some(match schema {
        Schema::Null => json.is_null().then_some(Avro::Null)?,
        Schema::Boolean => Avro::Boolean(json.as_bool()?),
        Schema::Int => Avro::Int(int(json)?),
        Schema::Date => Avro::Date(int(json)?),
        Schema::TimeMillis => Avro::TimeMillis(int(json)?),
        Schema::Long => Avro::Long(json.as_i64()?),
        Schema::TimeMicros => Avro::TimeMicros(json.as_i64()?),
        Schema::TimestampMillis => Avro::TimestampMillis(json.as_i64()?),
        Schema::TimestampMicros => Avro::TimestampMicros(json.as_i64()?),
        Schema::TimestampNanos => Avro::TimestampNanos(json.as_i64()?),
        Schema::LocalTimestampMillis => Avro::LocalTimestampMillis(json.as_i64()?),
        Schema::LocalTimestampMicros => Avro::LocalTimestampMicros(json.as_i64()?),
        Schema::LocalTimestampNanos => Avro::LocalTimestampNanos(json.as_i64()?),
        Schema::Float => Avro::Float(float(json)?),
        Schema::Double => Avro::Double(fraction::of_json(json)?),
        Schema::String => Avro::String(json.as_str()?.to_owned()),
        Schema::Bytes => Avro::Bytes(bytes(json)?),
        _ => return of_rare_leaf(schema, json),
    })
}

fn of_rare_leaf(schema: &Schema, json: &Value) -> Option<Avro> {
    Some(match schema {
        Schema::Fixed(fixed) => {
            let bytes = bytes(json).filter(|bytes| bytes.len() == fixed.size)?;
            Avro::Fixed(fixed.size, bytes)
        }
        Schema::Enum(symbols) => {
            let text = json.as_str()?;
            let index = symbols.symbols.iter().position(|symbol| symbol == text)?;
            Avro::Enum(u32::try_from(index).ok()?, text.to_owned())
        }
        Schema::Decimal(decimal) => {
            let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
            let bytes = bytes_of(&text, decimal.precision, decimal.scale)?;
            Avro::Decimal(Decimal::from(match &decimal.inner {
                InnerDecimalSchema::Bytes => bytes,
                InnerDecimalSchema::Fixed(fixed) => widened(bytes, fixed.size)?,
            }))
        }
        Schema::BigDecimal => Avro::BigDecimal(json.as_str()?.parse().ok()?),
        Schema::Uuid(UuidSchema::String | UuidSchema::Bytes | UuidSchema::Fixed(_)) => {
            Avro::Uuid(Uuid::parse_str(json.as_str()?).ok()?)
        }
        Schema::Duration(_) => {
            let part = |name: &str| u32::try_from(json.get(name)?.as_u64()?).ok();
            let (months, days, millis) = (part("months")?, part("days")?, part("millis")?);
            Avro::Duration(Duration::new(Months::new(months), Days::new(days), Millis::new(millis)))
        }
        _ => return None,
    })
}

/// The same number in as many bytes as a `fixed` has.
fn widened(bytes: Vec<u8>, size: usize) -> Option<Vec<u8>> {
    let filler = if bytes.first()? & 0x80 == 0 { 0 } else { 0xff };
    let mut wide = vec![filler; size.checked_sub(bytes.len())?];
    wide.extend(bytes);
    Some(wide)
}

fn int(json: &Value) -> Option<i32> {
    json.as_i64().and_then(|number| i32::try_from(number).ok())
}

/// A number that is finite stays so.
fn float(json: &Value) -> Option<f32> {
    let number = fraction::of_json(json)?;
    #[expect(clippy::cast_possible_truncation, reason = "a float is the nearest one to what was written")]
    let float = number as f32;
    (float.is_finite() || !number.is_finite()).then_some(float)
}

/// The bytes whose characters a text has.
fn bytes(json: &Value) -> Option<Vec<u8>> {
    json.as_str()?.chars().map(|character| u8::try_from(character).ok()).collect()
}
