//! Writes a schema as Java's `Schema.toString` does: the text that a registry keeps and hashes. Or the part of it that data are read by.

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::sync::Arc;

use super::Side;
use super::json::{Json, MAX_DEPTH, write_text};
use super::logical::properties_of_logical_type;
use super::types::{Field, Head, Order, Shape, Type, TypeId, Types};
use crate::SchemaError;

/// The canonical text of the type `root`, in which the types named in `known` are named and not defined.
///
/// # Errors
/// When a text would be nested deeper than one that can be read: names that are used before they are defined allow for that.
pub(super) fn canonical(types: &Types, root: TypeId, known: &HashSet<String>) -> Result<String, SchemaError> {
    Writer::new(types, MAX_DEPTH, None).known(known).text(root)
}

/// What one side of data looks at in these types, each in a text of its own. A name is defined where it is used first in the texts together.
///
/// # Errors
/// When a text would be nested more than `max_depth` levels deep.
pub(super) fn data_forms(
    types: &Types,
    roots: &[TypeId],
    side: Side,
    max_depth: usize,
) -> Result<Vec<String>, SchemaError> {
    let mut writer = Writer::new(types, max_depth, Some(side));
    roots.iter().map(|root| writer.text(*root)).collect()
}

struct Writer<'a> {
    types: &'a Types,
    max_depth: usize,
    /// Leaves out what this side of data does not look at, and nothing if there is none.
    side: Option<Side>,
    /// Full names of the types that are known to whoever reads the text up to here.
    written: HashSet<String>,
    out: String,
}

impl<'a> Writer<'a> {
    fn new(types: &'a Types, max_depth: usize, side: Option<Side>) -> Self {
        Self { types, max_depth, side, written: HashSet::new(), out: String::new() }
    }

    /// Whether only people look at it.
    fn has_remarks(&self) -> bool {
        self.side.is_none()
    }

    /// Whether a reader looks at it, for data that another schema wrote.
    fn has_resolution(&self) -> bool {
        self.side != Some(Side::Writer)
    }

    fn known(self, known: &HashSet<String>) -> Self {
        Self { written: known.clone(), ..self }
    }

    fn text(&mut self, root: TypeId) -> Result<String, SchemaError> {
        match self.write(root, None, 0) {
            Ok(()) => Ok(std::mem::take(&mut self.out)),
            Err(_) => Err(SchemaError::new(format!("nested more than {} levels deep", self.max_depth))),
        }
    }

    /// Fails for one reason only: the depth.
    fn write(&mut self, id: TypeId, space: Option<&Arc<str>>, depth: usize) -> fmt::Result {
        if depth > self.max_depth {
            return Err(fmt::Error);
        }
        let types = self.types;
        let this = types.get(id);
        let properties = self.kept(this);
        match &this.shape {
            Shape::Primitive(primitive) if properties.is_empty() => {
                write_text(primitive.word(), &mut self.out)
            }
            Shape::Union(branches) => self.union(branches, space, depth),
            shape => match shape.head() {
                Some(head) if !self.written.insert(head.name.to_string()) => {
                    write_text(&head.name.within(space), &mut self.out)
                }
                head => self.object(shape, head, &properties, space, depth),
            },
        }
    }

