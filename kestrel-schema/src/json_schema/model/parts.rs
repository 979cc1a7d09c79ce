//! Which shapes the keywords of one schema make: a type takes the keywords that belong to it, and those left over make a shape by
//! themselves.

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::build::{At, Builder};
use super::pattern::Pattern;
use super::{Array, Criterion, Number, Object, Rest, Shape, Text};
use crate::SchemaError;
use crate::json_schema::decimal::Decimal;

/// Keywords that belong to one type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Array,
    Object,
    Number,
    Text,
}

impl Family {
    const ALL: [Self; 4] = [Self::Array, Self::Object, Self::Number, Self::Text];

    fn of_type(name: &str) -> Option<Self> {
        match name {
            "array" => Some(Self::Array),
            "object" => Some(Self::Object),
            "integer" | "number" => Some(Self::Number),
            "string" => Some(Self::Text),
            _ => None,
        }
    }

    /// The keywords of draft 4, and those that came later.
    const fn keywords(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Array => (
                &["items", "additionalItems", "minItems", "maxItems", "uniqueItems"],
                &["contains", "prefixItems", "unevaluatedItems", "minContains", "maxContains"],
            ),
            Self::Object => (
                &[
                    "properties",
                    "required",
                    "minProperties",
                    "maxProperties",
                    "dependencies",
                    "patternProperties",
                    "additionalProperties",
                ],
                &["propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties"],
            ),
            Self::Number => {
                (&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"], &[])
            }
            Self::Text => (&["minLength", "maxLength", "pattern"], &[]),
        }
    }

    fn has_any(self, schema: &Map<String, Value>, draft: Draft) -> bool {
        let (old, new) = self.keywords();
        let is_known = |keyword: &&str| draft != Draft::Draft4 && draft.is_known_keyword(keyword);
        old.iter()
            .chain(new.iter().filter(|keyword| is_known(keyword)))
            .any(|&keyword| schema.contains_key(keyword))
    }
}

impl<'r> Builder<'r> {
    /// Adds the shapes that the keywords of a schema make.
    pub(super) fn parts(&mut self, at: At<'_, 'r>, parts: &mut Vec<Shape>) -> Result<(), SchemaError> {
        if let Some(values) = at.schema.get("enum").and_then(Value::as_array) {
            parts.push(Shape::Enumeration(values.clone()));
        }
        for criterion in [Criterion::All, Criterion::Any, Criterion::One] {
            if at.schema.contains_key(criterion.keyword()) {
                parts.push(self.combined(at, criterion)?);
            }
        }
        if let Some(inner) = self.child(at, "not")? {
            parts.push(Shape::Not(inner));
        }
        if at.scope.draft != Draft::Draft4
            && let Some(value) = at.schema.get("const")
        {
            parts.push(Shape::Constant(value.clone()));
        }
        let families = self.typed(at, parts)?;
        for family in Family::ALL {
            if !families.contains(&family) && family.has_any(at.schema, at.scope.draft) {
                parts.push(self.family(at, family)?);
            }
        }
        if !matches!(at.scope.draft, Draft::Draft4 | Draft::Draft6) {
            let mut conditions = Vec::new();
            for keyword in ["if", "then", "else"] {
                conditions.extend(self.child(at, keyword)?);
            }
            if !conditions.is_empty() {
                parts.push(Shape::Conditional(conditions));
            }
        }
        Ok(())
    }

