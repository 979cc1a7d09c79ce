//! Makes types of JSON, as Java's parser does: names may be used before they are defined, and defined twice if nothing differs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::json::{Json, Number};
use super::name::{Name, is_word};
use super::sameness::is_same;
use super::types::{Enum, Field, Fixed, Head, Order, Primitive, Record, Shape, TypeId, Types};
use crate::SchemaError;

/// The largest `fixed` that Java has memory for.
const LARGEST_FIXED: u32 = i32::MAX as u32 - 8;

/// Attributes that Avro gives a meaning; all others are kept as properties.
const RESERVED: [&str; 10] =
    ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];
const RESERVED_OF_ENUMS: [&str; 11] = [
    "doc",
    "fields",
    "items",
    "name",
    "namespace",
    "size",
    "symbols",
    "values",
    "type",
    "aliases",
    "default",
];
const RESERVED_OF_FIELDS: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];

/// Reads schemas one after the other; the later ones may refer to the earlier ones.
#[derive(Debug, Default)]
pub(super) struct Parser {
    types: Types,
    /// Where each full name is defined.
    defined: HashMap<String, TypeId>,
}

type Space<'a> = Option<&'a Arc<str>>;

impl Parser {
    /// Reads a schema, all names of which must be defined in it or in one that was read before.
    pub(super) fn schema(&mut self, json: &Json) -> Result<TypeId, SchemaError> {
        let root = self.parse(json, None)?;
        self.link()?;
        // A second definition that is the same as the first one gives way to it.
        let first =
            self.types.get(root).shape.head().and_then(|head| self.defined.get(&head.name.to_string()));
        Ok(first.copied().unwrap_or(root))
    }

    pub(super) fn into_types(self) -> Types {
        self.types
    }

    pub(super) const fn types(&self) -> &Types {
        &self.types
    }

    fn parse(&mut self, json: &Json, space: Space<'_>) -> Result<TypeId, SchemaError> {
        match json {
            Json::Text(name) => Ok(self.named(name, space)),
            Json::Array(branches) => {
                let branches =
                    branches.iter().map(|branch| self.parse(branch, space)).collect::<Result<_, _>>()?;
                Ok(self.types.add(Shape::Union(branches)))
            }
            Json::Object(_) => self.object(json, space),
            other => Err(SchemaError::new(format!("{other} is no schema"))),
        }
    }

    fn object(&mut self, json: &Json, space: Space<'_>) -> Result<TypeId, SchemaError> {
        let word = json.text("type").ok_or_else(|| lacks(json, "`type`"))?;
        let shape = match word {
            "record" | "error" => self.record(json, space, word == "error")?,
            "enum" => Shape::Enum(enumeration(json, space)?),
            "fixed" => Shape::Fixed(fixed(json, space)?),
            "array" => Shape::Array(self.part(json, "items", space)?),
            "map" => Shape::Map(self.part(json, "values", space)?),
            name => match Primitive::of_word(name) {
                Some(primitive) => Shape::Primitive(primitive),
                // As Java up to 1.12.1, which drops everything beside the name.
                None => return Ok(self.named(name, space)),
            },
        };
        let reserved: &[&str] = if word == "enum" { &RESERVED_OF_ENUMS } else { &RESERVED };
        let id = self.types.add(shape);
        self.types.get_mut(id).properties = properties(json, reserved);
        self.define(id)?;
        Ok(id)
    }

    fn part(&mut self, json: &Json, attribute: &str, space: Space<'_>) -> Result<TypeId, SchemaError> {
        let part = json.get(attribute).ok_or_else(|| lacks(json, &format!("`{attribute}`")))?;
        self.parse(part, space)
    }

