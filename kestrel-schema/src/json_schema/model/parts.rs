//! Which shapes the keywords of one schema make: a type takes the keywords that belong to it, and those left over make a shape by
//! themselves.

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::build::{Builder, Scope};
use super::pattern::Pattern;
use super::{Array, Criterion, Number, Object, Rest, Shape, Text};
use crate::SchemaError;
use crate::json_schema::decimal::Decimal;
use crate::json_schema::place::Place;

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
    pub(super) fn parts(
        &mut self,
        schema: &'r Map<String, Value>,
        scope: &Scope<'r>,
        place: &Place<'_>,
        parts: &mut Vec<Shape>,
    ) -> Result<(), SchemaError> {
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            parts.push(Shape::Enumeration(values.clone()));
        }
        for criterion in [Criterion::All, Criterion::Any, Criterion::One] {
            if schema.contains_key(criterion.keyword()) {
                parts.push(self.combined(schema, criterion, scope, place)?);
            }
        }
        if let Some(inner) = self.child(schema, "not", scope, place)? {
            parts.push(Shape::Not(inner));
        }
        if scope.draft != Draft::Draft4
            && let Some(value) = schema.get("const")
        {
            parts.push(Shape::Constant(value.clone()));
        }
        let families = self.typed(schema, scope, place, parts)?;
        for family in Family::ALL {
            if !families.contains(&family) && family.has_any(schema, scope.draft) {
                parts.push(self.family(family, schema, scope, place)?);
            }
        }
        if !matches!(scope.draft, Draft::Draft4 | Draft::Draft6) {
            let mut conditions = Vec::new();
            for keyword in ["if", "then", "else"] {
                conditions.extend(self.child(schema, keyword, scope, place)?);
            }
            if !conditions.is_empty() {
                parts.push(Shape::Conditional(conditions));
            }
        }
        Ok(())
    }

    /// Adds the shape of the types that a schema names, and tells whose keywords that has taken.
    fn typed(
        &mut self,
        schema: &'r Map<String, Value>,
        scope: &Scope<'r>,
        place: &Place<'_>,
        parts: &mut Vec<Shape>,
    ) -> Result<Vec<Family>, SchemaError> {
        let names: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return Ok(Vec::new()),
        };
        let mut shapes = Vec::with_capacity(names.len());
        for &name in &names {
            shapes.push(match Family::of_type(name) {
                Some(family) => self.family(family, schema, scope, place)?,
                None if name == "null" => Shape::Null,
                None => Shape::Boolean,
            });
            if let (Some(Shape::Number(number)), "integer") = (shapes.last_mut(), name) {
                number.is_integer = true;
            }
        }
        match schema.get("type") {
            Some(Value::String(_)) => parts.append(&mut shapes),
            _ => parts.push(self.any_of(shapes)),
        }
        Ok(names.into_iter().filter_map(Family::of_type).collect())
    }

    fn family(
        &mut self,
        family: Family,
        schema: &'r Map<String, Value>,
        scope: &Scope<'r>,
        place: &Place<'_>,
    ) -> Result<Shape, SchemaError> {
        Ok(match family {
            Family::Array => Shape::Array(Box::new(self.array(schema, scope, place)?)),
            Family::Object => Shape::Object(Box::new(self.object(schema, scope, place)?)),
            Family::Number => Shape::Number(Box::new(number(schema))),
            Family::Text => Shape::Text(text(schema)),
        })
    }

    fn object(
        &mut self,
        schema: &'r Map<String, Value>,
        scope: &Scope<'r>,
        place: &Place<'_>,
    ) -> Result<Object, SchemaError> {
        let mut object = Object {
            additional: self.rest(schema, "additionalProperties", scope, place)?,
            min_properties: decimal(schema, "minProperties"),
            max_properties: decimal(schema, "maxProperties"),
            ..Object::default()
        };
        for (name, id) in self.children(schema, "properties", scope, place)? {
            object.properties.insert(name.clone(), id);
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        object.required = required.filter_map(Value::as_str).map(str::to_owned).collect();
        for (expression, id) in self.children(schema, "patternProperties", scope, place)? {
            let pattern = Pattern::new(expression).ok_or_else(|| {
                let place = place.at("patternProperties");
                SchemaError::new(format!("{}: the name is no regular expression", place.named(expression)))
            })?;
            object.patterns.push((pattern, id));
        }
        let keywords: &[&str] = match scope.is_modern() {
            true => &["dependencies", "dependentRequired", "dependentSchemas"],
            false => &["dependencies"],
        };
        for &keyword in keywords {
            for (name, id) in self.children(schema, keyword, scope, place)? {
                object.dependent_schemas.insert(name.clone(), id);
            }
            for (name, others) in schema.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                if let Some(others) = others.as_array() {
                    let others = others.iter().filter_map(Value::as_str).map(str::to_owned);
                    object.dependent_names.insert(name.clone(), others.collect());
                }
            }
        }
        if scope.is_modern() {
            object.unevaluated = self.child(schema, "unevaluatedProperties", scope, place)?;
        }
        Ok(object)
    }

    fn array(
        &mut self,
        schema: &'r Map<String, Value>,
        scope: &Scope<'r>,
        place: &Place<'_>,
    ) -> Result<Array, SchemaError> {
        let mut array = Array {
            min_items: decimal(schema, "minItems"),
            max_items: decimal(schema, "maxItems"),
            is_unique: schema.get("uniqueItems").and_then(Value::as_bool).unwrap_or_default(),
            ..Array::default()
        };
        let newest = scope.draft == Draft::Draft202012;
        // 2020-12 calls the schemas of the first items `prefixItems`, and `items` those after them.
        if newest {
            array.tuple = self.list(schema, "prefixItems", scope, place)?;
            match self.rest(schema, "items", scope, place)? {
                Rest::Follow(id) if array.tuple.is_empty() => array.items = Some(id),
                rest => array.additional = rest,
            }
        } else {
            array.additional = self.rest(schema, "additionalItems", scope, place)?;
            if schema.get("items").is_some_and(Value::is_array) {
                array.tuple = self.list(schema, "items", scope, place)?;
            } else {
                array.items = self.child(schema, "items", scope, place)?;
            }
        }
        if scope.is_modern() {
            array.unevaluated = self.child(schema, "unevaluatedItems", scope, place)?;
            if schema.contains_key("contains") {
                array.min_contains = decimal(schema, "minContains").or_else(|| Some(Decimal::of(&1.into())));
                array.max_contains = decimal(schema, "maxContains");
            }
        }
        Ok(array)
    }

    fn rest(
        &mut self,
        schema: &'r Map<String, Value>,
        keyword: &str,
        scope: &Scope<'r>,
        place: &Place<'_>,
    ) -> Result<Rest, SchemaError> {
        Ok(match schema.get(keyword) {
            None => Rest::Open,
            Some(Value::Bool(true)) => Rest::Allowed,
            Some(Value::Bool(false)) => Rest::Forbidden,
            Some(value) => Rest::Follow(self.node(value, scope, &place.at(keyword))?),
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
