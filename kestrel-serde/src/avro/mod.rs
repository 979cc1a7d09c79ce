//! Avro: one datum per key or value, without the header of an Avro file and without a registry's prefix.
//!
//! ```text
//! typed value  --serde-->  apache-avro writes our schema  -->  bytes
//! bytes  -->  Resolution: checked, and rewritten from the writer's schema to ours  -->  apache-avro reads  -->  typed value
//! ```
//!
//! [`Avro`] is the public format for serde types, [`AvroValue`] for `apache_avro::types::Value`; both are a shared
//! `Datum`. Schemas are parsed and compared once, when the format is made: no record parses or clones a schema.

mod cursor;
mod datum;
mod describe;
#[cfg(feature = "generic")]
mod json;
pub mod logical;
mod node;
#[cfg(feature = "registry")]
mod registered;
mod resolution;
mod self_contained;
mod value;
mod value_reader;

use std::fmt;
use std::sync::Arc;

use apache_avro::{AvroSchema, Schema};
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::datum::Datum;
#[cfg(feature = "generic")]
pub use self::json::{AvroDatumJson, AvroJson};
#[cfg(feature = "generic")]
use self::registered::record_name;
pub use self::value::AvroValue;
use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Any `Serialize` or `Deserialize` type as one Avro datum.
///
/// Writes with its schema, and reads what was written with that schema or, after [`writer_schema`](Self::writer_schema),
/// with another one. Cheap to clone.
///
/// The schema is derived from the type, or given. A given record is read into a struct of the same name only: where the
/// names differ, `#[serde(rename = "...")]` on the struct says the schema's. Deriving needs `apache-avro` 0.22 (feature `derive`) and `serde_json` in
/// the `Cargo.toml` of the crate that has the type.
///
/// ```
/// use apache_avro::AvroSchema;
/// use bytes::BytesMut;
/// use kestrel_serde::{Avro, Deserializer, SerdeContext, Serializer};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
/// struct Position {
///     truck: i32,
///     latitude: f64,
///     longitude: f64,
/// }
///
/// let avro = Avro::of::<Position>()?;
/// let ctx = SerdeContext::value("truck_gps");
/// let position = Position { truck: 7, latitude: 47.5, longitude: 19.0 };
/// let mut out = BytesMut::new();
/// avro.serialize(&mut ctx.writing(), &position, &mut out)?;
/// assert_eq!(out.len(), 1 + 8 + 8);
/// let read: Position = avro.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(read, position);
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
///
/// # Reading what another schema wrote
///
/// Avro's rules of schema resolution hold: fields are found by name or by an alias of ours; fields that we do not have are
/// skipped; fields that the writer did not have get our default; `int` becomes `long`, `float` or `double`, and so on; a
/// branch of a union is found by its type and name; an unknown symbol of an enum becomes our default symbol. Two schemas
/// that never fit are refused when they are given, and where only some data does not fit (a branch, a symbol), that data
/// is a poison pill.
///
/// Stricter than the specification: two different units of time (`timestamp-millis` and `timestamp-micros`), text and
/// bytes of a UUID, or decimals of another scale or a smaller precision do not fit each other, although their numbers and
/// bytes would (and Apache Avro for Java reads them, with another scale as another number). A decimal's precision may grow.
///
/// # Types and schemas
///
/// What `apache-avro` maps types to, and what to do where that is not what a given schema has; anything else is an encode error
/// (or, in reading, a poison pill) that says so:
///
/// | in the type | in the schema | |
/// |---|---|---|
/// | `Option<T>` | a union of null and one other type | for a union of more, an enum with a variant for each branch, a unit variant for null, and `#[avro(repr = "bare_union")]` |
/// | `Vec<u8>`, `[u8; N]` | an array | for `bytes` and `fixed`, `#[serde(with = "apache_avro::serde::bytes")]` (also `fixed`, `bytes_opt`, `fixed_opt`) on the field |
/// | `apache_avro::Decimal` | a decimal in `bytes` | in a `fixed`, make it from as many bytes as that has, the sign in front: `Decimal::from(number.to_be_bytes())` of an `i64` for 8 |
/// | decimals, dates, times, UUIDs as text | logical types | the types of [`logical`] |
/// | `u64`, `i128`, `u128` | a `fixed` with a name of `apache-avro`'s | for a `long`, use `i64` |
///
/// # Bytes that cannot be trusted
///
/// Before a value is built, the bytes are checked against the writer's schema: a claimed length that is not there, more
/// than 64 levels of nesting, more than 65,536 items without bytes, and bytes left over after the datum are refused
/// without an allocation for what is claimed. What is written passes the same check: a value that no reader of this format would take is
/// an encode error.
#[derive(Clone)]
pub struct Avro {
    datum: Arc<Datum>,
}

