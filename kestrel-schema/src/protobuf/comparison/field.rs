//! One field in two versions: what its type is on the wire.

use super::super::file::{Field, FieldType, Label};
use super::super::names::{Definition, Names};
use super::{Comparison, Place};
use crate::BudgetExceeded;

/// Scalar types whose values are read as each other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScalarKind {
    /// Plain varints; enums too.
    Varint,
    /// Zigzag varints.
    ZigZag,
    Fixed32,
    Fixed64,
    Float,
    Double,
    /// What has a length: strings and bytes.
    Delimited,
}

impl ScalarKind {
    fn of(scalar: &str) -> Option<Self> {
        Some(match scalar {
            "int32" | "int64" | "uint32" | "uint64" | "bool" => Self::Varint,
            "sint32" | "sint64" => Self::ZigZag,
            "fixed32" | "sfixed32" => Self::Fixed32,
            "fixed64" | "sfixed64" => Self::Fixed64,
            "float" => Self::Float,
            "double" => Self::Double,
            "string" | "bytes" => Self::Delimited,
            _ => return None,
        })
    }
}

/// What the type of a field is, as far as the wire is concerned.
enum Shape {
    Scalar(ScalarKind),
    Map {
        key: String,
        value: String,
    },
    /// A message, or a name that nobody declares.
    Message(String),
}

impl Shape {
    fn of(field_type: &FieldType, names: &Names<'_>, scope: &str) -> Self {
        let name = match field_type {
            FieldType::Map { key, value } => return Self::Map { key: key.clone(), value: value.clone() },
            FieldType::Named(name) => name,
        };
        if let Some(kind) = ScalarKind::of(name) {
            return Self::Scalar(kind);
        }
        let Some((_, named)) = names.resolve(scope, name) else { return Self::Message(name.clone()) };
        match (named.definition, named.map_entry()) {
            (Definition::Enum, _) => Self::Scalar(ScalarKind::Varint),
            (_, Some(FieldType::Map { key, value })) => Self::Map { key, value },
            _ => Self::Message(name.clone()),
        }
    }
}

impl<'a> Comparison<'a> {
    /// Compares a field with its new version.
    pub(super) fn field(
        &mut self,
        writer: &Field,
        reader: &Field,
        place: &Place,
    ) -> Result<(), BudgetExceeded> {
        let labels = (writer.label, reader.label);
        self.types(&writer.name, (&writer.field_type, &reader.field_type), labels, place)
    }

    fn types(
        &mut self,
        field: &str,
        (writer, reader): (&FieldType, &FieldType),
        labels: (Option<Label>, Option<Label>),
        place: &Place,
    ) -> Result<(), BudgetExceeded> {
        let before = Shape::of(writer, self.writer, &place.writer_scope);
        let after = Shape::of(reader, self.reader, &place.reader_scope);
        match (before, after) {
            (Shape::Scalar(before), Shape::Scalar(after)) if before != after => {
                let problem = format!(
                    "the type {writer} of the field {field} became {reader}, which is written differently"
                );
                self.report(place, "FIELD_SCALAR_KIND_CHANGED", problem)
            }
            (Shape::Scalar(kind), Shape::Scalar(_)) => self.labels(field, kind, labels, place),
            (Shape::Message(before), Shape::Message(after)) => {
                self.named_types(field, &before, &after, place)
            }
            (Shape::Map { key, value }, Shape::Map { key: new_key, value: new_value }) => {
                let named = |name: String| FieldType::Named(name);
                self.budget.descend()?;
                self.types(field, (&named(key), &named(new_key)), (None, None), place)?;
                self.types(field, (&named(value), &named(new_value)), (None, None), place)?;
                self.budget.ascend();
                Ok(())
            }
            _ => {
                let problem = format!("the type {writer} of the field {field} became {reader}");
                self.report(place, "FIELD_KIND_CHANGED", problem)
            }
        }
    }

    /// Only labels that are written count, as in the registry.
    fn labels(
        &mut self,
        field: &str,
        kind: ScalarKind,
        labels: (Option<Label>, Option<Label>),
        place: &Place,
    ) -> Result<(), BudgetExceeded> {
        let (Some(before), Some(after)) = labels else { return Ok(()) };
        if before == after || kind == ScalarKind::Delimited {
            return Ok(());
        }
        let problem =
            format!("the {before} field {field} became {after}: numbers are packed in only one of them");
        self.report(place, "FIELD_NUMERIC_LABEL_CHANGED", problem)
    }

    fn named_types(
        &mut self,
        field: &str,
        before: &str,
        after: &str,
        place: &Place,
    ) -> Result<(), BudgetExceeded> {
        let writer = self.writer.resolve(&place.writer_scope, before);
        let reader = self.reader.resolve(&place.reader_scope, after);
        let is_same = match (&writer, &reader) {
            (Some((before, writer)), Some((after, reader))) => {
                writer.local_name(before) == reader.local_name(after)
            }
            _ => before == after,
        };
        if !is_same {
            let problem = format!("the type {before} of the field {field} became {after}");
            return self.report(place, "FIELD_NAMED_TYPE_CHANGED", problem);
        }
        if let (Some(writer), Some(reader)) = (writer, reader)
            && !writer.1.origin.is_same_as(&reader.1.origin)
        {
            self.follow(place, writer, reader);
        }
        Ok(())
    }
}