    fn kept(&self, this: &'a Type) -> Vec<&'a (String, Json)> {
        if self.has_remarks() {
            return this.properties.iter().collect();
        }
        let logical = properties_of_logical_type(this);
        let is_kept = |name: &str| logical.contains(&name) || (!logical.is_empty() && name == "scale");
        this.properties.iter().filter(|(name, _)| is_kept(name)).collect()
    }

    fn union(&mut self, branches: &[TypeId], space: Option<&Arc<str>>, depth: usize) -> fmt::Result {
        self.out.push('[');
        for (index, branch) in branches.iter().enumerate() {
            self.out.push_str(if index == 0 { "" } else { "," });
            self.write(*branch, space, depth + 1)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn object(
        &mut self,
        shape: &'a Shape,
        head: Option<&'a Head>,
        properties: &[&(String, Json)],
        space: Option<&Arc<str>>,
        depth: usize,
    ) -> fmt::Result {
        let is_error = matches!(shape, Shape::Record(record) if record.is_error && self.has_remarks());
        self.out.push_str("{\"type\":");
        write_text(if is_error { "error" } else { shape.word() }, &mut self.out)?;
        if let Some(head) = head {
            self.head(head, space)?;
        }
        self.parts(shape, space, depth)?;
        self.properties(properties.iter().copied())?;
        if let Some(head) = head.filter(|_| self.has_resolution()) {
            let aliases: Vec<String> =
                head.aliases.iter().map(|alias| alias.within(head.name.space())).collect();
            self.texts("aliases", &aliases, true)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn head(&mut self, head: &Head, space: Option<&Arc<str>>) -> fmt::Result {
        self.attribute("name", head.name.simple())?;
        if head.name.space() != space {
            self.attribute("namespace", head.name.space().map_or("", |space| space))?;
        }
        head.doc.as_ref().filter(|_| self.has_remarks()).map_or(Ok(()), |doc| self.attribute("doc", doc))
    }

    /// What a type has that its kind alone has.
    fn parts(&mut self, shape: &'a Shape, space: Option<&Arc<str>>, depth: usize) -> fmt::Result {
        match shape {
            Shape::Array(items) => {
                self.out.push_str(",\"items\":");
                self.write(*items, space, depth + 1)
            }
            Shape::Map(values) => {
                self.out.push_str(",\"values\":");
                self.write(*values, space, depth + 1)
            }
            Shape::Record(record) => {
                self.out.push_str(",\"fields\":[");
                for (index, field) in record.fields.iter().enumerate() {
                    self.out.push_str(if index == 0 { "{\"name\":" } else { ",{\"name\":" });
                    self.field(field, record.head.name.space(), depth + 3)?;
                }
                self.out.push(']');
                Ok(())
            }
            Shape::Enum(symbols) => {
                self.texts("symbols", &symbols.symbols, false)?;
                let default = symbols.default.as_ref().filter(|_| self.has_resolution());
                default.map_or(Ok(()), |default| self.attribute("default", default))
            }
            Shape::Fixed(fixed) => write!(self.out, ",\"size\":{}", fixed.size),
            Shape::Primitive(_) | Shape::Union(_) | Shape::Forward(_) | Shape::Link(_) => Ok(()),
        }
    }

    fn field(&mut self, field: &'a Field, space: Option<&Arc<str>>, depth: usize) -> fmt::Result {
        write_text(&field.name, &mut self.out)?;
        self.out.push_str(",\"type\":");
        self.write(field.type_id, space, depth)?;
        if let Some(doc) = field.doc.as_ref().filter(|_| self.has_remarks()) {
            self.attribute("doc", doc)?;
        }
        if let Some(default) = field.default.as_ref().filter(|_| self.has_resolution()) {
            write!(self.out, ",\"default\":{default}")?;
        }
        if field.order != Order::Ascending && self.has_remarks() {
            self.attribute("order", field.order.word())?;
        }
        if self.has_resolution() {
            self.texts("aliases", &field.aliases, true)?;
        }
        if self.has_remarks() {
            self.properties(&field.properties)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn attribute(&mut self, name: &str, text: &str) -> fmt::Result {
        write!(self.out, ",\"{name}\":")?;
        write_text(text, &mut self.out)
    }

    /// An attribute that is a list, which may be left out if nothing is in it.
    fn texts(&mut self, name: &str, texts: &[String], may_lack: bool) -> fmt::Result {
        if texts.is_empty() && may_lack {
            return Ok(());
        }
        write!(self.out, ",\"{name}\":[")?;
        for (index, text) in texts.iter().enumerate() {
            self.out.push_str(if index == 0 { "" } else { "," });
            write_text(text, &mut self.out)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn properties<'p>(&mut self, properties: impl IntoIterator<Item = &'p (String, Json)>) -> fmt::Result {
        properties.into_iter().try_for_each(|(name, value)| {
            self.out.push(',');
            write_text(name, &mut self.out)?;
            write!(self.out, ":{value}")
        })
    }
}