impl Avro {
    /// A format for values of this schema.
    ///
    /// The schema must hold the definition of every name that it refers to.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when a name is defined twice or nowhere.
    ///
    /// ```
    /// use apache_avro::Schema;
    /// use kestrel_serde::Avro;
    ///
    /// let timestamps = Avro::new(Schema::TimestampMillis)?;
    /// assert_eq!(timestamps.schema(), &Schema::TimestampMillis);
    /// # Ok::<(), kestrel_serde::SerdeError>(())
    /// ```
    pub fn new(schema: Schema) -> Result<Self, SerdeError> {
        Ok(Self::over(Datum::new(schema)?))
    }

    /// A format for values of the schema in this JSON text.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when the text is no Avro schema.
    ///
    /// ```
    /// use kestrel_serde::Avro;
    ///
    /// let error = Avro::parse(r#"{"type": "record", "name": "Position"}"#).unwrap_err();
    /// assert!(format!("{error:#}").starts_with("cannot use the schema: ")); // and what is wrong with it
    /// ```
    pub fn parse(schema: &str) -> Result<Self, SerdeError> {
        let parsed = Schema::parse_str(schema).map_err(SerdeError::schema)?;
        Ok(Self::over(Datum::new(parsed)?.with_text(schema)))
    }

    /// A format for values of the schema that is derived from `T`.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when the derived schema is not valid, for example because two types have the same name.
    pub fn of<T: AvroSchema>() -> Result<Self, SerdeError> {
        Self::new(T::get_schema())
    }

    /// Reads what was written with the schema `writer` into values of this format's own schema.
    ///
    /// Writing still uses the own schema. A second call replaces the first one's schema.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when `writer` is not valid, or when nothing that it writes could ever be read; the text
    /// names the field.
    ///
    /// ```
    /// use apache_avro::Schema;
    /// use bytes::Bytes;
    /// use kestrel_serde::{Avro, Deserializer, SerdeContext};
    /// use serde::Deserialize;
    ///
    /// #[derive(Debug, PartialEq, Deserialize)]
    /// struct Reading {
    ///     celsius: f64,
    ///     station: String,
    /// }
    ///
    /// let avro = Avro::parse(
    ///     r#"{"type": "record", "name": "Reading", "fields": [
    ///         {"name": "celsius", "type": "double", "aliases": ["temperature"]},
    ///         {"name": "station", "type": "string", "default": "unknown"}
    ///     ]}"#,
    /// )?;
    /// let old = r#"{"type": "record", "name": "Reading", "fields": [{"name": "temperature", "type": "int"}]}"#;
    /// let avro = avro.writer_schema(&Schema::parse_str(old).unwrap())?;
    /// let reading: Reading = avro.deserialize(&SerdeContext::value("weather").reading(), &Bytes::from_static(&[42]))?;
    /// assert_eq!(reading, Reading { celsius: 21.0, station: "unknown".into() });
    ///
    /// let error = avro.writer_schema(&Schema::String).unwrap_err();
    /// assert_eq!(format!("{error:#}"), "cannot use the schema: string cannot be read as record Reading");
    /// # Ok::<(), kestrel_serde::SerdeError>(())
    /// ```
    pub fn writer_schema(self, writer: &Schema) -> Result<Self, SerdeError> {
        let datum = Arc::unwrap_or_clone(self.datum).written_with(writer, &[])?;
        Ok(Self::over(datum))
    }

    /// The schema that this format writes with, and reads into.
    pub fn schema(&self) -> &Schema {
        self.datum.schema()
    }

    /// The same schema as JSON text, as a schema registry is given it: the text that it was [parsed](Self::parse) from, or else
    /// what `apache-avro` makes of it.
    ///
    /// ```
    /// use kestrel_serde::Avro;
    ///
    /// assert_eq!(Avro::of::<i64>()?.schema_text(), r#""long""#);
    /// # Ok::<(), kestrel_serde::SerdeError>(())
    /// ```
    pub fn schema_text(&self) -> String {
        self.datum.schema_text()
    }

    /// The same format for `apache_avro::types::Value` in place of serde types.
    pub fn values(&self) -> AvroValue {
        AvroValue::over(Arc::clone(&self.datum))
    }

    fn over(datum: Datum) -> Self {
        Self { datum: Arc::new(datum) }
    }
}

impl fmt::Debug for Avro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Avro").field("schema", &self.schema().canonical_form()).finish_non_exhaustive()
    }
}

impl<T> Serializer<T> for Avro
where
    T: Serialize + ?Sized,
{
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        self.datum.write_typed(value, out).map_err(|cause| SerdeError::encode(ctx, cause))
    }
}

impl<T> Deserializer<T> for Avro
where
    T: DeserializeOwned,
{
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        self.datum.read_typed(bytes).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

#[cfg(test)]
mod tests;
