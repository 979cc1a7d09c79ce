//! The document of a schema and those that it refers to, read and found valid for their drafts.
//!
//! Nothing is ever fetched: what a `$ref` names is in the document itself, among the dependencies, or missing.

use std::error::Error;
use std::sync::Arc;

use jsonschema::{Draft, ReferencingError, Registry, RegistryBuilder, Retrieve, Uri, ValidationError};
use serde_json::{Map, Value};

use super::place::Place;
use crate::{Dependency, SchemaError};

/// Where the root document is as long as it does not say itself with `$id`.
pub(super) const BASE: &str = "json-schema:///";

/// A schema's document, of which draft it is, and what it may refer to.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) draft: Draft,
    pub(super) root: Value,
    pub(super) registry: Registry<'static>,
    shelf: Shelf,
}

impl Documents {
    pub(super) fn read(text: &str, dependencies: &[Dependency]) -> Result<Self, SchemaError> {
        let (draft, root) = document(text, "")?;
        let mut shelf = Vec::with_capacity(dependencies.len());
        for Dependency { reference, text } in dependencies {
            let document = document(text, &format!("the schema {}: ", reference.name))?;
            shelf.push((name_of(&reference.name).to_owned(), document));
        }
        let shelf = Shelf(shelf.into());
        let registry = Registry::new()
            .draft(Draft::Draft7)
            .retrieve_known_draft_meta_schemas(false)
            .retriever(shelf.clone())
            .add(BASE, draft.create_resource(root.clone()))
            .and_then(RegistryBuilder::prepare)
            .map_err(|error| {
                SchemaError::new(format!("{}{}", place_of(&root, &error), unresolved(&error)))
            })?;
        Ok(Self { draft, root, registry, shelf })
    }

    /// Whether both are the same texts, but for layout.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.root == other.root && self.shelf.0 == other.shelf.0
    }

    /// How many documents there are.
    pub(super) fn count(&self) -> usize {
        1 + self.shelf.0.len()
    }

    /// The document with this number, the root's being 0, and its draft.
    pub(super) fn document(&self, index: usize) -> (Draft, &Value) {
        match index.checked_sub(1).and_then(|index| self.shelf.0.get(index)) {
            Some((_, (draft, value))) => (*draft, value),
            None => (self.draft, &self.root),
        }
    }

    /// The number of the dependency that this address means.
    pub(super) fn find(&self, address: &str) -> Option<usize> {
        self.shelf.find(address).map(|index| index + 1)
    }

    /// How many values there are in all of them.
    pub(super) fn size(&self) -> u64 {
        size(&self.root) + self.shelf.0.iter().map(|(_, (_, value))| size(value)).sum::<u64>()
    }

    /// How many regular expressions there are in all of them.
    pub(super) fn expressions(&self) -> usize {
        expressions(&self.root) + self.shelf.0.iter().map(|(_, (_, value))| expressions(value)).sum::<usize>()
    }
}

fn expressions(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(expressions).sum(),
        Value::Object(members) => {
            let own = members.iter().map(|(keyword, value)| match (keyword.as_str(), value) {
                ("pattern", Value::String(_)) => 1,
                ("patternProperties", Value::Object(names)) => names.len(),
                _ => 0,
            });
            own.sum::<usize>() + members.values().map(expressions).sum::<usize>()
        }
        _ => 0,
    }
}

fn size(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

/// Reads one document, `of` which schema an error tells.
fn document(text: &str, of: &str) -> Result<(Draft, Value), SchemaError> {
    let mut value: Value = serde_json::from_str(text)
        .map_err(|error| SchemaError::new(format!("{of}the text is no JSON document: {error}")))?;
    if !value.is_object() && !value.is_boolean() {
        return Err(SchemaError::new(format!("{of}a JSON schema is an object or a boolean")));
    }
    // Without a draft that is known it is draft 7, as registries have it.
    let draft = match Draft::Draft7.detect(&value) {
        known @ (Draft::Draft4 | Draft::Draft6 | Draft::Draft201909 | Draft::Draft202012) => known,
        _ => Draft::Draft7,
    };
    check(draft, &value).map_err(|error| {
        let place = error.instance_path();
        SchemaError::new(format!("{of}#{place}: {}", error.masked_with("the value")))
    })?;
    if text.contains("/$defs/") {
        share_definitions(&mut value);
    }
    Ok((draft, value))
}

/// Checks a schema against the meta-schema of its draft.
fn check(draft: Draft, value: &Value) -> Result<(), ValidationError<'_>> {
    match draft {
        Draft::Draft4 => jsonschema::draft4::meta::validate(value),
        Draft::Draft6 => jsonschema::draft6::meta::validate(value),
        Draft::Draft201909 => jsonschema::draft201909::meta::validate(value),
        Draft::Draft202012 => jsonschema::draft202012::meta::validate(value),
        _ => jsonschema::draft7::meta::validate(value),
    }
}

/// Lets `#/$defs/name` find what is under `definitions`, as registries do: the word has changed between drafts.
fn share_definitions(root: &mut Value) {
    let Some(root) = root.as_object_mut() else { return };
    let Some(Value::Object(definitions)) = root.get("definitions").cloned() else { return };
    let shared = root.entry("$defs").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(shared) = shared {
        for (name, definition) in definitions {
            shared.entry(name).or_insert(definition);
        }
    }
}

/// The documents that a schema may refer to, by the names that it calls them.
#[derive(Debug, Clone)]
struct Shelf(Arc<[(String, (Draft, Value))]>);

impl Shelf {
    /// Finds a document by its name, or by the end of the address that its name has become: `customer.json` is looked for where the document
    /// that refers to it says that it is itself.
    fn find(&self, address: &str) -> Option<usize> {
        let ends_with = |name: &str| address.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'));
        let named = self.0.iter().enumerate().filter(|(_, (name, _))| name == address || ends_with(name));
        named.max_by_key(|(_, (name, _))| name.len()).map(|(index, _)| index)
    }
}

impl Retrieve for Shelf {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let found = self.find(uri.as_str()).and_then(|index| self.0.get(index));
        found.map(|(_, (_, value))| value.clone()).ok_or_else(|| "it is not among the references".into())
    }
}

/// The name of a document in a reference: without a fragment, and without what says "here".
fn name_of(reference: &str) -> &str {
    let name = reference.split_once('#').map_or(reference, |(name, _)| name);
    name.trim_start_matches("./").trim_start_matches('/')
}

/// Why a reference cannot be followed.
fn unresolved(error: &ReferencingError) -> String {
    match error {
        ReferencingError::Unretrievable { uri, .. } => {
            format!("no schema of the name {uri} is among the references, and none is fetched")
        }
        other => causes(other),
    }
}

/// The place of the `$ref` that an error is about, if it tells.
fn place_of(root: &Value, error: &ReferencingError) -> String {
    place_within(root, &Place::start("#"), &error.to_string()).unwrap_or_default()
}

/// The place of a `$ref` to what this text names. Goes as deep as the document.
fn place_within(value: &Value, place: &Place<'_>, text: &str) -> Option<String> {
    match value {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str).map(name_of);
            if name.is_some_and(|name| !name.is_empty() && text.contains(name)) {
                return Some(format!("{place}/$ref: "));
            }
            members.iter().find_map(|(name, value)| place_within(value, &place.named(name), text))
        }
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, value)| place_within(value, &place.item(index), text))
        }
        _ => None,
    }
}

/// A name as a part of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// An error and what is behind it, in one line.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
