//! One schema made ready to write and read datums.
//!
//! `Avro` and `AvroValue` call it; it hands checked bytes to `apache-avro`, which knows serde. It never gives
//! `apache-avro` bytes that have not passed the [`Resolution`]: its decoders take a truncated string for a null, and
//! allocate what a length claims. Nor does it use `apache-avro`'s own schema resolution, which in 0.22 passes over the
//! aliases of fields and picks a union's record by its shape.

use apache_avro::error::Details;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::ResolvedSchema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{AvroResult, Schema};
use bytes::{BufMut, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::describe::describe;
use super::resolution::Resolution;
use super::self_contained::self_contained;
use super::value_reader::read_value;
use crate::{BoxError, SerdeError};

/// A schema, and how to read into it.
#[derive(Debug, Clone)]
pub(super) struct Datum {
    /// As the user gave it.
    schema: Schema,
    /// The same schema with each reference replaced by what it names, when that is possible.
    flat: Option<Schema>,
    resolution: Resolution,
}

impl Datum {
    /// Reads and writes this schema.
    pub(super) fn new(schema: Schema) -> Result<Self, SerdeError> {
        let names = ResolvedSchema::new(&schema).map_err(SerdeError::schema)?;
        let resolution = Resolution::check(&schema, names.get_names());
        let flat = self_contained(&schema, names.get_names());
        drop(names);
        Ok(Self { schema, flat, resolution })
    }

    /// Reads what `writer` wrote.
    pub(super) fn written_with(self, writer: &Schema) -> Result<Self, SerdeError> {
        let writer_names = ResolvedSchema::new(writer).map_err(SerdeError::schema)?;
        let names = ResolvedSchema::new(&self.schema).map_err(SerdeError::schema)?;
        let resolution =
            Resolution::new((writer, writer_names.get_names()), (&self.schema, names.get_names()))
                .map_err(SerdeError::schema)?;
        Ok(Self { resolution, ..self })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn write_typed<T: Serialize + ?Sized>(
        &self,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), BoxError> {
        let writer = self.writer().map_err(readable)?;
        writer.write_ser(&mut out.writer(), &value).map_err(readable)?;
        Ok(())
    }

    pub(super) fn write_value(&self, value: &Value, out: &mut BytesMut) -> Result<(), BoxError> {
        let writer = self.writer().map_err(readable)?;
        writer.write_value_ref(&mut out.writer(), value).map_err(|error| match error.details() {
            Details::Validation => {
                format!("the value does not fit the schema, {}", describe(&self.schema)).into()
            }
            _ => readable(error),
        })?;
        Ok(())
    }

    pub(super) fn read_typed<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, BoxError> {
        let resolved = self.resolution.resolve(bytes)?;
        let (schema, names) = self.resolved().map_err(readable)?;
        let reader =
            GenericDatumReader::builder(schema).resolved_writer_schemata(names).build().map_err(readable)?;
        reader.read_deser(&mut &*resolved).map_err(readable)
    }

    pub(super) fn read_value(&self, bytes: &[u8]) -> Result<Value, BoxError> {
        let resolved = self.resolution.resolve(bytes)?;
        let (schema, names) = self.resolved().map_err(readable)?;
        read_value(schema, names.get_names(), &resolved)
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
            format!("the type asks for a {value_type} where the schema has {}: {value}", describe(&schema))
                .into()
        }
        details => apache_avro::Error::new(details).into(),
    }
}
