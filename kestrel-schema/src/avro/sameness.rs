//! Whether two definitions of a name say the same, so that the second one is no contradiction.

use std::collections::HashMap;

use super::json::Json;
use super::types::{Field, Record, Shape, TypeId, Types};

/// Whether two types are the same but for documentation and aliases, as Java's `Schema.equals` has it.
///
/// Walks what was written inside of a definition, whose depth the reader of JSON has limited; a name that is used before it is defined
/// is the same as none.
pub(super) fn is_same(types: &Types, one: TypeId, other: TypeId) -> bool {
    if one == other {
        return true;
    }
    let (one, other) = (types.get(one), types.get(other));
    let is_same_shape = match (&one.shape, &other.shape) {
        (Shape::Primitive(one), Shape::Primitive(other)) => one == other,
        (Shape::Array(one), Shape::Array(other)) | (Shape::Map(one), Shape::Map(other)) => {
            is_same(types, *one, *other)
        }
        (Shape::Union(one), Shape::Union(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(types, *one, *other))
        }
        (Shape::Record(one), Shape::Record(other)) => is_same_record(types, one, other),
        (Shape::Enum(one), Shape::Enum(other)) => {
            one.head.name == other.head.name && one.symbols == other.symbols
        }
        (Shape::Fixed(one), Shape::Fixed(other)) => {
            one.head.name == other.head.name && one.size == other.size
        }
        _ => false,
    };
    is_same_shape && by_name(&one.properties) == by_name(&other.properties)
}

/// Properties without their order, which makes no difference.
fn by_name(properties: &[(String, Json)]) -> HashMap<&str, &Json> {
    properties.iter().map(|(name, value)| (name.as_str(), value)).collect()
}

fn is_same_record(types: &Types, one: &Record, other: &Record) -> bool {
    let is_same_field = |(one, other): (&Field, &Field)| {
        one.name == other.name
            && one.default == other.default
            && one.order == other.order
            && by_name(&one.properties) == by_name(&other.properties)
            && is_same(types, one.type_id, other.type_id)
    };
    one.head.name == other.head.name
        && one.fields.len() == other.fields.len()
        && one.fields.iter().zip(&other.fields).all(is_same_field)
}
