//! What a registry keeps beside a schema's text: tags, properties, and which of them are sensitive.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

/// Tags and properties of a schema. They are part of its identity: the same text with other metadata is another schema.
///
/// ```
/// use kestrel_schema::Metadata;
///
/// let metadata: Metadata = serde_json::from_str(r#"{"properties": {"owner": "fleet"}}"#)?;
/// assert_eq!(metadata.properties["owner"], "fleet");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Tags of parts of the schema, by the path of the part.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub tags: BTreeMap<String, BTreeSet<String>>,
    /// Properties of the schema as a whole.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub properties: BTreeMap<String, String>,
    /// The names of the properties that are secrets.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", deserialize_with = "or_default")]
    pub sensitive: BTreeSet<String>,
}

impl Metadata {
    /// Metadata with this property too.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// These, overridden by `other`: a tagged part and a property count as `other` has them; sensitive is what is so in either.
    #[must_use]
    pub fn overridden_by(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        merged.tags.extend(other.tags.clone());
        merged.properties.extend(other.properties.clone());
        merged.sensitive.extend(other.sensitive.iter().cloned());
        merged
    }

    /// Feeds what counts for the identity of a schema, in the order that it counts in.
    pub(crate) fn digest(&self, feed: &mut impl FnMut(&[u8])) {
        for (part, tags) in &self.tags {
            feed(part.as_bytes());
            tags.iter().for_each(|tag| feed(tag.as_bytes()));
        }
        for (name, value) in &self.properties {
            feed(name.as_bytes());
            feed(value.as_bytes());
        }
        self.sensitive.iter().for_each(|name| feed(name.as_bytes()));
    }
}

/// Reads null as if the field were not there: clients in some languages write fields that they do not set.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Metadata {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_empty_is_left_out_and_null_is_empty() {
        let metadata = parsed(r#"{"tags": null, "properties": {"b": "2", "a": "1"}, "more": 1}"#);
        assert_eq!(serde_json::to_string(&metadata).unwrap(), r#"{"properties":{"a":"1","b":"2"}}"#);
    }

    #[test]
    fn what_overrides_counts() {
        let older =
            parsed(r#"{"tags": {"a": ["x"], "b": ["y"]}, "properties": {"p": "1"}, "sensitive": ["p"]}"#);
        let newer =
            parsed(r#"{"tags": {"a": ["z"]}, "properties": {"p": "2", "q": "3"}, "sensitive": ["q"]}"#);
        let merged = r#"{"tags": {"a": ["z"], "b": ["y"]}, "properties": {"p": "2", "q": "3"}, "sensitive": ["p", "q"]}"#;
        assert_eq!(older.overridden_by(&newer), parsed(merged));
    }
}
