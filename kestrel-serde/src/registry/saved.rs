//! Saved: what a [`Registry`](super::Registry) knows, as a JSON document that outlives the process. Pure.

use kestrel_schema::{Dependency, Metadata, Reference, RuleSet, Schema, SchemaType};
use serde::{Deserialize, Serialize};

use super::context::SchemaPlace;
use super::frame::SchemaKey;
use super::registration::{Admission, Registration};
use super::{CompleteSchema, RegisteredSchema, RegistryError, RegistryErrorKind};

/// The version of the document.
const FORMAT: u32 = 2;

/// The document.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    format: u32,
    /// Where the registry is that has said all this.
    addresses: Vec<String>,
    schemas: Vec<SavedPlace>,
    versions: Vec<SavedSchema>,
    latest: Vec<SavedComplete>,
    registrations: Vec<SavedRegistration>,
}

/// What is in the document, as a registry has said it.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) schemas: Vec<(SchemaPlace, CompleteSchema)>,
    pub(super) versions: Vec<((String, i32), RegisteredSchema)>,
    pub(super) latest: Vec<(String, CompleteSchema)>,
    pub(super) registrations: Vec<(Registration, RegisteredSchema)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedSchema {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(flatten)]
    text: SavedText,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_set: Option<RuleSet>,
}

