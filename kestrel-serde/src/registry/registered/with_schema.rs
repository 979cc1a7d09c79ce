//! Values together with the schema that they were written in.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::super::{CompleteSchema, RegisteredSchema, SchemaFormat};
use super::Registered;
use super::reading::not_ready;
use crate::{DeserializeContext, Deserializer, Ready, SerdeError};

/// A value and the schema that it was written in, which is shared by all records of that schema.
///
/// Read with [`Registered::with_schema`].
///
/// ```no_run
/// # #[cfg(feature = "avro")]
/// # fn f(registry: kestrel_serde::registry::Registry, bytes: bytes::Bytes) -> Result<(), kestrel_serde::SerdeError> {
/// use kestrel_serde::registry::WithSchema;
/// use kestrel_serde::{Avro, Deserializer, SerdeContext};
///
/// let counts = registry.format(Avro::of::<i64>()?).with_schema();
/// let count: WithSchema<i64> = counts.deserialize(&SerdeContext::value("counts").reading(), &bytes)?;
/// println!("{} in schema {:?}", count.value, count.schema().id);
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq)]
pub struct WithSchema<T> {
    /// The value.
    pub value: T,
    schema: Arc<CompleteSchema>,
}

impl<T> WithSchema<T> {
    /// The schema that the value was written in: its id or GUID as the record has it, and what else the registry says of it.
    #[must_use]
    pub fn schema(&self) -> &RegisteredSchema {
        self.schema.registered()
    }
}

impl<T: fmt::Debug> fmt::Debug for WithSchema<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegisteredSchema { id, guid, .. } = self.schema();
        f.debug_struct("WithSchema")
            .field("value", &self.value)
            .field("id", id)
            .field("guid", guid)
            .finish_non_exhaustive()
    }
}

/// A deserializer of [`WithSchema`] values; made by [`Registered::with_schema`].
///
/// ```
/// # #[cfg(feature = "avro")]
/// # fn f(registry: kestrel_serde::registry::Registry) -> Result<(), kestrel_serde::SerdeError> {
/// use kestrel_serde::Avro;
/// use kestrel_serde::registry::RegisteredWithSchema;
///
/// // For a `client.consumer::<String, WithSchema<i64>>(..)`.
/// let counts: RegisteredWithSchema<Avro> = registry.format(Avro::of::<i64>()?).with_schema();
/// # Ok(()) }
/// ```
pub struct RegisteredWithSchema<F: SchemaFormat>(Registered<F>);

impl<F: SchemaFormat> RegisteredWithSchema<F> {
    pub(super) const fn new(registered: Registered<F>) -> Self {
        Self(registered)
    }
}

impl<F, T> Deserializer<WithSchema<T>> for RegisteredWithSchema<F>
where
    F: SchemaFormat,
    F::Reader: Deserializer<T>,
{
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, ctx: DeserializeContext<'a>, bytes: &'a Bytes) -> Ready<'a> {
        self.0.ready_to_read(ctx, bytes)
    }

    fn deserialize_now(
        &self,
        ctx: &DeserializeContext<'_>,
        bytes: &Bytes,
    ) -> Option<Result<WithSchema<T>, SerdeError>> {
        self.0.read_by_plan(ctx, bytes, |reader, payload, schema| {
            Ok(WithSchema { value: reader.deserialize(ctx, payload)?, schema: Arc::clone(schema) })
        })
    }

    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<WithSchema<T>, SerdeError> {
        self.deserialize_now(ctx, bytes).unwrap_or_else(not_ready)
    }
}

impl<F: SchemaFormat> Clone for RegisteredWithSchema<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F: SchemaFormat> fmt::Debug for RegisteredWithSchema<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegisteredWithSchema").field(&self.0).finish()
    }
}
