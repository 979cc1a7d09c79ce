//! RegistryClient as the registry of formats.

use futures::FutureExt;
use kestrel_schema::{Guid, Schema};
use kestrel_serde::registry::{
    RegisteredSchema, RegistryAnswer, RegistryError, RegistryErrorKind, SchemaRegistry,
};

use crate::client::RegistryClient;
use crate::types::StoredSchema;

/// Asks the registry each time; [`Registry`](kestrel_serde::registry::Registry) remembers.
impl SchemaRegistry for RegistryClient {
    fn register<'a>(&'a self, subject: &'a str, schema: &'a Schema, normalize: bool) -> RegistryAnswer<'a> {
        let answer = async move {
            let call = self.subject(subject).register(schema);
            let stored = if normalize { call.normalize() } else { call }.await?;
            if stored.version.is_some() {
                return registered(stored, Some(schema));
            }
            // Older registries say the id alone, and whoever refers to the schema needs its version.
            self.look_up(subject, schema, normalize).await
        };
        answer.boxed()
    }

    fn look_up<'a>(&'a self, subject: &'a str, schema: &'a Schema, normalize: bool) -> RegistryAnswer<'a> {
        let call = self.subject(subject).look_up(schema);
        let call = if normalize { call.normalize() } else { call };
        async move { registered(call.await?, Some(schema)) }.boxed()
    }

    fn latest<'a>(&'a self, subject: &'a str) -> RegistryAnswer<'a> {
        let call = self.subject(subject).latest();
        async move { registered(call.await?, None) }.boxed()
    }

    fn version<'a>(&'a self, subject: &'a str, version: i32) -> RegistryAnswer<'a> {
        let call = self.subject(subject).version(version).with_deleted();
        async move { registered(call.await?, None) }.boxed()
    }

    fn by_id<'a>(&'a self, id: i32, subject: Option<&'a str>) -> RegistryAnswer<'a> {
        let call = self.schema(id);
        let call = match subject {
            Some(subject) => call.of_subject(subject),
            None => call,
        };
        async move { Ok(registered(call.await?, None)?.with_id(id)) }.boxed()
    }

    fn by_guid(&self, guid: Guid) -> RegistryAnswer<'_> {
        let call = self.schema_by_guid(guid);
        async move { Ok(registered(call.await?, None)?.with_guid(guid)) }.boxed()
    }

    fn addresses(&self) -> Vec<String> {
        self.sender().addresses().map(ToString::to_string).collect()
    }
}

fn registered(stored: StoredSchema, asked: Option<&Schema>) -> Result<RegisteredSchema, RegistryError> {
    stored.into_registered(asked).ok_or_else(|| {
        RegistryError::new(RegistryErrorKind::Answer, "the registry's answer has no schema in it")
    })
}
