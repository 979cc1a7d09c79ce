//! Avro without Rust types.
//!
//! For programs that learn their schemas at run time. It never goes through serde.

use std::fmt;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::types::Value;
use bytes::{Bytes, BytesMut};

use super::datum::Datum;
use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Values of `apache_avro::types::Value` as one Avro datum; made by [`Avro::values`](crate::Avro::values).
///
/// A value that does not fit the schema is an encode error. All that [`Avro`](crate::Avro) says of schemas and untrusted
/// bytes holds here.
///
/// ```
/// use apache_avro::types::Value;
/// use bytes::BytesMut;
/// use kestrel_serde::{Avro, Deserializer, SerdeContext, Serializer};
///
/// let schema = r#"{"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}]}"#;
/// let values = Avro::parse(schema)?.values();
/// let ctx = SerdeContext::value("points");
/// let point = Value::Record(vec![("x".into(), Value::Int(3))]);
/// let mut out = BytesMut::new();
/// values.serialize(&mut ctx.writing(), &point, &mut out)?;
/// assert_eq!(&out[..], [6]);
/// assert_eq!(values.deserialize(&ctx.reading(), &out.freeze())?, point);
///
/// let error = values.serialize(&mut ctx.writing(), &Value::Null, &mut BytesMut::new()).unwrap_err();
/// assert_eq!(
///     format!("{error:#}"),
///     "cannot encode the value of topic points: the value does not fit the schema, record Point"
/// );
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Clone)]
pub struct AvroValue {
    datum: Arc<Datum>,
}

impl AvroValue {
    pub(super) fn over(datum: Arc<Datum>) -> Self {
        Self { datum }
    }

    #[cfg(feature = "registry")]
    pub(super) fn datum(&self) -> &Datum {
        &self.datum
    }

    /// The schema that this format writes with, and reads into.
    pub fn schema(&self) -> &Schema {
        self.datum.schema()
    }
}

impl fmt::Debug for AvroValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroValue").field("schema", &self.schema().canonical_form()).finish_non_exhaustive()
    }
}

impl Serializer<Value> for AvroValue {
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &Value,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        self.datum.write_value(value, out).map_err(|cause| SerdeError::encode(ctx, cause))
    }
}

impl Deserializer<Value> for AvroValue {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<Value, SerdeError> {
        self.datum.read_value(bytes).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}
