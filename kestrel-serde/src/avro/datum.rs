//! One schema made ready to write and read datums.
//!
//! `Avro` and `AvroValue` call it; it hands checked bytes to `apache-avro`, which knows serde. It never gives
//! `apache-avro` bytes that have not passed the [`Resolution`]: its decoders take a truncated string for a null, and
//! allocate what a length claims. Nor does it use `apache-avro`'s own schema resolution, which in 0.22 passes over the
//! aliases of fields and picks a union's record by its shape.

use std::borrow::Cow;
use std::cell::OnceCell;

use apache_avro::error::Details;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::ResolvedSchema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{AvroResult, Schema};
use bytes::{BufMut, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use super::describe::describe;
#[cfg(feature = "generic")]
use super::node::Node;
use super::resolution::{MAX_DEPTH, Resolution, TOO_DEEP};
use super::self_contained::self_contained;
use super::value_reader::read_value;
use crate::guard::{self, Refusal, Rules, Shape};
use crate::{BoxError, SerdeError};

/// What keeps the stack of `apache-avro`'s writer short. A level of a datum is at most two of a value: the exact limit is the
/// reader's, and held by [`Datum::finish_written`].
const RULES: Rules = Rules { max_levels: 2 * MAX_DEPTH, too_deep: TOO_DEEP, is_json: false };

/// A schema, and how to read into it.
#[derive(Debug, Clone)]
pub(super) struct Datum {
    /// As the user gave it.
    schema: Schema,
    /// The text that it was parsed from, if it was.
    text: Option<Box<str>>,
    /// The same schema with each reference replaced by what it names, when that is possible.
    flat: Option<Schema>,
    /// From this schema to itself: what is written passes it, so that no writer makes what its reader refuses.
    own: Resolution,
    /// From the writer's schema to this one, if that is another.
    from_writer: Option<Resolution>,
    /// From this schema to the one that datums are to be in, if that is another.
    to_target: Option<Resolution>,
}

impl Datum {
    /// Reads and writes this schema.
    pub(super) fn new(schema: Schema) -> Result<Self, SerdeError> {
        let names = ResolvedSchema::new(&schema).map_err(SerdeError::schema)?;
        let own = Resolution::check(&schema, names.get_names()).map_err(SerdeError::schema)?;
        let flat = self_contained(&schema, names.get_names());
        drop(names);
        Ok(Self { schema, text: None, flat, own, from_writer: None, to_target: None })
    }

    /// Reads and writes this schema, which may refer to types of `others`.
    #[cfg(feature = "generic")]
    pub(super) fn referring(schema: Schema, others: &[Schema]) -> Result<Self, SerdeError> {
        if others.is_empty() {
            return Self::new(schema);
        }
        let names = names(&schema, others)?;
        let own = Resolution::check(&schema, names.get_names()).map_err(SerdeError::schema)?;
        let flat = self_contained(&schema, names.get_names()).ok_or_else(|| {
            SerdeError::schema("it refers to other schemas and to itself, or is huge once they are in it")
        })?;
        drop(names);
        Ok(Self { schema, text: None, flat: Some(flat), own, from_writer: None, to_target: None })
    }

    /// The same, whose schema was parsed from this text.
    pub(super) fn with_text(self, text: &str) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// Reads what `writer` wrote, which may refer to types of `others`.
    pub(super) fn written_with(self, writer: &Schema, others: &[Schema]) -> Result<Self, SerdeError> {
        let resolution = resolution((writer, others), (&self.schema, &[]))?;
        Ok(Self { from_writer: Some(resolution), ..self })
    }

    /// Writes datums of the schema `target`, which may refer to types of `others`.
    #[cfg(feature = "registry")]
    pub(super) fn writing_in(self, target: &Schema, others: &[Schema]) -> Result<Self, SerdeError> {
        let resolution = resolution((&self.schema, &[]), (target, others))?;
        Ok(Self { to_target: Some(resolution), ..self })
    }

    pub(super) fn schema_text(&self) -> String {
        match &self.text {
            Some(text) => text.to_string(),
            None => serde_json::to_string(&self.schema).expect("a schema has a form in JSON"),
        }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn write_typed<T: Serialize + ?Sized>(
        &self,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), BoxError> {
        let start = out.len();
        let guarded = Guarded { value, refused: OnceCell::new() };
        let writer = self.writer().map_err(readable)?;
        writer.write_ser(&mut out.writer(), &guarded).map_err(|error| guarded.explain(error))?;
        self.finish_written(start, out)
    }

    pub(super) fn write_value(&self, value: &Value, out: &mut BytesMut) -> Result<(), BoxError> {
        // Its writer uses more of the stack for a level than its reader does.
        if !within_levels(value) {
            return Err(TOO_DEEP.into());
        }
        let start = out.len();
        let writer = self.writer().map_err(readable)?;
        writer.write_value_ref(&mut out.writer(), value).map_err(|error| match error.details() {
            Details::Validation => {
                format!("the value does not fit the schema, {}", describe(&self.schema)).into()
            }
            _ => readable(error),
        })?;
        self.finish_written(start, out)
    }

    /// Refuses what this format would refuse to read, and brings the rest into the schema that it is to be in.
    fn finish_written(&self, start: usize, out: &mut BytesMut) -> Result<(), BoxError> {
        let datum = out.get(start..).unwrap_or_default();
        self.own.resolve(datum)?;
        let Some(to_target) = &self.to_target else { return Ok(()) };
        if let Cow::Owned(datum) = to_target.resolve(datum)? {
            out.truncate(start);
            out.put_slice(&datum);
        }
        Ok(())
    }

    pub(super) fn read_typed<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, BoxError> {
        let resolved = self.resolution().resolve(bytes)?;
        let (schema, names) = self.resolved().map_err(readable)?;
        let reader =
            GenericDatumReader::builder(schema).resolved_writer_schemata(names).build().map_err(readable)?;
        reader.read_deser(&mut &*resolved).map_err(readable)
    }

    pub(super) fn read_value(&self, bytes: &[u8]) -> Result<Value, BoxError> {
        let resolved = self.resolution().resolve(bytes)?;
        let (schema, names) = self.resolved().map_err(readable)?;
        read_value(schema, names.get_names(), &resolved)
    }

    /// Calls `work` with the schema among the names that it refers to.
    #[cfg(feature = "generic")]
    pub(super) fn with_node<T>(&self, work: impl FnOnce(Node<'_>) -> T) -> Result<T, BoxError> {
        let (schema, names) = self.resolved().map_err(readable)?;
        Ok(work(Node::root(schema, names.get_names())))
    }

    fn resolution(&self) -> &Resolution {
        self.from_writer.as_ref().unwrap_or(&self.own)
    }

    fn writer(&self) -> AvroResult<GenericDatumWriter<'_>> {
        let (schema, names) = self.resolved()?;
        GenericDatumWriter::builder(schema).resolved_schemata(names).build()
    }

    /// The schema and a table of the names that it refers to.
    ///
    /// `apache-avro` wants the table by value and borrowed from the schema, so it cannot be kept beside it. A flat schema
    /// refers to nothing: its table is empty and costs nothing. Only a recursive one pays for a table with each datum.
    fn resolved(&self) -> AvroResult<(&Schema, ResolvedSchema<'_>)> {
        match &self.flat {
            Some(flat) => Ok((flat, ResolvedSchema::new_with_schemata(Vec::new())?)),
            None => Ok((&self.schema, ResolvedSchema::new(&self.schema)?)),
        }
    }
}

/// From one schema to another, each with schemas that it may refer to.
fn resolution(
    (from, from_others): (&Schema, &[Schema]),
    (to, to_others): (&Schema, &[Schema]),
) -> Result<Resolution, SerdeError> {
    let (from_names, to_names) = (names(from, from_others)?, names(to, to_others)?);
    Resolution::new((from, from_names.get_names()), (to, to_names.get_names())).map_err(SerdeError::schema)
}

/// The names that a schema and those that it may refer to define.
fn names<'s>(schema: &'s Schema, others: &'s [Schema]) -> Result<ResolvedSchema<'s>, SerdeError> {
    let schemata = others.iter().chain([schema]).collect();
    ResolvedSchema::new_with_schemata(schemata).map_err(SerdeError::schema)
}

/// A value that is written within the rules, and why it was not.
struct Guarded<'v, T: ?Sized> {
    value: &'v T,
    refused: OnceCell<(Shape, String)>,
}

impl<T: Serialize + ?Sized> Serialize for Guarded<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        guard::write(&RULES, self.value, serializer).map_err(|Refusal { error, field, shape }| {
            self.refused.get_or_init(|| (shape, field));
            error
        })
    }
}

