//! One schema made ready to write and read datums.
//!
//! `Avro` and `AvroValue` call it; it hands checked bytes to `apache-avro`, which knows serde. It never gives
//! `apache-avro` bytes that have not passed the [`Resolution`]: its decoders take a truncated string for a null, and
//! allocate what a length claims. Nor does it use `apache-avro`'s own schema resolution, which in 0.22 passes over the
//! aliases of fields and picks a union's record by its shape.

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
use super::resolution::{MAX_DEPTH, Resolution, TOO_DEEP};
use super::self_contained::self_contained;
use super::value_reader::read_value;
use crate::guard::{self, Refusal, Rules, Shape};
use crate::{BoxError, SerdeError};

/// What keeps the stack of `apache-avro`'s writer short. A level of a datum is at most two of a value: the exact limit is the
/// reader's, and held by [`Datum::check_written`].
const RULES: Rules = Rules { max_levels: 2 * MAX_DEPTH, too_deep: TOO_DEEP, is_json: false };

/// A schema, and how to read into it.
#[derive(Debug, Clone)]
pub(super) struct Datum {
    /// As the user gave it.
    schema: Schema,
    /// The same schema with each reference replaced by what it names, when that is possible.
    flat: Option<Schema>,
    /// From this schema to itself: what is written passes it, so that no writer makes what its reader refuses.
    own: Resolution,
    /// From the writer's schema to this one, if that is another.
    from_writer: Option<Resolution>,
}

impl Datum {
    /// Reads and writes this schema.
    pub(super) fn new(schema: Schema) -> Result<Self, SerdeError> {
        let names = ResolvedSchema::new(&schema).map_err(SerdeError::schema)?;
        let own = Resolution::check(&schema, names.get_names());
        let flat = self_contained(&schema, names.get_names());
        drop(names);
        Ok(Self { schema, flat, own, from_writer: None })
    }

    /// Reads what `writer` wrote.
    pub(super) fn written_with(self, writer: &Schema) -> Result<Self, SerdeError> {
        let writer_names = ResolvedSchema::new(writer).map_err(SerdeError::schema)?;
        let names = ResolvedSchema::new(&self.schema).map_err(SerdeError::schema)?;
        let resolution =
            Resolution::new((writer, writer_names.get_names()), (&self.schema, names.get_names()))
                .map_err(SerdeError::schema)?;
        Ok(Self { from_writer: Some(resolution), ..self })
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
        self.check_written(out.get(start..).unwrap_or_default())
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
        self.check_written(out.get(start..).unwrap_or_default())
    }

    /// Refuses what this format would refuse to read.
    fn check_written(&self, datum: &[u8]) -> Result<(), BoxError> {
        self.own.resolve(datum)?;
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
