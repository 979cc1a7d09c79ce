//! Avro with a registry: writers and readers for the schemas that it has.

use apache_avro::{AvroResult, Schema};
use kestrel_schema::SchemaType;
use kestrel_schema::avro::{AvroSchema, Side};

use super::datum::Datum;
use super::{Avro, AvroValue};
use crate::SerdeError;
use crate::registry::{CompleteSchema, SchemaFormat};

/// With a registry: reads what was written in any schema that its own one can be resolved with.
impl SchemaFormat for Avro {
    type Writer = Self;
    type Reader = Self;

    fn schema(&self) -> kestrel_schema::Schema {
        kestrel_schema::Schema::avro(self.schema_text())
    }

    fn record_name(&self) -> Option<String> {
        record_name(self.schema())
    }

    fn own_writer(&self) -> Result<Self, SerdeError> {
        Ok(self.clone())
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(Self, Vec<i32>), SerdeError> {
        Ok((Self::over(writing_in(&self.datum, target)?), Vec::new()))
    }

    fn reader(&self, writer: &CompleteSchema, _: &[i32]) -> Result<Self, SerdeError> {
        Ok(Self::over(written_in(&self.datum, writer)?))
    }
}

/// With a registry: as [`Avro`], for values.
impl SchemaFormat for AvroValue {
    type Writer = Self;
    type Reader = Self;

    fn schema(&self) -> kestrel_schema::Schema {
        kestrel_schema::Schema::avro(self.datum().schema_text())
    }

    fn record_name(&self) -> Option<String> {
        record_name(self.schema())
    }

    fn own_writer(&self) -> Result<Self, SerdeError> {
        Ok(self.clone())
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(Self, Vec<i32>), SerdeError> {
        Ok((Self::over(writing_in(self.datum(), target)?.into()), Vec::new()))
    }

    fn reader(&self, writer: &CompleteSchema, _: &[i32]) -> Result<Self, SerdeError> {
        Ok(Self::over(written_in(self.datum(), writer)?.into()))
    }
}

fn writing_in(datum: &Datum, target: &CompleteSchema) -> Result<Datum, SerdeError> {
    let (target, others) = parse(target, Side::Reader)?;
    datum.clone().writing_in(&target, &others)
}

fn written_in(datum: &Datum, writer: &CompleteSchema) -> Result<Datum, SerdeError> {
    let (writer, others) = parse(writer, Side::Writer)?;
    datum.clone().written_with(&writer, &others)
}

/// How deep objects and arrays may be in each other in a text for `apache-avro`, whose parser uses the stack for each.
const MAX_JSON_LEVELS: usize = 96;

/// A registered schema, and those that it refers to.
///
/// `apache-avro` is given what data are read by, and no more: its parser takes less than Java's, follows defaults into each other for as
/// long as a stranger wants it to, and goes down a level for each schema that refers to another one.
pub(super) fn parse(complete: &CompleteSchema, side: Side) -> Result<(Schema, Vec<Schema>), SerdeError> {
    let schema = complete.schema();
    if schema.schema_type != SchemaType::Avro {
        return Err(SerdeError::schema(format!("it is a schema of type {}, not AVRO", schema.schema_type)));
    }
    let parsed = AvroSchema::parse(&schema.text, complete.dependencies()).map_err(SerdeError::schema)?;
    if side == Side::Reader {
        parsed.validate().map_err(SerdeError::schema)?;
    }
    let forms = parsed.data_forms(side, MAX_JSON_LEVELS).map_err(SerdeError::schema)?;
    together(&forms).map_err(|cause| {
        // A registry, and kestrel-schema with it, takes some names that this one does not.
        SerdeError::schema(format!(
            "apache-avro, which reads and writes Avro here, does not take it: {cause}"
        ))
    })
}

/// Parses texts, of which the last one is the schema itself, so that each knows the names in those before it: as fields of a record.
fn together(forms: &[String]) -> AvroResult<(Schema, Vec<Schema>)> {
    let field = |(index, form)| format!(r#"{{"name":"f{index}","type":{form}}}"#);
    let fields: Vec<_> = forms.iter().enumerate().map(field).collect();
    let text = format!(r#"{{"type":"record","name":"Together","fields":[{}]}}"#, fields.join(","));
    let Schema::Record(record) = Schema::parse_str(&text)? else { unreachable!("it is a record") };
    let mut schemas: Vec<_> = record.fields.into_iter().map(|field| field.schema).collect();
    let schema = schemas.pop().expect("the schema itself is the last one");
    Ok((schema, schemas))
}

pub(super) fn record_name(schema: &Schema) -> Option<String> {
    schema.name().map(|name| name.fullname(None))
}

#[cfg(test)]
mod tests;
