//! A schema without references.
//!
//! `Datum` calls it once per schema. A type that is used twice is defined at its first use and referred to at the others;
//! here each use is a copy of the definition, so that no table of names is needed for each datum. It never does so
//! for recursive types, which have no such form.

use apache_avro::Schema;
use apache_avro::schema::{ArraySchema, MapSchema, Name, NamesRef, NamespaceRef, UnionSchema};

/// Parts that the flat form may have: types that refer to each other can double it with each level.
const MAX_PARTS: usize = 4096;

/// Levels that it may have: whoever walks over it uses the stack for each.
const MAX_LEVELS: usize = 128;

/// The schema with each reference replaced by what it names; `None` if it is recursive or would be huge.
pub(super) fn self_contained(schema: &Schema, names: &NamesRef<'_>) -> Option<Schema> {
    Flattener { names, open: Vec::new(), levels: 0, parts: 0 }.flatten(schema, None)
}

struct Flattener<'s> {
    names: &'s NamesRef<'s>,
    /// The records around the part at hand.
    open: Vec<Name>,
    levels: usize,
    parts: usize,
}

impl Flattener<'_> {
    fn flatten(&mut self, schema: &Schema, namespace: NamespaceRef<'_>) -> Option<Schema> {
        self.parts += 1;
        if self.parts > MAX_PARTS || self.levels == MAX_LEVELS {
            return None;
        }
        self.levels += 1;
        let flat = self.shape(schema, namespace);
        self.levels -= 1;
        flat
    }

    fn shape(&mut self, schema: &Schema, namespace: NamespaceRef<'_>) -> Option<Schema> {
        match schema {
            Schema::Ref { name } => {
                let name = name.fully_qualified_name(namespace);
                if self.open.contains(&*name) {
                    return None;
                }
                let definition = *self.names.get(&*name)?;
                self.flatten(definition, name.namespace())
            }
            Schema::Array(array) => {
                let items = Box::new(self.flatten(&array.items, namespace)?);
                Some(Schema::Array(ArraySchema { items, attributes: array.attributes.clone() }))
            }
            Schema::Map(map) => {
                let types = Box::new(self.flatten(&map.types, namespace)?);
                Some(Schema::Map(MapSchema { types, attributes: map.attributes.clone() }))
            }
            Schema::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.flatten(branch, namespace));
                UnionSchema::new(branches.collect::<Option<_>>()?).ok().map(Schema::Union)
            }
            Schema::Record(record) => {
                let mut record = record.clone();
                let name = record.name.fully_qualified_name(namespace).into_owned();
                self.open.push(name.clone());
                for field in &mut record.fields {
                    field.schema = self.flatten(&field.schema, name.namespace())?;
                }
                self.open.pop();
                Some(Schema::Record(record))
            }
            leaf => Some(leaf.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::schema::ResolvedSchema;

    use super::*;

    fn flat(schema: &str) -> Option<String> {
        let schema = Schema::parse_str(schema).unwrap();
        let names = ResolvedSchema::new(&schema).unwrap();
        self_contained(&schema, names.get_names()).map(|flat| format!("{flat:?}"))
    }

    #[test]
    fn a_type_used_twice_is_defined_twice() {
        let flat = flat(
            r#"{"type": "record", "name": "Line", "namespace": "com.acme", "fields": [
                {"name": "from", "type": {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}]}},
                {"name": "to", "type": ["null", "Point"]},
                {"name": "all", "type": {"type": "array", "items": {"type": "map", "values": "com.acme.Point"}}}
            ]}"#,
        );
        let flat = flat.unwrap();
        assert_eq!(flat.matches(r#"name: "Point""#).count(), 3, "{flat}");
        assert!(!flat.contains("Ref"), "{flat}");
    }

    #[test]
    fn a_recursive_type_has_no_such_form() {
        let list = r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#;
        assert_eq!(flat(list), None);
    }

    #[test]
    fn a_huge_form_is_not_made() {
        let pair = |inner: &str, name: usize| {
            let again = if name == 0 { inner.to_owned() } else { format!("\"T{}\"", name - 1) };
            format!(
                r#"{{"type": "record", "name": "T{name}", "fields": [
                    {{"name": "a", "type": {inner}}}, {{"name": "b", "type": {again}}}
                ]}}"#
            )
        };
        let doubled = |levels| (0..levels).fold(r#""int""#.to_owned(), |inner, level| pair(&inner, level));
        assert!(flat(&doubled(4)).is_some());
        assert_eq!(flat(&doubled(20)), None);
    }
}
