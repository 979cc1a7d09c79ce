//! Where in a schema a comparison is: as Java's path for registries, and in words for people.

use super::types::{Shape, TypeId, Types};

/// A step from a type to a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a comparison whose outcome alone counts: Java begins a new path there.
    Trial,
    Items,
    Values,
    Branch(usize),
    /// Into a field of this record of the reader's.
    Field(TypeId, usize),
    /// To an attribute of a type, as the name is.
    Attribute(&'static str),
}

/// The steps from the root to where the comparison is.
#[derive(Debug, Default)]
pub(super) struct Location(Vec<Step>);

impl Location {
    pub(super) fn enter(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// `/fields/0/type/items`: the path from the root, or from where the innermost trial began.
    pub(super) fn path(&self) -> String {
        let start = self.0.iter().rposition(|step| *step == Step::Trial).map_or(0, |trial| trial + 1);
        let parts: Vec<String> = self.0[start..]
            .iter()
            .map(|step| match step {
                Step::Trial => String::new(),
                Step::Items => "items".to_owned(),
                Step::Values => "values".to_owned(),
                Step::Branch(index) => index.to_string(),
                Step::Field(_, index) => format!("fields/{index}"),
                Step::Attribute(name) => (*name).to_owned(),
            })
            .collect();
        format!("/{}", parts.join("/"))
    }

    /// `field total of shop.Order`: the innermost field, for the beginning of a sentence; empty outside of fields.
    pub(super) fn field(&self, reader: &Types) -> String {
        let field = self.0.iter().rev().find_map(|step| match step {
            Step::Field(record, index) => Some((*record, *index)),
            _ => None,
        });
        let Some((record, index)) = field else { return String::new() };
        match &reader.get(record).shape {
            Shape::Record(record) => format!("field {} of {}: ", record.fields[index].name, record.head.name),
            _ => String::new(),
        }
    }
}
