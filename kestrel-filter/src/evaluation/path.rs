//! The parts of a record, and the way into them. Pure.

use serde_json::Value as Json;

use super::Evaluation;
use crate::expression::{Path, Root, Step};
use crate::record::part::Part;
use crate::record::{Record, Undecodable};
use crate::undecided::Cause;
use crate::value::Value;
use crate::value::time;

impl<'a> Evaluation<'a> {
    pub(super) fn path(&self, path: &'a Path) -> Result<Value<'a>, Cause> {
        match (path.root, path.steps.as_slice()) {
            (Root::Part(Part::Headers), [Step::Field(name), ..]) => Ok(self.header(name)),
            (Root::Part(part), steps) => into(root(part, self.record)?, steps),
            (Root::Element, steps) => into(self.element.map_or(Ok(Value::Missing), Value::of_json)?, steps),
        }
    }

    fn header(&self, name: &str) -> Value<'a> {
        match self.record.header(name) {
            None => Value::Missing,
            Some(None) => Value::Null,
            Some(Some(bytes)) => Value::of_header(bytes),
        }
    }
}

/// A part of a record, all of it.
pub(super) fn root(part: Part, record: &dyn Record) -> Result<Value<'_>, Cause> {
    let undecodable = |error: Undecodable| Cause::Undecodable(error.into_reason());
    match part {
        Part::Key => Value::of_decoded(record.key().map_err(undecodable)?),
        Part::Value => Value::of_decoded(record.value().map_err(undecodable)?),
        // They are asked for one by one.
        Part::Headers => Ok(Value::Missing),
        Part::Timestamp => Ok(Value::Time(i128::from(record.timestamp_millis()) * time::MILLISECOND)),
        Part::Partition => Ok(Value::whole(record.partition())),
        Part::Offset => Ok(Value::whole(record.offset())),
        Part::Topic => Ok(Value::text(record.topic())),
        Part::RawKey => Ok(record.raw_key().map_or(Value::Null, Value::Bytes)),
        Part::RawValue => Ok(record.raw_value().map_or(Value::Null, Value::Bytes)),
    }
}

fn into<'a>(value: Value<'a>, steps: &[Step]) -> Result<Value<'a>, Cause> {
    steps.iter().try_fold(value, |value, step| step_into(&value, step))
}

/// A field or an element. Null and what is missing have all of them, and all are missing.
pub(super) fn step_into<'a>(value: &Value<'a>, step: &Step) -> Result<Value<'a>, Cause> {
    let found: Option<&'a Json> = match (value, step) {
        (Value::Missing | Value::Null, _) => None,
        (Value::Object(object), Step::Field(name)) => object.get(&**name),
        (Value::List(list), Step::Index(index)) => element(list, *index),
        (other, step) => {
            let parts = match step {
                Step::Field(_) => "a field",
                Step::Index(_) => "an element",
            };
            return Err(other.kind().map_or(Cause::Missing, |kind| Cause::Without(kind, parts)));
        }
    };
    found.map_or(Ok(Value::Missing), Value::of_json)
}

fn element(list: &[Json], index: i64) -> Option<&Json> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { list.len().checked_sub(distance).and_then(|at| list.get(at)) } else { list.get(distance) }
}
