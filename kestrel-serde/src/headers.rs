//! Headers of a record, as far as formats read and write them.
//!
//! The client brings what a record has, and takes what a serializer adds. Nothing here allocates before a header is added.

use std::borrow::Cow;

use bytes::Bytes;

/// The headers of a record, as a format reads them.
pub trait ReadHeaders: Send + Sync {
    /// The value of the last header of this name; `None` when there is none, or when it is null.
    fn last(&self, name: &str) -> Option<&[u8]>;
}

/// No headers.
#[derive(Debug)]
pub(crate) struct NoHeaders;

impl ReadHeaders for NoHeaders {
    fn last(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

/// What the serializers of a record have changed of its headers: those that they have added, in their order, and the names of those
/// that they have taken away.
///
/// A name that is a constant and a value that is kept as [`Bytes`], as the id of a schema is, cost no allocation.
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::{AddedHeaders, ReadHeaders};
///
/// let mut headers = AddedHeaders::new();
/// headers.push("trace", Bytes::from_static(b"7f3a"));
/// assert_eq!(headers.last("trace"), Some(&b"7f3a"[..]));
/// assert_eq!(headers.drain().map(|(name, _)| name).collect::<Vec<_>>(), ["trace"]);
/// assert!(headers.is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct AddedHeaders {
    added: Vec<(Cow<'static, str>, Bytes)>,
    removed: Vec<Cow<'static, str>>,
}

impl AddedHeaders {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self { added: Vec::new(), removed: Vec::new() }
    }

    /// Adds a header after the others.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        self.added.push((name.into(), value.into()));
    }

    /// Takes all headers of this name away that the record had before, and those that were added.
    pub fn remove(&mut self, name: impl Into<Cow<'static, str>>) {
        let name = name.into();
        self.added.retain(|(added, _)| *added != name);
        self.removed.push(name);
    }

    /// Whether headers of this name are taken away that the record had before.
    #[must_use]
    pub fn removes(&self, name: &str) -> bool {
        self.removed.iter().any(|removed| removed == name)
    }

    /// Whether nothing is changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Takes all added headers out, forgets which are taken away, and keeps the memory.
    pub fn drain(&mut self) -> impl Iterator<Item = (Cow<'static, str>, Bytes)> {
        self.removed.clear();
        self.added.drain(..)
    }
}

impl ReadHeaders for AddedHeaders {
    fn last(&self, name: &str) -> Option<&[u8]> {
        self.added.iter().rfind(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}