impl<T: ?Sized> Guarded<'_, T> {
    /// The error of `apache-avro`, and what to do about it where that is known.
    fn explain(&self, error: apache_avro::Error) -> BoxError {
        let error = readable(error);
        match self.refused.get() {
            Some((Shape::Deep, field)) => format!("field {field}: {TOO_DEEP}").into(),
            Some((Shape::Option, _)) => format!("{error}; {OPTION_HINT}").into(),
            Some((Shape::Sequence, _)) => format!("{error}; {SEQUENCE_HINT}").into(),
            Some((Shape::Bytes, _)) => format!("{error}; {BYTES_HINT}").into(),
            Some((Shape::Other, _)) | None => error,
        }
    }
}

const OPTION_HINT: &str = "an Option is a union of null and one other type: where the union has more, use an enum with a \
    variant for each branch (`#[avro(repr = \"bare_union\")]`)";
const SEQUENCE_HINT: &str = "a Vec or slice is an array: Vec<u8> in `bytes` or `fixed` needs \
    `#[serde(with = \"apache_avro::serde::bytes\")]` or `\"apache_avro::serde::fixed\"`";
const BYTES_HINT: &str =
    "bytes in a `fixed` are as many as it has: a Decimal is made from so many, with its sign in front";

/// Whether no reader would find more levels in it than it takes. A union is no level, and is never in a union.
fn within_levels(value: &Value) -> bool {
    fn within(value: &Value, levels: usize, in_union: bool) -> bool {
        let inside = levels.checked_sub(1);
        let part = |part: &Value| inside.is_some_and(|levels| within(part, levels, false));
        match value {
            Value::Union(_, value) => !in_union && within(value, levels, true),
            Value::Array(items) => inside.is_some() && items.iter().all(part),
            Value::Map(entries) => inside.is_some() && entries.values().all(part),
            Value::Record(fields) => inside.is_some() && fields.iter().all(|(_, value)| part(value)),
            _ => true,
        }
    }
    within(value, MAX_DEPTH, false)
}

/// The same error, with a schema's name where `apache-avro` prints the whole schema.
fn readable(error: apache_avro::Error) -> BoxError {
    match error.into_details() {
        Details::SerializeRecordFieldWithSchema { field_name, record_schema, error } => {
            format!("field {field_name} of record {}: {error}", record_schema.name).into()
        }
        Details::SerializeValueWithSchema { value_type, value, schema } => {
            format!("a {value_type} does not fit the schema, {}: {value}", describe(&schema)).into()
        }
        Details::MissingDefaultForSkippedField { field_name, schema } => {
            format!("field {field_name} of record {} is missing and has no default", schema.name).into()
        }
        Details::DeserializeSchemaAware { value_type, value, schema } => {
            let hint = match (value_type, &schema) {
                ("option", _) => format!("; {OPTION_HINT}"),
                ("seq", Schema::Bytes | Schema::Fixed(_)) => format!("; {SEQUENCE_HINT}"),
                _ => String::new(),
            };
            format!(
                "the type asks for a {value_type} where the schema has {}: {value}{hint}",
                describe(&schema)
            )
            .into()
        }
        details => apache_avro::Error::new(details).into(),
    }
}
