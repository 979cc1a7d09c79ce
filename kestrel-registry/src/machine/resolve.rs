//! Schemas are parsed, with all that they refer to.

use std::collections::HashSet;

use kestrel_schema::{Dependency, ParsedSchema, Reference, Schema};

use super::Machine;
use super::answer::SchemaAnswer;
use super::format::formatted;
use super::request::{Shown, VersionNumber};
use super::version::Version;
use crate::error::Refusal;
use crate::subject::Subject;

/// How deep schemas may refer to schemas that refer to schemas.
const DEEPEST_REFERENCE: usize = 64;
/// The version of a reference that means the last one there is. What is registered has its number instead.
pub(super) const LATEST: i32 = -1;

impl Machine {
    /// Reads a schema of a subject.
    ///
    /// # Errors
    /// When it is none, or what it refers to is not there.
    pub(super) fn parse(&self, subject: &Subject, schema: &Schema) -> Result<ParsedSchema, Refusal> {
        let mut dependencies = Dependencies { machine: self, seen: HashSet::new(), found: Vec::new() };
        dependencies.gather(subject, &schema.references, 0)?;
        ParsedSchema::parse(schema, &dependencies.found).map_err(Refusal::invalid_schema)
    }

    /// Reads the schema of a version that is there.
    ///
    /// # Errors
    /// As [`Self::parse`]: another registry may have taken it.
    pub(super) fn parse_version(&self, version: &Version) -> Result<ParsedSchema, Refusal> {
        self.parse(&version.subject, &version.content.schema)
    }

    /// The references of a proposed schema, with the numbers of the versions that they mean.
    pub(super) fn pinned(&self, subject: &Subject, schema: &Schema) -> Schema {
        let pin = |reference: &Reference| {
            let latest = || self.versions(&subject.sibling(&reference.subject))?.latest();
            let version = match reference.version {
                // Without any version the reference is refused where it is resolved.
                LATEST => latest().map_or(LATEST, |version| version.number),
                number => number,
            };
            Reference { version, ..reference.clone() }
        };
        Schema { references: schema.references.iter().map(pin).collect(), ..schema.clone() }
    }

    /// The text of a schema of an answer in a format that is not the stored one.
    ///
    /// # Errors
    /// When what it refers to is not there.
    pub(super) fn formatted_answer(
        &self,
        subject: &Subject,
        answer: &SchemaAnswer,
        format: &str,
    ) -> Result<String, Refusal> {
        let schema_type = answer.schema_type.unwrap_or_default();
        let schema = Schema::new(schema_type, answer.schema.as_deref().unwrap_or_default());
        let schema = schema.with_references(answer.references.iter().cloned());
        Ok(formatted(&self.parse(subject, &schema)?, &schema, format))
    }
}

/// What a schema refers to, directly or not: each after those that it refers to itself.
struct Dependencies<'a> {
    machine: &'a Machine,
    seen: HashSet<String>,
    found: Vec<Dependency>,
}

impl Dependencies<'_> {
    fn gather(&mut self, subject: &Subject, references: &[Reference], depth: usize) -> Result<(), Refusal> {
        if depth > DEEPEST_REFERENCE {
            return Err(Refusal::invalid_schema(format!(
                "its references nest deeper than {DEEPEST_REFERENCE}"
            )));
        }
        for reference in references {
            // One name is one schema, however many refer to it; so this ends.
            if !self.seen.insert(reference.name.clone()) {
                continue;
            }
            let version = self.machine.referenced(subject, reference)?;
            let schema = &version.content.schema;
            self.gather(&version.subject, &schema.references, depth + 1)?;
            self.found.push(Dependency { reference: reference.clone(), text: schema.text.clone() });
        }
        Ok(())
    }
}

impl Machine {
    /// The version that a reference of a subject's schema means: in the context that it names, or else in the subject's own. It is
    /// looked for nowhere else, since what is referred to is kept from being deleted there.
    fn referenced(&self, subject: &Subject, reference: &Reference) -> Result<&Version, Refusal> {
        let named = subject.sibling(&reference.subject);
        let number = match reference.version {
            LATEST => VersionNumber::Latest,
            number => VersionNumber::Number(number),
        };
        let found = self.versions(&named).and_then(|versions| versions.find(number, Shown::All));
        self.unless_unread(&named, number, found)?.ok_or_else(|| {
            Refusal::invalid_schema(format!(
                "No schema reference found for subject \"{named}\" and version {}",
                reference.version
            ))
        })
    }
}
