//! What a registry asks of a new schema, and not of those that it has had since before it asked: plain names, and defaults that fit.

use super::json::Json;
use super::name::is_plain_word;
use super::types::{Field, Head, Primitive, Shape, TypeId, Types};
use crate::{Budget, BudgetExceeded, SchemaError};

/// Refuses names that are not of A to Z, digits and underscores, and defaults that are no value of their field's type.
pub(super) fn validate(types: &Types) -> Result<(), SchemaError> {
    let mut budget = Budget::default();
    types.ids().filter(|id| types.resolve(*id) == *id).try_for_each(|id| {
        let shape = &types.get(id).shape;
        shape.head().map_or(Ok(()), names)?;
        match shape {
            Shape::Record(record) => record.fields.iter().try_for_each(|field| {
                default(types, field, &mut budget).map_err(|problem| {
                    SchemaError::new(format!("{}.{}: {problem}", record.head.name, field.name))
                })
            }),
            Shape::Enum(symbols) => symbols.symbols.iter().try_for_each(|symbol| plain(symbol)),
            _ => Ok(()),
        }
    })
}

fn names(head: &Head) -> Result<(), SchemaError> {
    head.name.parts().try_for_each(plain)?;
    head.aliases.iter().try_for_each(|alias| plain(alias.simple()))
}

fn plain(word: &str) -> Result<(), SchemaError> {
    if is_plain_word(word) {
        return Ok(());
    }
    Err(SchemaError::new(format!(
        "{word:?} is no plain name: A to Z, a to z and _, and digits after the first"
    )))
}

fn default(types: &Types, field: &Field, budget: &mut Budget) -> Result<(), SchemaError> {
    plain(&field.name)?;
    let Some(default) = &field.default else { return Ok(()) };
    match fits(types, field.type_id, default, budget) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let word = types.get(field.type_id).shape.word();
            Err(SchemaError::new(format!("its default {} is no {word}", default.excerpt())))
        }
        Err(BudgetExceeded) => Err(SchemaError::new("its default contains itself, or too much else")),
    }
}

/// Whether a JSON value can stand for a value of this type. Any branch of a union will do.
fn fits(types: &Types, id: TypeId, value: &Json, budget: &mut Budget) -> Result<bool, BudgetExceeded> {
    budget.descend()?;
    let fits = fits_shape(types, id, value, budget);
    budget.ascend();
    fits
}

fn fits_shape(types: &Types, id: TypeId, value: &Json, budget: &mut Budget) -> Result<bool, BudgetExceeded> {
    match (&types.get(id).shape, value) {
        (Shape::Primitive(primitive), value) => Ok(fits_primitive(*primitive, value)),
        (Shape::Enum(_) | Shape::Fixed(_), value) => Ok(value.as_text().is_some()),
        (Shape::Array(items), Json::Array(values)) => all(values, |value| fits(types, *items, value, budget)),
        (Shape::Map(values), Json::Object(members)) => {
            all(members, |(_, member)| fits(types, *values, member, budget))
        }
        (Shape::Union(branches), value) => {
            Ok(!all(branches, |branch| Ok(!fits(types, *branch, value, budget)?))?)
        }
        (Shape::Record(record), Json::Object(members)) => all(&record.fields, |field| {
            budget.spend(members.len() as u64 / 8)?;
            match value.get(&field.name).or(field.default.as_ref()) {
                Some(value) => fits(types, field.type_id, value, budget),
                None => Ok(false),
            }
        }),
        _ => Ok(false),
    }
}

fn all<T>(
    items: &[T],
    mut test: impl FnMut(&T) -> Result<bool, BudgetExceeded>,
) -> Result<bool, BudgetExceeded> {
    for item in items {
        if !test(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fits_primitive(primitive: Primitive, value: &Json) -> bool {
    match (primitive, value) {
        (Primitive::Null, Json::Null)
        | (Primitive::Boolean, Json::Bool(_))
        | (Primitive::Bytes | Primitive::String, Json::Text(_))
        | (Primitive::Float | Primitive::Double, Json::Number(_)) => true,
        (Primitive::Int, Json::Number(number)) => number.as_integer::<i32>().is_some(),
        (Primitive::Long, Json::Number(number)) => number.as_integer::<i64>().is_some(),
        _ => false,
    }
}
