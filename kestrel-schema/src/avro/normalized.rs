//! The normal form of a schema: what differs in order alone becomes the same.
//!
//! As Confluent's registry has it: properties, aliases and the keys of defaults are sorted, defaults are written as values of their
//! field's type, an empty `doc` and the word `error` go.

use super::json::{Json, Number};
use super::logical::properties_of_logical_type;
use super::types::{Field, Head, Primitive, Shape, Type, TypeId, Types};
use crate::{Budget, BudgetExceeded};

/// The same types in their normal form.
///
/// A default that can be read in very many ways (unions of records in records) stays as it is.
pub(super) fn normalized(types: &Types) -> Types {
    let mut budget = Budget::default();
    let mut changed = types.clone();
    for id in types.ids() {
        let this = changed.get_mut(id);
        this.properties = properties(this);
        match &mut this.shape {
            Shape::Record(record) => {
                record.is_error = false;
                head(&mut record.head);
                record.fields.iter_mut().for_each(|part| field(types, part, &mut budget));
            }
            Shape::Enum(symbols) => head(&mut symbols.head),
            Shape::Fixed(fixed) => head(&mut fixed.head),
            _ => {}
        }
    }
    changed
}

fn properties(this: &Type) -> Vec<(String, Json)> {
    let first = properties_of_logical_type(this);
    let place = |name: &str| first.iter().position(|known| *known == name).unwrap_or(first.len());
    let mut properties = sorted(&this.properties);
    properties.sort_by_key(|(name, _)| place(name));
    properties
}

fn head(head: &mut Head) {
    head.doc.take_if(|doc| doc.is_empty());
    head.aliases.sort_by_cached_key(ToString::to_string);
}

fn field(types: &Types, field: &mut Field, budget: &mut Budget) {
    field.aliases.sort();
    field.properties = sorted(&field.properties);
    if let Some(default) = &field.default {
        field.default =
            value(types, field.type_id, default, budget).unwrap_or_else(|_| Some(ordered(default)));
    }
}

fn sorted(members: &[(String, Json)]) -> Vec<(String, Json)> {
    let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), ordered(value))).collect();
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members
}

/// The same JSON with the members of its objects sorted.
fn ordered(json: &Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.iter().map(ordered).collect()),
        Json::Object(members) => Json::Object(sorted(members)),
        other => other.clone(),
    }
}

/// A default as a value of its type; none if it is no such value.
///
/// Goes as deep as the default is nested.
fn value(
    types: &Types,
    id: TypeId,
    default: &Json,
    budget: &mut Budget,
) -> Result<Option<Json>, BudgetExceeded> {
    budget.step()?;
    let shape = &types.get(id).shape;
    Ok(match (default, shape) {
        (Json::Null, _) => Some(Json::Null),
        (_, Shape::Union(branches)) => {
            for branch in branches {
                let is_null = matches!(types.get(*branch).shape, Shape::Primitive(Primitive::Null));
                if !is_null && let Some(value) = value(types, *branch, default, budget)? {
                    return Ok(Some(value));
                }
            }
            None
        }
        (Json::Bool(_), _) => Some(default.clone()),
        (Json::Number(number), Shape::Primitive(primitive)) => {
            number_of(*primitive, number).map(Json::Number)
        }
        (Json::Text(_), Shape::Primitive(Primitive::String) | Shape::Enum(_)) => Some(default.clone()),
        (Json::Text(text), Shape::Primitive(Primitive::Bytes) | Shape::Fixed(_)) => {
            let byte = |c: char| if c > '\u{ff}' { '?' } else { c };
            Some(Json::Text(text.chars().map(byte).collect()))
        }
        (Json::Array(items), Shape::Array(element)) => {
            let items = items.iter().map(|item| value(types, *element, item, budget));
            items.collect::<Result<Option<_>, _>>()?.map(Json::Array)
        }
        (Json::Object(members), shape) => object(types, shape, members, budget)?,
        _ => None,
    })
}

fn object(
    types: &Types,
    shape: &Shape,
    members: &[(String, Json)],
    budget: &mut Budget,
) -> Result<Option<Json>, BudgetExceeded> {
    let member = |(name, json): &(String, Json)| {
        let of = match shape {
            Shape::Map(values) => Some(*values),
            Shape::Record(record) => match record.field(name) {
                Some(field) => Some(field.type_id),
                None => return Ok(None),
            },
            _ => None,
        };
        let json = match of {
            Some(of) => value(types, of, json, budget)?,
            None => Some(ordered(json)),
        };
        Ok(json.map(|json| (name.clone(), json)))
    };
    let members = members.iter().map(member).collect::<Result<Option<Vec<_>>, _>>()?;
    Ok(members.map(|mut members| {
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        Json::Object(members)
    }))
}

fn number_of(primitive: Primitive, number: &Number) -> Option<Number> {
    if matches!(number, Number::Integer(_)) {
        number.as_integer::<i64>()?;
    }
    match (primitive, number) {
        (Primitive::Int | Primitive::Long, Number::Integer(_)) => Some(number.clone()),
        (Primitive::Double, _) => Some(Number::Double(number.as_double())),
        (Primitive::Float, _) => Some(Number::Double(as_single(number.as_double()))),
        _ => None,
    }
}

/// The double that the digits of a single-precision number stand for, which are fewer than those of its exact value.
#[expect(clippy::cast_possible_truncation, reason = "that is what is asked for")]
fn as_single(double: f64) -> f64 {
    (double as f32).to_string().parse().unwrap_or(double)
}
