//! Whether one schema takes every document that another one takes, decided by the canonical forms of `jsonschema`.
//!
//! That crate bounds its own work (a million intersections a run, which can still be half a minute), so what it is given is bounded here: the
//! product of the sizes of both schemas, alternatives multiplied out, counts against the budget.

use jsonschema::canonical::{self, CanonicalSchema, CanonicalView, Containment};
use serde_json::Value;

use super::JsonSchema;
use super::documents::{BASE, Documents, causes};
use super::text::shown;
use super::whole::whole;
use crate::{Budget, BudgetExceeded, Incompatibility};

/// What the writer's schema takes and the reader's refuses, in one finding; none if it was proved that there is nothing.
pub(super) fn incompatibilities(
    writer: &JsonSchema,
    reader: &JsonSchema,
    budget: &mut Budget,
) -> Result<Vec<Incompatibility>, BudgetExceeded> {
    if writer.documents.is_same(&reader.documents) {
        return Ok(Vec::new());
    }
    for _ in 0..cost(writer).saturating_mul(cost(reader)) {
        budget.step()?;
    }
    let finding = match proof(writer, reader) {
        Ok(None) => return Ok(Vec::new()),
        Ok(Some(problem)) => ("DOCUMENTS_REFUSED", problem),
        Err(reason) => (
            "NO_VERDICT",
            format!(
                "it was neither proved nor refuted that all documents of the old schema are still valid: {reason}"
            ),
        ),
    };
    let (kind, problem) = finding;
    Ok(vec![Incompatibility { kind, path: "#/".to_owned(), problem }])
}

/// How much a proof has to go through, roughly.
fn cost(schema: &JsonSchema) -> u64 {
    schema.documents.size().max(schema.model.alternatives())
}

/// Schemas of each side that a proof may be about: it goes down a level of the stack for each that is within another one.
const MAX_SCHEMAS: usize = 2_500;
/// The stack for that, of a thread of its own: 100 KiB for each level. Memory that is not used is not taken.
const STACK_BYTES: usize = MAX_SCHEMAS * (100 << 10);

/// What is refused, if anything is; or why that is not known.
fn proof(writer: &JsonSchema, reader: &JsonSchema) -> Result<Option<String>, String> {
    if writer.model.size().max(reader.model.size()) > MAX_SCHEMAS {
        return Err(format!("there are more than {MAX_SCHEMAS} schemas in them"));
    }
    std::thread::scope(|scope| {
        let proof = || covers(&writer.documents, &reader.documents);
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, proof);
        let thread = thread.map_err(|error| format!("there is no thread for a proof: {error}"))?;
        thread.join().unwrap_or_else(|_| Err("the proof has failed".to_owned()))
    })
}

fn covers(writer: &Documents, reader: &Documents) -> Result<Option<String>, String> {
    let (old, new) = (form(writer, "old")?, form(reader, "new")?);
    match new.covers(&old).map_err(|error| causes(&error))? {
        Containment::Yes => Ok(None),
        Containment::No => Ok(Some(match old.subtract(&new) {
            Ok(lost) => format!("documents of the old schema are refused: those of {}", described(&lost)),
            Err(_) => "documents of the old schema are refused".to_owned(),
        })),
        Containment::Unknown => Err("the schemas are too intricate for a proof".to_owned()),
    }
}

fn form(documents: &Documents, which: &str) -> Result<CanonicalSchema, String> {
    let options = canonical::options().with_draft(documents.draft);
    let form = match whole(documents) {
        // It refers to nothing but itself; the registry has it in its other form.
        Some(root) => options.offline().canonicalize(&root),
        None => options.with_registry(&documents.registry).with_base_uri(BASE).canonicalize(&documents.root),
    };
    let form = form.map_err(|error| format!("the {which} schema: {}", causes(&error)))?;
    match form.view() {
        CanonicalView::Raw(raw) => {
            let place = raw.pointer.unwrap_or_default();
            let reason = raw.reason.as_str().replace('_', " ");
            Err(format!("the {which} schema has at #{place} what cannot be reasoned about ({reason})"))
        }
        _ => Ok(form),
    }
}

fn described(lost: &CanonicalSchema) -> String {
    let mut schema = lost.to_json_schema();
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
    }
    shown(&schema)
}
