//! Full names: a name, and the namespace that it is in.

use std::fmt;
use std::sync::Arc;

use crate::SchemaError;

/// The longest full name in bytes: many types can share one long namespace, which would cost its length each time.
const LONGEST: usize = 1024;

/// Words that stand for types, so that a type of such a name is always written with its namespace.
const WORDS: [&str; 14] = [
    "record", "enum", "array", "map", "union", "fixed", "string", "bytes", "int", "long", "float", "double",
    "boolean", "null",
];

/// The name of a record, an enum or a fixed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    space: Option<Arc<str>>,
    name: Arc<str>,
}

impl Name {
    /// The name that `name` is inside of `space`: one with dots has its own namespace.
    pub(super) fn new(name: &str, space: Option<&Arc<str>>) -> Result<Self, SchemaError> {
        let (space, name) = match name.rsplit_once('.') {
            Some((space, name)) => (Some(Arc::from(space)), name),
            None => (space.cloned(), name),
        };
        let space = space.filter(|space| !space.is_empty());
        let length = name.len() + space.as_ref().map_or(0, |space| space.len());
        if length > LONGEST {
            return Err(SchemaError::new(format!("a name is longer than {LONGEST} bytes")));
        }
        Ok(Self { space, name: Arc::from(name) })
    }

    pub(super) const fn space(&self) -> Option<&Arc<str>> {
        self.space.as_ref()
    }

    /// The name without its namespace.
    pub(super) fn simple(&self) -> &str {
        &self.name
    }

    /// The name as it is written inside of `space`: without the namespace where that is the same.
    pub(super) fn within(&self, space: Option<&Arc<str>>) -> String {
        let is_same = self.space.is_some() && self.space.as_ref() == space;
        if is_same && !WORDS.contains(&&*self.name) { self.name.to_string() } else { self.to_string() }
    }

    /// The parts that a registry wants to be plain words.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.space.iter().flat_map(|space| space.split('.')).chain([&*self.name])
    }
}

/// The full name.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.space {
            Some(space) => write!(f, "{space}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Whether a word can be a name at all: letters, digits and underscores of any script, no digit first.
pub(super) fn is_word(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}

/// Whether a word is what the specification allows, and registries ask of new schemas: the letters A to Z alone.
pub(super) fn is_plain_word(word: &str) -> bool {
    word.is_ascii() && is_word(word)
}