    fn record(&mut self, json: &Json, space: Space<'_>, is_error: bool) -> Result<Shape, SchemaError> {
        let head = head(json, space)?;
        let fields =
            json.get("fields").and_then(Json::as_array).ok_or_else(|| lacks(json, "a list of `fields`"))?;
        let mut record =
            Record { head, fields: Vec::with_capacity(fields.len()), places: HashMap::new(), is_error };
        for field in fields {
            let field = self.field(field, &record.head.name)?;
            let name = field.name.clone();
            if record.places.insert(name, record.fields.len()).is_some() {
                return Err(SchemaError::new(format!(
                    "record {} has two fields {}",
                    record.head.name, field.name
                )));
            }
            record.fields.push(field);
        }
        Ok(Shape::Record(record))
    }

    fn field(&mut self, json: &Json, record: &Name) -> Result<Field, SchemaError> {
        let place = |error: SchemaError, name: &str| SchemaError::new(format!("{record}.{name}: {error}"));
        let name = json.text("name").ok_or_else(|| lacks(json, "a `name`"))?;
        let type_id = self.part(json, "type", record.space()).map_err(|error| place(error, name))?;
        let order = match json.get("order") {
            None => Order::Ascending,
            Some(order) => {
                Order::of_word(order.as_text().unwrap_or_default()).map_err(|error| place(error, name))?
            }
        };
        let field = Field {
            name: word(name).map_err(|error| place(error, name))?,
            doc: json.text("doc").map(str::to_owned),
            aliases: unique(aliases(json)?),
            type_id,
            default: self.default(json, type_id).map_err(|error| place(error, name))?,
            order,
            properties: properties(json, &RESERVED_OF_FIELDS),
        };
        Ok(field)
    }

    /// The default of a field: Java takes a text for a number where that is what the field has.
    fn default(&self, json: &Json, type_id: TypeId) -> Result<Option<Json>, SchemaError> {
        let is_double =
            matches!(self.types.get(type_id).shape, Shape::Primitive(Primitive::Float | Primitive::Double));
        match json.get("default") {
            Some(Json::Text(text)) if is_double => match double(text) {
                Some(double) => Ok(Some(Json::Number(Number::Double(double)))),
                None => Err(SchemaError::new(format!("its default {text} is no number"))),
            },
            default => Ok(default.cloned()),
        }
    }

    /// The type of this name, which may be one to come.
    fn named(&mut self, name: &str, space: Space<'_>) -> TypeId {
        if let Some(primitive) = Primitive::of_word(name) {
            return self.types.add(Shape::Primitive(primitive));
        }
        let full = match space {
            Some(space) if !name.contains('.') => format!("{space}.{name}"),
            _ => name.to_owned(),
        };
        let known = self.defined.get(&full).or_else(|| self.defined.get(name)).copied();
        known.unwrap_or_else(|| self.types.add(Shape::Forward(full)))
    }

    fn define(&mut self, id: TypeId) -> Result<(), SchemaError> {
        let Some(head) = self.types.get(id).shape.head() else { return Ok(()) };
        let name = head.name.to_string();
        match self.defined.get(&name) {
            Some(&first) if is_same(&self.types, first, id) => Ok(()),
            Some(_) => Err(SchemaError::new(format!("{name} is defined twice, in two ways"))),
            None => {
                self.defined.insert(name, id);
                Ok(())
            }
        }
    }

    /// Leads the names that were used before they were defined to their definitions, and looks at the unions, which need them.
    fn link(&mut self) -> Result<(), SchemaError> {
        for id in self.types.ids() {
            if let Shape::Forward(name) = &self.types.get(id).shape {
                let target = self.defined.get(name).copied();
                let target = target.ok_or_else(|| SchemaError::new(format!("{name} is defined nowhere")))?;
                self.types.get_mut(id).shape = Shape::Link(target);
            }
        }
        self.types.ids().try_for_each(|id| self.check_union(id))
    }

