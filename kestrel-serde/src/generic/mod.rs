//! Values of schemas that are known at run time alone, as JSON: what tools show, search and write.

pub(crate) mod fraction;

use std::fmt;

use bytes::Bytes;
use kestrel_schema::SchemaType;
use serde_json::Value;

use crate::avro::AvroJson;
use crate::json_schema::JsonSchema;
use crate::protobuf::ProtobufJson;
use crate::registry::{Registered, Registry, SchemaKey};
use crate::{BoxError, DeserializeContext, Deserializer, Ready, SerdeError};

/// A deserializer of whatever was written with a schema of a registry, as JSON; made by [`Registry::any_schema`].
///
/// What the JSON is: [`AvroJson`], [`ProtobufJson`]; a document with a JSON schema is itself.
///
/// ```
/// # fn f(registry: kestrel_serde::registry::Registry) {
/// use kestrel_serde::AnySchema;
///
/// // For a `client.consumer::<Bytes, serde_json::Value>(..)`.
/// let values: AnySchema = registry.any_schema();
/// # }
/// ```
#[derive(Clone)]
pub struct AnySchema {
    registry: Registry,
    avro: Registered<AvroJson>,
    protobuf: Registered<ProtobufJson>,
    json: Registered<JsonSchema>,
}

impl Registry {
    /// A deserializer of whatever was written with a schema of this registry, as JSON. Rules of data contracts are not carried out:
    /// what somebody has encrypted is read as the letters that it is.
    #[must_use]
    pub fn any_schema(&self) -> AnySchema {
        let anything = JsonSchema::parse("true").expect("it is a JSON schema");
        AnySchema {
            registry: self.clone(),
            avro: self.format(AvroJson::any()).ignore_rules(),
            protobuf: self.format(ProtobufJson::any()).ignore_rules(),
            json: self.format(anything.unchecked_reads()).ignore_rules(),
        }
    }
}

impl AnySchema {
    /// The format of a schema. Of one that cannot be had, any of them says why.
    fn format(&self, schema_type: Option<SchemaType>) -> &dyn Deserializer<Value> {
        match schema_type {
            Some(SchemaType::Avro) => &self.avro,
            Some(SchemaType::Protobuf) => &self.protobuf,
            Some(SchemaType::Json) | None => &self.json,
        }
    }
}

impl Deserializer<Value> for AnySchema {
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
        // What names no schema is said when the record is read.
        let Ok(key) = SchemaKey::of(&ctx, bytes) else { return Ready::now() };
        if let Some(known) = self.registry.known_type(key) {
            return self.format(known).ready(ctx, bytes);
        }
        Ready::when(async move {
            let found = self.registry.find_type(key).await;
            self.format(found).ready(ctx, bytes).await
        })
    }

    fn deserialize_now(
        &self,
        ctx: &DeserializeContext<'_>,
        bytes: &Bytes,
    ) -> Option<Result<Value, SerdeError>> {
        let key = match SchemaKey::of(ctx, bytes) {
            Ok(key) => key,
            Err(error) => return Some(Err(SerdeError::decode(ctx, error))),
        };
        self.format(self.registry.known_type(key)?).deserialize_now(ctx, bytes)
    }

    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<Value, SerdeError> {
        self.deserialize_now(ctx, bytes).unwrap_or_else(|| {
            Err(SerdeError::unavailable(
                "its schema is not known yet: `Deserializer::ready` has to be awaited for a record before it is read",
            ))
        })
    }
}

impl fmt::Debug for AnySchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnySchema").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// The error of a format that reads every schema and was asked to write in its own.
pub(crate) fn no_schema() -> SerdeError {
    SerdeError::schema(
        "there is no schema of its own: `write_in` says in which of the registry's values are written",
    )
}

/// The same error, of a part of a value.
pub(crate) fn at(place: &str, error: &BoxError) -> BoxError {
    let text = error.to_string();
    let is_place = text.starts_with(['.', '[']);
    if is_place { format!("{place}{text}").into() } else { format!("{place}: {text}").into() }
}
