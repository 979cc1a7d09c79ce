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

/// The headers that the serializers of a record have added to it, in their order.
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
pub struct AddedHeaders(Vec<(Cow<'static, str>, Bytes)>);

impl AddedHeaders {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header after the others.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        self.0.push((name.into(), value.into()));
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all headers out and keeps the memory.
    pub fn drain(&mut self) -> impl Iterator<Item = (Cow<'static, str>, Bytes)> {
        self.0.drain(..)
    }
}

impl ReadHeaders for AddedHeaders {
    fn last(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().rfind(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}
