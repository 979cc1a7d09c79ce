//! Avro as JSON: values of schemas that a program learns at run time, for tools that show and write whatever there is.
//!
//! ```text
//! JSON  --value::of_json-->  apache_avro's Value  --Datum-->  bytes
//! bytes  --Datum-->  Value  --text::of_value-->  JSON
//! ```

mod decimal;
mod text;
mod value;

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kestrel_schema::avro::Side;
use serde_json::Value;

use super::datum::Datum;
use super::node::Node;
use super::registered::parse;
use super::{Avro, record_name};
use crate::registry::{CompleteSchema, SchemaFormat};
use crate::{BoxError, DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Values of any Avro schema of a registry as JSON.
///
/// They are read in whatever schema they were written in, and written in the one that [`write_in`](crate::registry::Registered::write_in)
/// says, or in the own one.
///
/// | Avro | JSON |
/// |---|---|
/// | a union | the value itself; to be written also `{"branch": value}`, as Avro's own encoding has it |
/// | `bytes`, `fixed` | a text with a character for each byte, as in Avro's own encoding |
/// | dates, times, timestamps | their number |
/// | a decimal | a text with all of its digits: `"12.30"` |
/// | a duration | `{"months": 0, "days": 1, "millis": 0}` |
/// | `float`, `double` | a number, or one of the texts `NaN`, `Infinity` and `-Infinity` |
///
/// A field that is missing takes its default; one that the schema does not have is an error.
///
/// ```
/// use bytes::BytesMut;
/// use kestrel_serde::registry::SchemaFormat;
/// use kestrel_serde::{AvroJson, Deserializer, SerdeContext, Serializer};
/// use serde_json::json;
///
/// let schema = r#"{"type": "record", "name": "Quake", "fields": [
///     {"name": "magnitude", "type": ["null", "double"]}, {"name": "place", "type": "string", "default": "?"}
/// ]}"#;
/// let quakes = AvroJson::parse(schema)?.own_writer()?;
/// let ctx = SerdeContext::value("quakes");
/// let mut out = BytesMut::new();
/// quakes.serialize(&mut ctx.writing(), &json!({"magnitude": 4.7}), &mut out)?;
/// let read = quakes.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(read, json!({"magnitude": 4.7, "place": "?"}));
///
/// let error = quakes.serialize(&mut ctx.writing(), &json!({"magnitud": 4.7}), &mut BytesMut::new()).unwrap_err();
/// assert!(format!("{error:#}").ends_with("the record Quake has no field magnitud"), "{error:#}");
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct AvroJson {
    own: Option<Avro>,
}

impl AvroJson {
    /// Values of every schema. To write them, a schema has to be said that the registry has.
    #[must_use]
    pub const fn any() -> Self {
        Self { own: None }
    }

    /// Values of the schema in this JSON text, and of every one in reading.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when the text is no Avro schema.
    pub fn parse(schema: &str) -> Result<Self, SerdeError> {
        Avro::parse(schema).map(|own| Self { own: Some(own) })
    }
}

impl SchemaFormat for AvroJson {
    type Writer = AvroDatumJson;
    type Reader = AvroDatumJson;

    fn schema(&self) -> kestrel_schema::Schema {
        kestrel_schema::Schema::avro(self.own.as_ref().map(Avro::schema_text).unwrap_or_default())
    }

    fn record_name(&self) -> Option<String> {
        record_name(self.own.as_ref()?.schema())
    }

    fn own_writer(&self) -> Result<AvroDatumJson, SerdeError> {
        let own = self.own.as_ref().ok_or_else(crate::generic::no_schema)?;
        Ok(AvroDatumJson { datum: Arc::clone(&own.datum) })
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(AvroDatumJson, Vec<i32>), SerdeError> {
        Ok((AvroDatumJson::of(target, Side::Reader)?, Vec::new()))
    }

    fn reader(&self, writer: &CompleteSchema, _: &[i32]) -> Result<AvroDatumJson, SerdeError> {
        AvroDatumJson::of(writer, Side::Writer)
    }
}

/// Values of one Avro schema as JSON, without anything of a registry around them: the writer and the reader of [`AvroJson`].
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::registry::SchemaFormat;
/// use kestrel_serde::{AvroJson, Deserializer, SerdeContext};
///
/// let longs = AvroJson::parse(r#""long""#)?.own_writer()?;
/// assert_eq!(longs.deserialize(&SerdeContext::value("counts").reading(), &Bytes::from_static(&[6]))?, 3);
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Clone)]
pub struct AvroDatumJson {
    datum: Arc<Datum>,
}

impl AvroDatumJson {
    fn of(complete: &CompleteSchema, side: Side) -> Result<Self, SerdeError> {
        let (schema, others) = parse(complete, side)?;
        Ok(Self { datum: Arc::new(Datum::referring(schema, &others)?) })
    }

    fn write(&self, json: &Value, out: &mut BytesMut) -> Result<(), BoxError> {
        let value = self.datum.with_node(|node| value::of_json(node, json))??;
        self.datum.write_value(&value, out)
    }

    fn read(&self, bytes: &[u8]) -> Result<Value, BoxError> {
        let value = self.datum.read_value(bytes)?;
        self.datum.with_node(|node| text::of_value(node, &value))?
    }
}

impl Serializer<Value> for AvroDatumJson {
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &Value,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        self.write(value, out).map_err(|cause| SerdeError::encode(ctx, cause))
    }
}

impl Deserializer<Value> for AvroDatumJson {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<Value, SerdeError> {
        self.read(bytes).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

impl fmt::Debug for AvroDatumJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroDatumJson").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