    /// Adds the shape of the types that a schema names, and tells whose keywords that has taken.
    fn typed(&mut self, at: At<'_, 'r>, parts: &mut Vec<Shape>) -> Result<Vec<Family>, SchemaError> {
        let names: Vec<&str> = match at.schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return Ok(Vec::new()),
        };
        let mut shapes = Vec::with_capacity(names.len());
        for &name in &names {
            shapes.push(match Family::of_type(name) {
                Some(family) => self.family(at, family)?,
                None if name == "null" => Shape::Null,
                None => Shape::Boolean,
            });
            if let (Some(Shape::Number(number)), "integer") = (shapes.last_mut(), name) {
                number.is_integer = true;
            }
        }
        match at.schema.get("type") {
            Some(Value::String(_)) => parts.append(&mut shapes),
            _ => parts.push(self.any_of(shapes)),
        }
        Ok(names.into_iter().filter_map(Family::of_type).collect())
    }

    fn family(&mut self, at: At<'_, 'r>, family: Family) -> Result<Shape, SchemaError> {
        Ok(match family {
            Family::Array => Shape::Array(Box::new(self.array(at)?)),
            Family::Object => Shape::Object(Box::new(self.object(at)?)),
            Family::Number => Shape::Number(Box::new(number(at.schema))),
            Family::Text => Shape::Text(text(at.schema)),
        })
    }

    fn object(&mut self, at: At<'_, 'r>) -> Result<Object, SchemaError> {
        let mut object = Object {
            additional: self.rest(at, "additionalProperties")?,
            min_properties: decimal(at.schema, "minProperties"),
            max_properties: decimal(at.schema, "maxProperties"),
            ..Object::default()
        };
        for (name, id) in self.children(at, "properties")? {
            object.properties.insert(name.clone(), id);
        }
        let required = at.schema.get("required").and_then(Value::as_array).into_iter().flatten();
        object.required = required.filter_map(Value::as_str).map(str::to_owned).collect();
        for (expression, id) in self.children(at, "patternProperties")? {
            let pattern = Pattern::new(expression).ok_or_else(|| {
                let place = at.place.at("patternProperties");
                SchemaError::new(format!("{}: the name is no regular expression", place.named(expression)))
            })?;
            object.patterns.push((pattern, id));
        }
        let keywords: &[&str] = match at.scope.is_modern() {
            true => &["dependencies", "dependentRequired", "dependentSchemas"],
            false => &["dependencies"],
        };
        for &keyword in keywords {
            for (name, id) in self.children(at, keyword)? {
                object.dependent_schemas.insert(name.clone(), id);
            }
            for (name, others) in at.schema.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                if let Some(others) = others.as_array() {
                    let others = others.iter().filter_map(Value::as_str).map(str::to_owned);
                    object.dependent_names.insert(name.clone(), others.collect());
                }
            }
        }
        if at.scope.is_modern() {
            object.unevaluated = self.child(at, "unevaluatedProperties")?;
        }
        Ok(object)
    }

    fn array(&mut self, at: At<'_, 'r>) -> Result<Array, SchemaError> {
        let mut array = Array {
            min_items: decimal(at.schema, "minItems"),
            max_items: decimal(at.schema, "maxItems"),
            is_unique: at.schema.get("uniqueItems").and_then(Value::as_bool).unwrap_or_default(),
            ..Array::default()
        };
        let newest = at.scope.draft == Draft::Draft202012;
        // 2020-12 calls the schemas of the first items `prefixItems`, and `items` those after them.
        if newest {
            array.tuple = self.list(at, "prefixItems")?;
            match self.rest(at, "items")? {
                Rest::Follow(id) if array.tuple.is_empty() => array.items = Some(id),
                rest => array.additional = rest,
            }
        } else {
            array.additional = self.rest(at, "additionalItems")?;
            if at.schema.get("items").is_some_and(Value::is_array) {
                array.tuple = self.list(at, "items")?;
            } else {
                array.items = self.child(at, "items")?;
            }
        }
        if at.scope.is_modern() {
            array.unevaluated = self.child(at, "unevaluatedItems")?;
            if at.schema.contains_key("contains") {
                array.min_contains =
                    decimal(at.schema, "minContains").or_else(|| Some(Decimal::of(&1.into())));
                array.max_contains = decimal(at.schema, "maxContains");
            }
        }
        Ok(array)
    }

    fn rest(&mut self, at: At<'_, 'r>, keyword: &str) -> Result<Rest, SchemaError> {
        Ok(match at.schema.get(keyword) {
            None => Rest::Open,
            Some(Value::Bool(true)) => Rest::Allowed,
            Some(Value::Bool(false)) => Rest::Forbidden,
            Some(value) => Rest::Follow(self.node(value, at.scope, &at.place.at(keyword))?),
        })
    }
}

fn number(schema: &Map<String, Value>) -> Number {
    // In draft 4 the exclusive limits are booleans, which the table does not look at.
    Number {
        is_integer: false,
        minimum: decimal(schema, "minimum"),
        maximum: decimal(schema, "maximum"),
        exclusive_minimum: decimal(schema, "exclusiveMinimum"),
        exclusive_maximum: decimal(schema, "exclusiveMaximum"),
        multiple_of: decimal(schema, "multipleOf"),
    }
}

fn text(schema: &Map<String, Value>) -> Text {
    Text {
        min_length: decimal(schema, "minLength"),
        max_length: decimal(schema, "maxLength"),
        pattern: schema.get("pattern").and_then(Value::as_str).map(str::to_owned),
    }
}

fn decimal(schema: &Map<String, Value>, keyword: &str) -> Option<Decimal> {
    schema.get(keyword).and_then(Value::as_number).map(Decimal::of)
}