    fn check_union(&self, id: TypeId) -> Result<(), SchemaError> {
        let Shape::Union(branches) = &self.types.get(id).shape else { return Ok(()) };
        let mut names = HashSet::new();
        for branch in branches {
            let shape = &self.types.get(*branch).shape;
            if matches!(shape, Shape::Union(_)) {
                return Err(SchemaError::new("a union is directly inside of a union"));
            }
            let name = shape.branch_name();
            if names.contains(&name) {
                return Err(SchemaError::new(format!("a union has {name} twice")));
            }
            names.insert(name);
        }
        Ok(())
    }
}

fn lacks(json: &Json, what: &str) -> SchemaError {
    SchemaError::new(format!("{} lacks {what}", json.excerpt()))
}

fn head(json: &Json, space: Space<'_>) -> Result<Head, SchemaError> {
    let own = json.text("namespace").map(Arc::from);
    let name = json.text("name").ok_or_else(|| lacks(json, "a `name`"))?;
    let name = Name::new(name, own.as_ref().or(space))?;
    word(name.simple())?;
    if name.space().is_none() && Primitive::of_word(name.simple()).is_some() {
        return Err(SchemaError::new(format!("no type may be named {name}, which is a type of Avro")));
    }
    let aliases = aliases(json)?
        .into_iter()
        .map(|alias| Name::new(alias, name.space()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    let aliases = aliases.into_iter().filter(|alias| seen.insert(alias.clone())).collect();
    Ok(Head { name, doc: json.text("doc").map(str::to_owned), aliases })
}

fn enumeration(json: &Json, space: Space<'_>) -> Result<Enum, SchemaError> {
    let head = head(json, space)?;
    let listed =
        json.get("symbols").and_then(Json::as_array).ok_or_else(|| lacks(json, "a list of `symbols`"))?;
    let mut seen = HashSet::new();
    let mut symbols = Vec::with_capacity(listed.len());
    for symbol in listed {
        let symbol = word(symbol.as_text().unwrap_or_default())?;
        if !seen.insert(symbol.clone()) {
            return Err(SchemaError::new(format!("enum {} has the symbol {symbol} twice", head.name)));
        }
        symbols.push(symbol);
    }
    let default = json.text("default").map(str::to_owned);
    if let Some(default) = default.iter().find(|default| !seen.contains(*default)) {
        return Err(SchemaError::new(format!(
            "{default}, the default of enum {}, is none of its symbols",
            head.name
        )));
    }
    Ok(Enum { head, symbols, default })
}

fn fixed(json: &Json, space: Space<'_>) -> Result<Fixed, SchemaError> {
    let head = head(json, space)?;
    let size = match json.get("size") {
        Some(Json::Number(number)) => number.as_integer().filter(|size| *size <= LARGEST_FIXED),
        _ => None,
    };
    let size = size.ok_or_else(|| lacks(json, &format!("a `size` from 0 to {LARGEST_FIXED}")))?;
    Ok(Fixed { head, size })
}

fn aliases(json: &Json) -> Result<Vec<&str>, SchemaError> {
    let Some(aliases) = json.get("aliases") else { return Ok(Vec::new()) };
    let texts = aliases.as_array().and_then(|aliases| aliases.iter().map(Json::as_text).collect());
    texts.ok_or_else(|| SchemaError::new(format!("the aliases {} are no list of texts", aliases.excerpt())))
}

fn unique(texts: Vec<&str>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(*text)).map(str::to_owned).collect()
}

fn properties(json: &Json, reserved: &[&str]) -> Vec<(String, Json)> {
    json.members().iter().filter(|(name, _)| !reserved.contains(&name.as_str())).cloned().collect()
}

fn word(name: &str) -> Result<String, SchemaError> {
    if is_word(name) {
        return Ok(name.to_owned());
    }
    Err(SchemaError::new(format!(
        "{name:?} is no name: a letter or underscore, then letters, digits and underscores"
    )))
}

/// A number in a text, as Java's `Double.parseDouble` takes it, but for hexadecimal ones.
fn double(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.trim_start_matches(['+', '-']) {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text).parse().ok()
        }
        _ => None,
    }
}
