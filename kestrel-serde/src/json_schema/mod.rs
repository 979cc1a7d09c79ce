//! JSON that is checked against a JSON schema, when it is written and when it is read.
//!
//! ```text
//! value --Json--> bytes --parsed--> document --checked against the schema--> sent, or an encode error
//! bytes --parsed--> document --checked--> Json --> value, or a poison pill
//! ```

#[cfg(feature = "registry")]
mod registered;

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kestrel_schema::json_schema::{JsonSchema as ParsedSchema, Validator};
use kestrel_schema::{Dependency, Schema, SchemaType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{DeserializeContext, Deserializer, Json, SerdeError, SerializeContext, Serializer};

/// Any `Serialize` or `Deserialize` type as one JSON document that follows a JSON schema.
///
/// The bytes are those of [`Json`], whose rules hold too. What does not follow the schema is an encode error, or a poison pill; it names
/// the JSON pointer of the first violation, and never a value. Drafts 4, 6, 7, 2019-09 and 2020-12 are known; the schema is compiled
/// once, and a clone shares it.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use kestrel_serde::{Deserializer, JsonSchema, SerdeContext, Serializer};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Position {
///     truck: u32,
///     speed: f64,
/// }
///
/// let positions = JsonSchema::parse(
///     r#"{
///         "title": "Position",
///         "type": "object",
///         "properties": {"truck": {"type": "integer"}, "speed": {"type": "number", "maximum": 200}},
///         "required": ["truck", "speed"]
///     }"#,
/// )?;
/// let ctx = SerdeContext::value("truck_gps");
/// let mut out = BytesMut::new();
/// positions.serialize(&mut ctx.writing(), &Position { truck: 7, speed: 87.5 }, &mut out)?;
/// assert_eq!(&out[..], br#"{"truck":7,"speed":87.5}"#);
///
/// let error = positions.serialize(&mut ctx.writing(), &Position { truck: 7, speed: 875.0 }, &mut out).unwrap_err();
/// assert_eq!(
///     format!("{error:#}"),
///     "cannot encode the value of topic truck_gps: at /speed: the value is greater than the maximum of 200"
/// );
/// let poison = Bytes::from_static(br#"{"truck":7}"#);
/// let error = Deserializer::<Position>::deserialize(&positions, &ctx.reading(), &poison).unwrap_err();
/// assert_eq!(
///     format!("{error:#}"),
///     r#"cannot decode the value of topic truck_gps: at the root: "speed" is a required property"#
/// );
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
///
/// # A schema from the type
///
/// The schema is given as text or as a [`Value`], so whatever derives schemas can be used. With the crate `schemars` it is
/// `JsonSchema::new(schemars::schema_for!(Position).as_value())?`.
///
/// # With a registry
///
/// `registry.format(schema)` registers the schema, writes its id before each document, and checks what it reads against the schema that it was
/// written in. Who only reads needs no schema of their own: `JsonSchema::parse("true")?` takes every document.
///
/// # What checking costs
///
/// A document has to be parsed to be checked: with an allocation for each object, array, string and name in it, and freed after. Written
/// bytes are parsed once for that, and read ones twice, once to check them and once into the value, so that they mean what they
/// mean to [`Json`] to the last digit. Where writers are trusted, [`unchecked_reads`](Self::unchecked_reads) leaves the first out, and then
/// reading costs what it costs with [`Json`]; [`unchecked_writes`](Self::unchecked_writes) does the same for writing.
#[derive(Clone)]
pub struct JsonSchema {
    shared: Arc<Shared>,
    checks_writes: bool,
    checks_reads: bool,
}

struct Shared {
    schema: Schema,
    /// The schema's title.
    #[cfg_attr(not(feature = "registry"), expect(dead_code, reason = "only subjects are named after it"))]
    name: Option<String>,
    validator: Validator,
}

impl JsonSchema {
    /// A format for documents that follow the schema in this text.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when the text is no JSON schema; the error names the place. A schema that refers to others is given to
    /// [`with_dependencies`](Self::with_dependencies).
    ///
    /// ```
    /// use kestrel_serde::JsonSchema;
    ///
    /// let error = JsonSchema::parse(r#"{"properties": {"speed": {"type": "nummer"}}}"#).unwrap_err();
    /// assert!(format!("{error:#}").starts_with("cannot use the schema: #/properties/speed/type: "));
    /// ```
    pub fn parse(schema: &str) -> Result<Self, SerdeError> {
        Self::with_dependencies(Schema::json(schema), &[])
    }

    /// A format for documents that follow this schema.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when it is no JSON schema.
    ///
    /// ```
    /// use kestrel_serde::JsonSchema;
    /// use serde_json::json;
    ///
    /// let speeds = JsonSchema::new(&json!({"type": "number", "minimum": 0}))?;
    /// assert_eq!(speeds.schema().text, r#"{"type":"number","minimum":0}"#);
    /// # Ok::<(), kestrel_serde::SerdeError>(())
    /// ```
    pub fn new(schema: &Value) -> Result<Self, SerdeError> {
        Self::parse(&schema.to_string())
    }

    /// A format for documents that follow this schema, which refers to others: directly or not, each after those that it refers to itself.
    ///
    /// # Errors
    /// [`SerdeError::Schema`] when it is no JSON schema, or refers to something that is not there.
    pub fn with_dependencies(schema: Schema, dependencies: &[Dependency]) -> Result<Self, SerdeError> {
        if schema.schema_type != SchemaType::Json {
            return Err(SerdeError::schema(format!(
                "it is a schema of type {}, not JSON",
                schema.schema_type
            )));
        }
        let parsed = ParsedSchema::parse(&schema.text, dependencies).map_err(SerdeError::schema)?;
        let validator = parsed.validator().map_err(SerdeError::schema)?;
        let shared = Shared { schema, name: parsed.record_name(), validator };
        Ok(Self { shared: Arc::new(shared), checks_writes: true, checks_reads: true })
    }

    /// The same format, which writes without a check.
    #[must_use]
    pub fn unchecked_writes(self) -> Self {
        Self { checks_writes: false, ..self }
    }

    /// The same format, which reads without a check: only what the type itself refuses is then a poison pill.
    #[must_use]
    pub fn unchecked_reads(self) -> Self {
        Self { checks_reads: false, ..self }
    }

    /// The schema that documents follow, as it was given.
    pub fn schema(&self) -> &Schema {
        &self.shared.schema
    }
}

impl Shared {
    fn check(&self, bytes: &[u8]) -> Result<(), crate::BoxError> {
        let document: Value = serde_json::from_slice(bytes)?;
        Ok(self.validator.check(&document)?)
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared, checks_writes, checks_reads } = self;
        f.debug_struct("JsonSchema")
            .field("schema", &shared.schema.text)
            .field("checks_writes", checks_writes)
            .field("checks_reads", checks_reads)
            .finish()
    }
}

impl<T> Serializer<T> for JsonSchema
where
    T: Serialize + ?Sized,
{
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let start = out.len();
        Json.serialize(ctx, value, out)?;
        if self.checks_writes {
            let written = out.get(start..).unwrap_or_default();
            self.shared.check(written).map_err(|cause| SerdeError::encode(ctx, cause))?;
        }
        Ok(())
    }
}

impl<T> Deserializer<T> for JsonSchema
where
    T: DeserializeOwned,
{
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        if self.checks_reads {
            self.shared.check(bytes).map_err(|cause| SerdeError::decode(ctx, cause))?;
        }
        Json.deserialize(ctx, bytes)
    }
}

#[cfg(test)]
mod tests;
