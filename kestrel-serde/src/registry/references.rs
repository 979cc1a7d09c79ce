//! References: collects all that a schema refers to, directly or not. A machine: it says which schema it needs next, and is given it.
//!
//! ```text
//!   the schema's references ──► poll_needed ──► Some(reference) ──► the registry ──► handle_schema ──┐
//!                                    ▲ └─────► None: finish ──► each after those that it uses        │
//!                                    └───────────────────────────────────────────────────────────────┘
//! ```

use std::collections::HashSet;

use kestrel_schema::{Dependency, Reference, Schema};

use super::{RegistryError, RegistryErrorKind};

/// The most schemas that one may refer to, directly or not.
const MAX_SCHEMAS: usize = 1_000;
/// The longest chain of schemas that refer to each other.
const MAX_DEPTH: usize = 64;

#[derive(Debug)]
pub(crate) struct References {
    /// The schemas from the root to the one at hand, each with what it refers to that was not looked at yet.
    open: Vec<Open>,
    /// The names that were met. A name means one schema in all of them, the first one, as in Confluent's serializers.
    met: HashSet<String>,
    done: Vec<Dependency>,
}

#[derive(Debug)]
struct Open {
    /// `None` at the root.
    dependency: Option<Dependency>,
    /// The last one is the next one.
    left: Vec<Reference>,
}

impl References {
    pub(crate) fn of(schema: &Schema) -> Self {
        let root = Open::new(None, &schema.references);
        Self { open: vec![root], met: HashSet::new(), done: Vec::new() }
    }

    /// The reference whose schema is needed next; `None` when there are all.
    pub(crate) fn poll_needed(&mut self) -> Result<Option<Reference>, RegistryError> {
        while let Some(open) = self.open.last_mut() {
            let Some(reference) = open.left.pop() else {
                self.done.extend(self.open.pop().and_then(|open| open.dependency));
                continue;
            };
            if self.is_open(&reference) {
                return Err(too_intricate(format!(
                    "{} version {} refers to itself, by way of others",
                    reference.subject, reference.version
                )));
            }
            if self.met.contains(&reference.name) {
                continue;
            }
            if self.met.len() >= MAX_SCHEMAS || self.open.len() > MAX_DEPTH {
                return Err(too_intricate(format!(
                    "the schema refers to more than {MAX_SCHEMAS} others, or to a chain of more than {MAX_DEPTH}"
                )));
            }
            self.met.insert(reference.name.clone());
            return Ok(Some(reference));
        }
        Ok(None)
    }

    /// The schema that was needed.
    pub(crate) fn handle_schema(&mut self, reference: Reference, schema: &Schema) {
        let dependency = Dependency { reference, text: schema.text.clone() };
        self.open.push(Open::new(Some(dependency), &schema.references));
    }

    /// All schemas, each after those that it refers to.
    pub(crate) fn finish(self) -> Vec<Dependency> {
        self.done
    }

    fn is_open(&self, reference: &Reference) -> bool {
        self.open.iter().filter_map(|open| open.dependency.as_ref()).any(|open| {
            open.reference.subject == reference.subject && open.reference.version == reference.version
        })
    }
}

impl Open {
    fn new(dependency: Option<Dependency>, references: &[Reference]) -> Self {
        Self { dependency, left: references.iter().rev().cloned().collect() }
    }
}

fn too_intricate(problem: String) -> RegistryError {
    RegistryError::new(RegistryErrorKind::TooIntricate, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refers_to(names: &[&str]) -> Schema {
        Schema::avro("{}").with_references(names.iter().map(|name| Reference {
            name: (*name).into(),
            subject: (*name).into(),
            version: 1,
        }))
    }

    /// Collects from a table of what each schema refers to.
    fn collect(root: &[&str], others: impl Fn(&str) -> Vec<String>) -> Result<Vec<String>, RegistryError> {
        let mut references = References::of(&refers_to(root));
        while let Some(reference) = references.poll_needed()? {
            let names = others(&reference.name);
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            references.handle_schema(reference, &refers_to(&names));
        }
        Ok(references.finish().into_iter().map(|dependency| dependency.reference.name).collect())
    }

    fn table(rows: &'static [(&str, &[&str])]) -> impl Fn(&str) -> Vec<String> {
        move |name| {
            let row = rows.iter().find(|(row, _)| *row == name);
            row.map(|(_, names)| names.iter().map(|name| (*name).to_owned()).collect()).unwrap_or_default()
        }
    }

    #[test]
    fn each_comes_after_those_that_it_refers_to_and_once() {
        let rows = table(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d", "e"])]);
        assert_eq!(collect(&["a", "e"], rows).unwrap(), ["d", "b", "e", "c", "a"]);
        assert!(collect(&[], table(&[])).unwrap().is_empty());
    }

    #[test]
    fn circles_end() {
        for rows in [table(&[("a", &["a"])]), table(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])])] {
            let error = collect(&["a"], rows).unwrap_err();
            assert_eq!(error.kind(), RegistryErrorKind::TooIntricate);
            assert!(error.to_string().starts_with("a version 1 refers to itself"), "{error}");
        }
    }

    #[test]
    fn chains_and_crowds_end() {
        let next = |name: &str| vec![format!("{}", name.parse::<u64>().unwrap_or_default() + 1)];
        assert_eq!(collect(&["0"], next).unwrap_err().kind(), RegistryErrorKind::TooIntricate);
        let names: Vec<_> = (0..=MAX_SCHEMAS).map(|number| number.to_string()).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert_eq!(collect(&names[1..], table(&[])).unwrap().len(), MAX_SCHEMAS);
        assert_eq!(collect(&names, table(&[])).unwrap_err().kind(), RegistryErrorKind::TooIntricate);
    }
}
