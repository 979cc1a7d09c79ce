//! The types of a schema: a graph, since a record may contain itself, kept as a list that types refer into.

use std::collections::HashMap;

use super::json::Json;
use super::name::Name;
use crate::SchemaError;

/// The place of a type in [`Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TypeId(usize);

/// All types of a schema and of those that it depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Types(Vec<Type>);

impl Types {
    pub(super) fn add(&mut self, shape: Shape) -> TypeId {
        self.0.push(Type { shape, properties: Vec::new() });
        TypeId(self.0.len() - 1)
    }

    /// The type at this place, or the one that a link there leads to.
    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.0[self.resolve(id).0]
    }

    pub(super) fn get_mut(&mut self, id: TypeId) -> &mut Type {
        &mut self.0[id.0]
    }

    /// The place of a type itself: named types are defined once and linked to from elsewhere.
    pub(super) fn resolve(&self, id: TypeId) -> TypeId {
        match self.0[id.0].shape {
            // Links lead to definitions, never to links.
            Shape::Link(target) => target,
            _ => id,
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = TypeId> + use<> {
        (0..self.0.len()).map(TypeId)
    }
}

/// A type, and what its schema says of it beyond Avro's own attributes: logical types are among that.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub(super) shape: Shape,
    pub(super) properties: Vec<(String, Json)>,
}

/// What a type is made of.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Primitive(Primitive),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Record),
    Enum(Enum),
    Fixed(Fixed),
    /// A full name that was used before it was defined.
    Forward(String),
    /// A forward name whose definition has been found.
    Link(TypeId),
}

impl Shape {
    /// The name, documentation and aliases of a named type.
    pub(super) const fn head(&self) -> Option<&Head> {
        match self {
            Self::Record(Record { head, .. })
            | Self::Enum(Enum { head, .. })
            | Self::Fixed(Fixed { head, .. }) => Some(head),
            _ => None,
        }
    }

    /// The word for its kind, as schemas write it.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Primitive(primitive) => primitive.word(),
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
            Self::Forward(_) | Self::Link(_) => "name",
        }
    }

    /// What tells the branches of a union apart: the full name of a named type, the word of any other.
    pub(super) fn branch_name(&self) -> String {
        self.head().map_or_else(|| self.word().to_owned(), |head| head.name.to_string())
    }
}

/// A type without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

impl Primitive {
    const ALL: [Self; 8] = [
        Self::Null,
        Self::Boolean,
        Self::Int,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Bytes,
        Self::String,
    ];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|primitive| primitive.word() == word)
    }

    /// Whether data of `writer` can be read as this, by Avro's table of promotions.
    pub(super) const fn reads(self, writer: Self) -> bool {
        matches!(
            (self, writer),
            (Self::Null, Self::Null)
                | (Self::Boolean, Self::Boolean)
                | (Self::Int, Self::Int)
                | (Self::Long, Self::Int | Self::Long)
                | (Self::Float, Self::Int | Self::Long | Self::Float)
                | (Self::Double, Self::Int | Self::Long | Self::Float | Self::Double)
                | (Self::Bytes | Self::String, Self::Bytes | Self::String)
        )
    }
}

/// What named types have in common.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) name: Name,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<Name>,
}

impl Head {
    /// Whether data of a writer's type of this name can be read: Java compares the names without namespaces, and the aliases in full.
    pub(super) fn answers_to(&self, writer: &Name) -> bool {
        // Java writes an alias without a namespace, beside a name with one, with a dot in front, which then equals no name.
        let may_match = writer.space().is_some() || self.name.space().is_none();
        self.name.simple() == writer.simple() || (may_match && self.aliases.contains(writer))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) head: Head,
    pub(super) fields: Vec<Field>,
    /// The place of each field by its name.
    pub(super) places: HashMap<String, usize>,
    /// Written as `error`, which protocols use.
    pub(super) is_error: bool,
}

impl Record {
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.places.get(name).and_then(|place| self.fields.get(*place))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) type_id: TypeId,
    pub(super) default: Option<Json>,
    pub(super) order: Order,
    pub(super) properties: Vec<(String, Json)>,
}

/// How a field counts when records are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
    Ignore,
}

impl Order {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
            Self::Ignore => "ignore",
        }
    }

    /// In capitals or not, as Java takes them.
    pub(super) fn of_word(word: &str) -> Result<Self, SchemaError> {
        [Self::Ascending, Self::Descending, Self::Ignore]
            .into_iter()
            .find(|order| order.word().eq_ignore_ascii_case(word))
            .ok_or_else(|| {
                SchemaError::new(format!("unknown order {word}: ascending, descending and ignore are known"))
            })
    }
}

#[derive(Debug, Clone)]
pub(super) struct Enum {
    pub(super) head: Head,
    pub(super) symbols: Vec<String>,
    pub(super) default: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Fixed {
    pub(super) head: Head,
    pub(super) size: u32,
}
