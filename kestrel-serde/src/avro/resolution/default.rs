//! The default of a field, from JSON to bytes.
//!
//! The compiler calls it for our fields that the writer does not have, so that a walk only copies bytes.

use apache_avro::schema::{EnumSchema, RecordSchema};
use serde_json::{Map, Value as Json};

use super::super::cursor::Varint;
use super::super::describe::describe;
use super::super::node::{Form, Node};

/// Records whose fields default to records with fields that default: a recursive one would go on for ever.
const MAX_DEPTH: usize = 64;

/// Values that a default may be made of, those of branches that do not fit among them: records whose fields default to records can double
/// them with each level.
const MAX_PARTS: usize = 65_536;

/// The bytes of `default` as this schema writes it, or why there are none.
pub(super) fn encode_default(schema: Node<'_>, default: &Json) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    encode(schema, default, &mut Allowance { levels: MAX_DEPTH, parts: MAX_PARTS }, &mut out)?;
    Ok(out)
}

/// What is left of the levels and parts that a default may have.
struct Allowance {
    levels: usize,
    parts: usize,
}

fn encode(
    schema: Node<'_>,
    default: &Json,
    allowed: &mut Allowance,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    allowed.parts = allowed.parts.checked_sub(1).ok_or("its default is made of too many parts")?;
    allowed.levels = allowed.levels.checked_sub(1).ok_or("its default has no end")?;
    let encoded = encode_form(schema, default, allowed, out);
    allowed.levels += 1;
    encoded
}

fn encode_form(
    schema: Node<'_>,
    default: &Json,
    allowed: &mut Allowance,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match (Form::of(schema), default) {
        (Form::Null, Json::Null) => {}
        (Form::Boolean, Json::Bool(boolean)) => out.push((*boolean).into()),
        (Form::Int, _) => {
            let int = default.as_i64().and_then(|long| i32::try_from(long).ok());
            put_long(out, int.ok_or_else(|| unfit(schema, default))?.into());
        }
        (Form::Long, _) => put_long(out, default.as_i64().ok_or_else(|| unfit(schema, default))?),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "JSON has no shorter floats: a default is rounded to ours"
        )]
        (Form::Float, _) => {
            let float = number(default).ok_or_else(|| unfit(schema, default))? as f32;
            out.extend_from_slice(&float.to_le_bytes());
        }
        (Form::Double, _) => {
            let double = number(default).ok_or_else(|| unfit(schema, default))?;
            out.extend_from_slice(&double.to_le_bytes());
        }
        (Form::Bytes, Json::String(text)) => put_bytes(out, &one_byte_chars(schema, text)?),
        (Form::String, Json::String(text)) => put_bytes(out, text.as_bytes()),
        (Form::Fixed(fixed), Json::String(text)) => {
            let bytes = one_byte_chars(schema, text)?;
            if bytes.len() != fixed.size {
                return Err(unfit(schema, default));
            }
            out.extend_from_slice(&bytes);
        }
        (Form::Enum(EnumSchema { symbols, .. }), Json::String(symbol)) => {
            let index =
                symbols.iter().position(|ours| ours == symbol).ok_or_else(|| unfit(schema, default))?;
            put_count(out, index);
        }
        (Form::Array(item), Json::Array(items)) => {
            let item = schema.child(item);
            put_block(out, items.iter(), |out, value| encode(item, value, allowed, out))?;
        }
        (Form::Map(value), Json::Object(entries)) => {
            let value = schema.child(value);
            put_block(out, entries.iter(), |out, (key, default)| {
                put_bytes(out, key.as_bytes());
                encode(value, default, allowed, out)
            })?;
        }
        (Form::Record(record), Json::Object(values)) => fields(schema, record, values, allowed, out)?,
        (Form::Union(branches), _) => {
            let fitting = branches.iter().enumerate().find_map(|(index, branch)| {
                let mut bytes = Vec::new();
                encode(schema.child(branch), default, allowed, &mut bytes).ok().map(|()| (index, bytes))
            });
            let (index, bytes) = fitting.ok_or_else(|| unfit(schema, default))?;
            put_count(out, index);
            out.extend_from_slice(&bytes);
        }
        _ => return Err(unfit(schema, default)),
    }
    Ok(())
}

/// Each field from the object, or from its own default.
fn fields(
    schema: Node<'_>,
    record: &RecordSchema,
    values: &Map<String, Json>,
    allowed: &mut Allowance,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    for field in &record.fields {
        let value = values.get(&field.name).or(field.default.as_ref());
        let value = value.ok_or_else(|| format!("its default has no {}", field.name))?;
        encode(schema.child(&field.schema), value, allowed, out)?;
    }
    Ok(())
}

/// JSON has no infinities and no NaN: they are written as text.
fn number(default: &Json) -> Option<f64> {
    match default.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("INF" | "Infinity") => Some(f64::INFINITY),
        Some("-INF" | "-Infinity") => Some(f64::NEG_INFINITY),
        _ => default.as_f64(),
    }
}

/// Bytes are written as text whose characters are the bytes.
fn one_byte_chars(schema: Node<'_>, text: &str) -> Result<Vec<u8>, String> {
    let bytes = text.chars().map(u8::try_from).collect::<Result<_, _>>();
    bytes.map_err(|_| unfit(schema, &Json::String(text.to_owned())))
}

fn put_block<T>(
    out: &mut Vec<u8>,
    items: impl ExactSizeIterator<Item = T>,
    mut put: impl FnMut(&mut Vec<u8>, T) -> Result<(), String>,
) -> Result<(), String> {
    if items.len() > 0 {
        put_count(out, items.len());
        for item in items {
            put(out, item)?;
        }
    }
    put_count(out, 0);
    Ok(())
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(Varint::count(count as u64).bytes());
}

fn put_long(out: &mut Vec<u8>, long: i64) {
    out.extend_from_slice(Varint::of(long).bytes());
}

fn unfit(schema: Node<'_>, default: &Json) -> String {
    format!("its default {default} is no {}", describe(schema.schema()))
}