/// A schema as it was asked for.
#[derive(Debug, Serialize, Deserialize)]
struct SavedPlace {
    /// Where its id counts, if it was asked for by that: empty in the registry's own context.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(flatten)]
    schema: SavedComplete,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedText {
    schema_type: SchemaType,
    schema: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedComplete {
    #[serde(flatten)]
    registered: SavedSchema,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<SavedDependency>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedDependency {
    #[serde(flatten)]
    reference: Reference,
    schema: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedRegistration {
    subject: String,
    #[serde(flatten)]
    asked: SavedText,
    normalize: bool,
    registers: bool,
    registered: SavedSchema,
}

impl Saved {
    pub(super) fn new(addresses: Vec<String>) -> Self {
        let (schemas, versions, latest, registrations) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { format: FORMAT, addresses, schemas, versions, latest, registrations }
    }

    pub(super) fn add_schema(&mut self, place: &SchemaPlace, schema: &CompleteSchema) {
        let by_id = matches!(place.key(), SchemaKey::Id(_));
        let context = by_id.then(|| place.context().to_owned());
        self.schemas.push(SavedPlace { context, schema: SavedComplete::of(schema) });
    }

    pub(super) fn add_version(&mut self, (subject, version): &(String, i32), schema: &RegisteredSchema) {
        let place = (Some(subject.clone()), Some(*version));
        self.versions.push(SavedSchema { subject: place.0, version: place.1, ..SavedSchema::of(schema) });
    }

    pub(super) fn add_latest(&mut self, subject: &str, schema: &CompleteSchema) {
        let mut saved = SavedComplete::of(schema);
        saved.registered.subject = Some(subject.to_owned());
        self.latest.push(saved);
    }

    pub(super) fn add_registration(&mut self, asked: &Registration, registered: &RegisteredSchema) {
        self.registrations.push(SavedRegistration {
            subject: asked.subject.clone(),
            asked: SavedText::of(&asked.schema),
            normalize: asked.normalize,
            registers: asked.how == Admission::Register,
            registered: SavedSchema::of(registered),
        });
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers have a form in JSON")
    }

    /// Reads what [`to_bytes`](Self::to_bytes) gave, for a registry at these addresses.
    pub(super) fn load(bytes: &[u8], addresses: &[String]) -> Result<Loaded, RegistryError> {
        let saved: Self = serde_json::from_slice(bytes)
            .map_err(|cause| invalid("it is no document of a registry's schemas").caused_by(cause))?;
        if saved.format != FORMAT {
            return Err(invalid("it was written by another version of this program"));
        }
        saved.check_origin(addresses)?;
        let mut loaded = Loaded::default();
        for SavedPlace { context, schema } in saved.schemas {
            let schema = schema.load()?;
            let (id, guid) = (schema.registered().id, schema.registered().guid);
            let by_id = context.zip(id).map(|(context, id)| SchemaPlace::new(&context, SchemaKey::Id(id)));
            let by_guid = guid.map(|guid| SchemaPlace::new("", SchemaKey::Guid(guid)));
            loaded
                .schemas
                .extend([by_id, by_guid].into_iter().flatten().map(|place| (place, schema.clone())));
        }
        for schema in saved.versions {
            let place = schema.subject.clone().zip(schema.version).ok_or_else(|| invalid(NAMELESS))?;
            loaded.versions.push((place, schema.load()?));
        }
        for schema in saved.latest {
            let subject = schema.registered.subject.clone().ok_or_else(|| invalid(NAMELESS))?;
            loaded.latest.push((subject, schema.load()?));
        }
        for SavedRegistration { subject, asked, normalize, registers, registered } in saved.registrations {
            let how = if registers { Admission::Register } else { Admission::LookUp };
            let asked = Registration { subject, schema: asked.load(), normalize, how };
            loaded.registrations.push((asked, registered.load()?));
        }
        Ok(loaded)
    }

    /// The same registry has an address in common with itself, however many it had and has.
    fn check_origin(&self, addresses: &[String]) -> Result<(), RegistryError> {
        let neither_has_any = self.addresses.is_empty() && addresses.is_empty();
        if neither_has_any || self.addresses.iter().any(|address| addresses.contains(address)) {
            return Ok(());
        }
        let shown = |addresses: &[String]| match addresses {
            [] => "a registry without an address".to_owned(),
            some => some.join(", "),
        };
        Err(invalid(&format!(
            "they are of {}, and this is {}, where the same ids may be of other schemas: if it is the same registry and context \
             all the same, start without what was saved, and save anew",
            shown(&self.addresses),
            shown(addresses)
        )))
    }
}

const NAMELESS: &str = "a version has no subject";

impl SavedSchema {
    fn of(registered: &RegisteredSchema) -> Self {
        let RegisteredSchema { id, guid, subject, version, schema, metadata, rule_set } = registered;
        let guid = guid.map(|guid| guid.to_string());
        let (subject, version, text) = (subject.clone(), *version, SavedText::of(schema));
        Self { id: *id, guid, subject, version, text, metadata: metadata.clone(), rule_set: rule_set.clone() }
    }

    fn load(self) -> Result<RegisteredSchema, RegistryError> {
        let Self { id, guid, subject, version, text, metadata, rule_set } = self;
        let guid = guid.map(|guid| guid.parse()).transpose();
        let guid = guid.map_err(|cause| invalid("a GUID is none").caused_by(cause))?;
        Ok(RegisteredSchema { id, guid, subject, version, schema: text.load(), metadata, rule_set })
    }
}

impl SavedText {
    fn of(Schema { schema_type, text, references }: &Schema) -> Self {
        Self { schema_type: *schema_type, schema: text.clone(), references: references.clone() }
    }

    fn load(self) -> Schema {
        Schema { schema_type: self.schema_type, text: self.schema, references: self.references }
    }
}

impl SavedComplete {
    fn of(schema: &CompleteSchema) -> Self {
        let dependencies = schema.dependencies().iter().map(|dependency| SavedDependency {
            reference: dependency.reference.clone(),
            schema: dependency.text.clone(),
        });
        Self { registered: SavedSchema::of(schema.registered()), dependencies: dependencies.collect() }
    }

    fn load(self) -> Result<CompleteSchema, RegistryError> {
        let dependencies = self
            .dependencies
            .into_iter()
            .map(|SavedDependency { reference, schema }| Dependency { reference, text: schema });
        Ok(CompleteSchema::new(self.registered.load()?, dependencies.collect()))
    }
}

fn invalid(problem: &str) -> RegistryError {
    RegistryError::new(RegistryErrorKind::Config, format!("saved schemas cannot be used: {problem}"))
}
