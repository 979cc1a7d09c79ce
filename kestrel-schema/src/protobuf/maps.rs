//! Maps of maps, which there are none of: one of itself would go on for ever.
//!
//! In a text a map is a kind of field, and has no name that could be the type of a value. A registry makes messages of them all the same
//! (`option map_entry = true`), which nobody but a compiler may write: protoc refuses them, and takes the message of a map for the type
//! of that one field alone.

use super::file::{FieldType, Message};
use super::names::{Definition, Names};
use crate::SchemaError;

/// Refuses a map whose keys or values are of a type that stands for a map.
pub(super) fn check(names: &Names<'_>) -> Result<(), SchemaError> {
    let nested = names.types().filter_map(|(name, named)| match named.definition {
        Definition::Message(message) => Some((name, map_of_maps(message, name, names)?)),
        Definition::Enum => None,
    });
    match nested.min() {
        None => Ok(()),
        Some((message, part)) => Err(SchemaError::new(format!(
            "a map in {message} is made of {part}, which stands for a map itself"
        ))),
    }
}

/// The type that stands for a map, if one of a message's maps, or the map that it is itself, is made of it.
fn map_of_maps(message: &Message, full_name: &str, names: &Names<'_>) -> Option<String> {
    let in_oneofs = message.oneofs.iter().flat_map(|oneof| &oneof.fields);
    let fields = message.fields.iter().chain(in_oneofs).map(|field| field.field_type.clone());
    let parts = fields.chain(message.map_entry()).flat_map(|field_type| match field_type {
        FieldType::Map { key, value } => vec![key, value],
        FieldType::Named(_) => Vec::new(),
    });
    let is_map =
        |part: &String| names.resolve(full_name, part).is_some_and(|(_, named)| named.map_entry().is_some());
    parts.into_iter().find(is_map)
}
