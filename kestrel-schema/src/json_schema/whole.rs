//! Schemas that refer to other documents, or to their own one with `#`, written as one document, so that two of them can be spoken of
//! together.
//!
//! `#` is another document in each of two schemas, and so is `customer.json` once it has changed. So each document becomes a definition, and
//! what led to a document leads to its definition:
//!
//! ```text
//! {"properties": {"next": {"$ref": "#"}, "owner": {"$ref": "customer.json#/definitions/id"}}}
//! {"$ref": "#/definitions/%230", "definitions": {
//!     "#0": {"properties": {"next": {"$ref": "#/definitions/%230"}, "owner": {"$ref": "#/definitions/%231/definitions/id"}}},
//!     "#1": ...customer.json... }}
//! ```

use jsonschema::{Draft, Uri};
use serde_json::{Map, Value};

use super::documents::{BASE, Documents};

/// The schema in that form; none if it refers to no document as a whole, if its documents are of several drafts, or have addresses of
/// their own within.
pub(super) fn whole(documents: &Documents) -> Option<Value> {
    let keyword = match documents.draft {
        Draft::Draft4 | Draft::Draft6 | Draft::Draft7 => "definitions",
        _ => "$defs",
    };
    let mut bases: Vec<Option<Uri<String>>> = vec![None; documents.count()];
    bases[0] = Some(jsonschema::uri::from_str(BASE).ok()?);
    let mut definitions = Map::new();
    let mut is_met = vec![false; documents.count()];
    is_met[0] = true;
    let mut waiting = vec![0];
    let mut refers_to_documents = false;
    while let Some(index) = waiting.pop() {
        let (draft, document) = documents.document(index);
        if draft != documents.draft {
            return None;
        }
        let mut walk =
            Walk { documents, keyword, bases: &mut bases, index, found: Vec::new(), is_lost: false };
        let document = walk.document(document.clone())?;
        refers_to_documents |= !walk.found.is_empty();
        for found in std::mem::take(&mut walk.found) {
            if !std::mem::replace(&mut is_met[found], true) {
                waiting.push(found);
            }
        }
        definitions.insert(name(index), document);
    }
    if !refers_to_documents {
        return None;
    }
    let mut outer = Map::new();
    if let Some(draft) = documents.root.get("$schema") {
        outer.insert("$schema".to_owned(), draft.clone());
    }
    outer.insert("$ref".to_owned(), pointer(keyword, 0).into());
    outer.insert(keyword.to_owned(), definitions.into());
    Some(Value::Object(outer))
}

/// The definition that a document becomes.
fn name(index: usize) -> String {
    format!("#{index}")
}

fn pointer(keyword: &str, index: usize) -> String {
    format!("#/{keyword}/%23{index}")
}

/// One document, the references of which are being changed.
struct Walk<'w> {
    documents: &'w Documents,
    keyword: &'static str,
    /// Where each document is, which its references are relative to.
    bases: &'w mut [Option<Uri<String>>],
    index: usize,
    /// The documents that it refers to as such.
    found: Vec<usize>,
    /// Something in it cannot be written as part of another document.
    is_lost: bool,
}

impl Walk<'_> {
    fn document(&mut self, mut document: Value) -> Option<Value> {
        if let Some(members) = document.as_object_mut() {
            members.shift_remove("$schema");
            // A reference is alone in the older drafts: what stands beside it is none.
            if let Some(Value::String(own)) = members.shift_remove(self.documents.draft.id_keyword())
                && !own.starts_with('#')
            {
                let base = jsonschema::uri::resolve_against(&self.bases[self.index].as_ref()?.borrow(), &own);
                self.bases[self.index] = Some(base.ok()?);
            }
        }
        self.schema(&mut document);
        (!self.is_lost).then_some(document)
    }

    fn schema(&mut self, schema: &mut Value) {
        match schema {
            Value::Array(schemas) => schemas.iter_mut().for_each(|schema| self.schema(schema)),
            Value::Object(members) => {
                members.iter_mut().for_each(|(keyword, value)| self.keyword(keyword, value));
            }
            _ => {}
        }
    }

    fn keyword(&mut self, keyword: &str, value: &mut Value) {
        match (keyword, value) {
            ("$ref", Value::String(reference)) => match self.followed(reference) {
                Some(changed) => *reference = changed,
                None => self.is_lost = true,
            },
            (
                "$id" | "id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveRef"
                | "$recursiveAnchor",
                _,
            ) => {
                self.is_lost = true;
            }
            // Values, in which a `$ref` would be none.
            ("enum" | "const" | "default" | "examples", _) => {}
            // Schemas by names, which are no keywords.
            (
                "properties" | "patternProperties" | "definitions" | "$defs" | "dependencies"
                | "dependentSchemas",
                Value::Object(schemas),
            ) => schemas.values_mut().for_each(|schema| self.schema(schema)),
            (_, value) => self.schema(value),
        }
    }

    /// The same reference, to a place in the one document; none to where there is nothing, or to a name within a document.
    fn followed(&mut self, reference: &str) -> Option<String> {
        let (address, place) = reference.split_once('#').unwrap_or((reference, ""));
        if !place.is_empty() && !place.starts_with('/') {
            return None;
        }
        let index = if address.is_empty() { self.index } else { self.found_at(address)? };
        if !address.is_empty() || place.is_empty() {
            self.found.push(index);
        }
        Some(format!("{}{place}", pointer(self.keyword, index)))
    }

    fn found_at(&mut self, address: &str) -> Option<usize> {
        let base = self.bases[self.index].as_ref()?;
        let address = jsonschema::uri::resolve_against(&base.borrow(), address).ok()?;
        let is_here = |base: &Option<Uri<String>>| base.as_ref().is_some_and(|base| *base == address);
        if let Some(index) = self.bases.iter().position(is_here) {
            return Some(index);
        }
        let index = self.documents.find(address.as_str())?;
        self.bases[index].get_or_insert(address);
        Some(index)
    }
}
