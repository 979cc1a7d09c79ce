//! JSON schemas: tables of changes, random changes with random documents, hostile schemas.

mod changes;
mod content_models;
mod hostile;
mod random;
mod reading;
mod texts;

use super::{JsonSchema, Policy};
use crate::{Budget, Dependency, Incompatibility, Reference};

fn schema(text: &str) -> JsonSchema {
    JsonSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn compare(policy: Policy, old: &str, new: &str) -> Vec<Incompatibility> {
    schema(new).incompatibilities_by(policy, &schema(old), &mut Budget::default()).unwrap()
}

/// The first finding in a few characters.
fn verdict(policy: Policy, old: &str, new: &str) -> String {
    match compare(policy, old, new).first() {
        Some(finding) => format!("{} @ {}", finding.kind, finding.path),
        None => "ok".to_owned(),
    }
}

fn dependency(name: &str, text: &str) -> Dependency {
    let reference = Reference { name: name.to_owned(), subject: name.to_owned(), version: 1 };
    Dependency { reference, text: text.to_owned() }
}
