//! SchemaRegistry: what formats ask of a schema registry, whatever stands behind it.
//!
//! kestrel-registry-client implements it over HTTP; tests implement it over a table.

use std::fmt;

use futures::future::BoxFuture;
use kestrel_schema::{Guid, Metadata, RuleSet, Schema};

use super::RegistryError;

/// What a schema registry answers: later, a value or the reason why there is none.
pub type RegistryAnswer<'a, T = RegisteredSchema> = BoxFuture<'a, Result<T, RegistryError>>;

/// A schema registry, as far as serializers and deserializers need one.
///
/// Implementations ask the registry each time and keep nothing: [`Registry`](super::Registry) remembers, asks once for all
/// that wait, and spares a registry that is down. Answers are awaited on whichever runtime the client uses.
///
/// ```
/// use futures::FutureExt;
/// use kestrel_schema::{Guid, Schema};
/// use kestrel_serde::registry::{
///     RegisteredSchema, RegistryAnswer, RegistryError, RegistryErrorKind, SchemaRegistry,
/// };
///
/// /// A registry that has one schema.
/// #[derive(Debug)]
/// struct One(Schema);
///
/// impl One {
///     fn the_one(&self) -> RegistryAnswer<'_> {
///         let one = RegisteredSchema::new(self.0.clone()).with_id(1);
///         async move { Ok(one) }.boxed()
///     }
/// }
///
/// impl SchemaRegistry for One {
///     fn register<'a>(&'a self, _: &'a str, schema: &'a Schema, _: bool) -> RegistryAnswer<'a> {
///         match *schema == self.0 {
///             true => self.the_one(),
///             false => async { Err(RegistryError::new(RegistryErrorKind::Incompatible, "another schema")) }.boxed(),
///         }
///     }
/// #    fn look_up<'a>(&'a self, _: &'a str, _: &'a Schema, _: bool) -> RegistryAnswer<'a> { self.the_one() }
/// #    fn latest<'a>(&'a self, _: &'a str) -> RegistryAnswer<'a> { self.the_one() }
/// #    fn version<'a>(&'a self, _: &'a str, _: i32) -> RegistryAnswer<'a> { self.the_one() }
///     // ... and so on
///     fn by_id<'a>(&'a self, _: i32, _: Option<&'a str>) -> RegistryAnswer<'a> {
///         self.the_one()
///     }
/// #    fn by_guid(&self, _: Guid) -> RegistryAnswer<'_> { self.the_one() }
/// }
/// ```
pub trait SchemaRegistry: fmt::Debug + Send + Sync + 'static {
    /// Registers a schema under a subject, which makes a new version of it unless it has that schema already.
    fn register<'a>(&'a self, subject: &'a str, schema: &'a Schema, normalize: bool) -> RegistryAnswer<'a>;

    /// Finds the version of a subject that has this schema.
    fn look_up<'a>(&'a self, subject: &'a str, schema: &'a Schema, normalize: bool) -> RegistryAnswer<'a>;

    /// The latest version of a subject.
    fn latest<'a>(&'a self, subject: &'a str) -> RegistryAnswer<'a>;

    /// A version of a subject, deleted ones included, because others may refer to them. Versions count from 1.
    fn version<'a>(&'a self, subject: &'a str, version: i32) -> RegistryAnswer<'a>;

    /// The schema with this id. `subject` is one that it may be registered under, and tells registries with several contexts
    /// which one is meant.
    fn by_id<'a>(&'a self, id: i32, subject: Option<&'a str>) -> RegistryAnswer<'a>;

    /// The schema with this GUID.
    fn by_guid(&self, guid: Guid) -> RegistryAnswer<'_>;

    /// Where it is: all addresses of it, with the context that it is asked in and without passwords. What was
    /// [saved](super::Registry::save) of one registry is not loaded for another one, which has other schemas by the same ids:
    /// they are the same if they have an address in common, or if neither has any. Default: none.
    fn addresses(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A schema with what a registry has said of it. Registries do not say everything with each answer.
///
/// ```
/// use kestrel_schema::Schema;
/// use kestrel_serde::registry::RegisteredSchema;
///
/// let registered = RegisteredSchema::new(Schema::avro(r#""string""#)).with_id(7).with_version("names-value", 1);
/// assert_eq!((registered.id, registered.subject.as_deref()), (Some(7), Some("names-value")));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// Its number in this registry.
    pub id: Option<i32>,
    /// Its identity in every registry; older registries have none.
    pub guid: Option<Guid>,
    /// The subject that it was found or registered under.
    pub subject: Option<String>,
    /// Its version in that subject, from 1.
    pub version: Option<i32>,
    /// The schema itself.
    pub schema: Schema,
    /// Its tags and properties.
    pub metadata: Option<Metadata>,
    /// Its rules. This crate carries none of them out: see [`Registered::ignore_rules`](super::Registered::ignore_rules).
    pub rule_set: Option<RuleSet>,
}

impl RegisteredSchema {
    /// A schema of which nothing else is known.
    #[must_use]
    pub const fn new(schema: Schema) -> Self {
        Self { id: None, guid: None, subject: None, version: None, schema, metadata: None, rule_set: None }
    }

    /// The same with this id.
    #[must_use]
    pub fn with_id(self, id: i32) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The same with this GUID.
    #[must_use]
    pub fn with_guid(self, guid: Guid) -> Self {
        Self { guid: Some(guid), ..self }
    }

    /// The same as this version of this subject.
    #[must_use]
    pub fn with_version(self, subject: impl Into<String>, version: i32) -> Self {
        Self { subject: Some(subject.into()), version: Some(version), ..self }
    }

    /// The same with these tags and properties.
    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        Self { metadata: Some(metadata), ..self }
    }

    /// The same with these rules.
    #[must_use]
    pub fn with_rules(self, rule_set: RuleSet) -> Self {
        Self { rule_set: Some(rule_set), ..self }
    }

    /// As it is named in errors, by what is known of it: `the schema with id 7 (version 2 of orders-value)`.
    pub(crate) fn describe(&self) -> String {
        let place = match (&self.subject, self.version) {
            (Some(subject), Some(version)) => format!(" (version {version} of {subject})"),
            (Some(subject), None) => format!(" (of {subject})"),
            (None, _) => String::new(),
        };
        match (self.id, self.guid) {
            (Some(id), _) => format!("the schema with id {id}{place}"),
            (None, Some(guid)) => format!("the schema with GUID {guid}{place}"),
            (None, None) => format!("the schema{place}"),
        }
    }
}
