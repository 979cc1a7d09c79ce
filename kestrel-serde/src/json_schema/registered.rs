//! JSON with a registry: documents are checked against the schema that they were written in.

use kestrel_schema::Schema;

use super::JsonSchema;
use crate::SerdeError;
use crate::registry::{CompleteSchema, SchemaFormat};

/// With a registry: what is read is checked against its writer's schema, as other readers of registries do; whether it is what the own type
/// takes, the type says. So an old document without a property that has a default since is read.
impl SchemaFormat for JsonSchema {
    type Writer = Self;
    type Reader = Self;

    fn schema(&self) -> Schema {
        self.shared.schema.clone()
    }

    fn record_name(&self) -> Option<String> {
        self.shared.name.clone()
    }

    fn own_writer(&self) -> Result<Self, SerdeError> {
        Ok(self.clone())
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(Self, Vec<i32>), SerdeError> {
        Ok((self.following(target)?, Vec::new()))
    }

    fn reader(&self, writer: &CompleteSchema, _: &[i32]) -> Result<Self, SerdeError> {
        self.following(writer)
    }
}

impl JsonSchema {
    /// The same format for documents of another schema.
    fn following(&self, other: &CompleteSchema) -> Result<Self, SerdeError> {
        let format = Self::with_dependencies(other.schema().clone(), other.dependencies())?;
        Ok(Self { shared: format.shared, ..*self })
    }
}
