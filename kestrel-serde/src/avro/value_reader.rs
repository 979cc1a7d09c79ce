//! A datum as `apache_avro::types::Value`.
//!
//! `Datum` calls it with bytes that the resolution has checked. `apache-avro` reads the parts without parts; what lies
//! in each other is read here, because its own reader takes so much of the stack for each level (100 KiB in a debug
//! build) that twenty levels end a program.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{NamesRef, RecordSchema, ResolvedSchema};
use apache_avro::types::Value;

use super::cursor::Cursor;
use super::node::Node;
use crate::BoxError;

/// The value in these bytes, which the schema has written.
pub(super) fn read_value(schema: &Schema, names: &NamesRef<'_>, datum: &[u8]) -> Result<Value, BoxError> {
    value(Node::root(schema, names), &mut Cursor::new(datum))
}

fn value(node: Node<'_>, rest: &mut Cursor<'_>) -> Result<Value, BoxError> {
    match node.schema() {
        Schema::Record(record) => fields(node, record, rest),
        Schema::Array(array) => items(node.child(&array.items), rest),
        Schema::Map(map) => entries(node.child(&map.types), rest),
        Schema::Union(union) => branch(node, union.variants(), rest),
        leaf => plain(leaf, rest),
    }
}

fn fields(node: Node<'_>, record: &RecordSchema, rest: &mut Cursor<'_>) -> Result<Value, BoxError> {
    let mut fields = Vec::with_capacity(record.fields.len());
    for field in &record.fields {
        fields.push((field.name.clone(), value(node.child(&field.schema), rest)?));
    }
    Ok(Value::Record(fields))
}

fn items(item: Node<'_>, rest: &mut Cursor<'_>) -> Result<Value, BoxError> {
    let mut items = Vec::new();
    loop {
        match rest.block()? {
            0 => return Ok(Value::Array(items)),
            count => {
                for _ in 0..count {
                    items.push(value(item, rest)?);
                }
            }
        }
    }
}

fn entries(of: Node<'_>, rest: &mut Cursor<'_>) -> Result<Value, BoxError> {
    let mut entries = HashMap::new();
    loop {
        match rest.block()? {
            0 => return Ok(Value::Map(entries)),
            count => {
                for _ in 0..count {
                    let size = rest.long()?.unsigned_abs();
                    let key = str::from_utf8(rest.take(size)?)?.to_owned();
                    entries.insert(key, value(of, rest)?);
                }
            }
        }
    }
}

fn branch(node: Node<'_>, branches: &[Schema], rest: &mut Cursor<'_>) -> Result<Value, BoxError> {
    let index = u32::try_from(rest.long()?)?;
    let branch = branches.get(index as usize).ok_or("no such branch")?;
    Ok(Value::Union(index, Box::new(value(node.child(branch), rest)?)))
}

fn plain(leaf: &Schema, rest: &mut Cursor<'_>) -> Result<Value, BoxError> {
    let no_names = ResolvedSchema::new_with_schemata(Vec::new())?;
    let reader = GenericDatumReader::builder(leaf).resolved_writer_schemata(no_names).build()?;
    let mut bytes = rest.rest();
    let value = reader.read_value(&mut bytes)?;
    *rest = Cursor::new(bytes);
    Ok(value)
}
