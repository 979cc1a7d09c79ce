//! A schema at its place among others, and what its bytes are.
//!
//! The compiler, the defaults and the reader of values look at schemas through it, so that references and logical types
//! are understood in one place.

use apache_avro::Schema;
use apache_avro::schema::{
    Aliases, DecimalSchema, EnumSchema, FixedSchema, InnerDecimalSchema, Name, NamesRef, NamespaceRef,
    RecordSchema, UuidSchema,
};

/// A schema at its place: what its references mean depends on both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'s> {
    schema: &'s Schema,
    names: &'s NamesRef<'s>,
    namespace: NamespaceRef<'s>,
}

impl<'s> Node<'s> {
    pub(super) fn root(schema: &'s Schema, names: &'s NamesRef<'s>) -> Self {
        Self { schema, names, namespace: None }.followed()
    }

    /// The schema inside this one; a reference is followed.
    pub(super) fn child(self, schema: &'s Schema) -> Self {
        let namespace = match self.schema {
            Schema::Record(record) => record.name.namespace().or(self.namespace),
            _ => self.namespace,
        };
        Self { schema, names: self.names, namespace }.followed()
    }

    pub(super) fn schema(self) -> &'s Schema {
        self.schema
    }

    /// The name of a type that has one, with its namespace.
    pub(super) fn full_name(self) -> Option<String> {
        Form::of(self).name().map(|(name, _)| name.fullname(self.namespace))
    }

    fn followed(self) -> Self {
        let Schema::Ref { name } = self.schema else { return self };
        let definition = self.names.get(&*name.fully_qualified_name(self.namespace));
        let schema = *definition.expect("names were resolved before");
        Self { schema, names: self.names, namespace: name.namespace().or(self.namespace) }
    }
}

/// A schema without its logical type: what its bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'s> {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(&'s FixedSchema),
    Enum(&'s EnumSchema),
    Array(&'s Schema),
    Map(&'s Schema),
    Record(&'s RecordSchema),
    Union(&'s [Schema]),
}

impl<'s> Form<'s> {
    pub(super) fn of(node: Node<'s>) -> Self {
        match node.schema {
            Schema::Null => Self::Null,
            Schema::Boolean => Self::Boolean,
            Schema::Int | Schema::Date | Schema::TimeMillis => Self::Int,
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Self::Long,
            Schema::Float => Self::Float,
            Schema::Double => Self::Double,
            Schema::Bytes
            | Schema::BigDecimal
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Bytes, .. })
            | Schema::Uuid(UuidSchema::Bytes) => Self::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => Self::String,
            Schema::Fixed(fixed)
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. })
            | Schema::Uuid(UuidSchema::Fixed(fixed))
            | Schema::Duration(fixed) => Self::Fixed(fixed),
            Schema::Enum(symbols) => Self::Enum(symbols),
            Schema::Array(array) => Self::Array(&array.items),
            Schema::Map(map) => Self::Map(&map.types),
            Schema::Record(record) => Self::Record(record),
            Schema::Union(union) => Self::Union(union.variants()),
            Schema::Ref { .. } => unreachable!("a node has been followed to a definition"),
        }
    }

    /// Of the types that have names.
    pub(super) fn name(self) -> Option<(&'s Name, &'s Aliases)> {
        match self {
            Self::Fixed(FixedSchema { name, aliases, .. })
            | Self::Enum(EnumSchema { name, aliases, .. })
            | Self::Record(RecordSchema { name, aliases, .. }) => Some((name, aliases)),
            _ => None,
        }
    }
}
