//! Contexts: which part of which topic's records a format is at work on, and the headers of the record at hand.
//!
//! The client makes one for each call; formats read them to name the place in an error, to choose the subject of a schema,
//! and to find or leave a schema's id. Neither ever holds a key or a value.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use crate::headers::{AddedHeaders, NoHeaders, ReadHeaders};

/// Where the bytes go to or come from: a topic, and the key or the value of its records.
///
/// That is all that Confluent's subject names are made of, beside the name that a schema gives its record.
///
/// ```
/// use kestrel_serde::{Part, SerdeContext};
///
/// let ctx = SerdeContext::value("orders");
/// assert_eq!((ctx.topic, ctx.part), ("orders", Part::Value));
/// assert_eq!(ctx.to_string(), "value of topic orders");
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SerdeContext<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// Key or value.
    pub part: Part,
}

impl<'a> SerdeContext<'a> {
    /// The given part of the records of `topic`.
    pub const fn new(topic: &'a str, part: Part) -> Self {
        Self { topic, part }
    }

    /// The keys of the records of `topic`.
    pub const fn key(topic: &'a str) -> Self {
        Self::new(topic, Part::Key)
    }

    /// The values of the records of `topic`.
    pub const fn value(topic: &'a str) -> Self {
        Self::new(topic, Part::Value)
    }

    /// The context to serialize a part of a record in that has no headers yet.
    pub const fn writing(self) -> SerializeContext<'a> {
        SerializeContext { place: self, headers: &NoHeaders, added: AddedHeaders::new() }
    }

    /// The context to deserialize a part of a record in that has no headers.
    pub const fn reading(self) -> DeserializeContext<'a> {
        DeserializeContext { place: self, headers: &NoHeaders }
    }
}

impl fmt::Display for SerdeContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of topic {}", self.part, self.topic)
    }
}

/// What a serializer is told of the record that it writes a part of, and the place for headers of its own.
///
/// It stands for its [`SerdeContext`] wherever that is asked for.
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::{SerdeContext, SerializeContext};
///
/// fn name_schema(ctx: &mut SerializeContext<'_>, guid: &Bytes) {
///     // A record that is passed on may have it already.
///     if ctx.header("__value_schema_id") != Some(&guid[..]) {
///         ctx.add_header("__value_schema_id", guid.clone());
///     }
/// }
///
/// let (mut ctx, guid) = (SerdeContext::value("orders").writing(), Bytes::from_static(b"7"));
/// name_schema(&mut ctx, &guid);
/// name_schema(&mut ctx, &guid);
/// assert_eq!(ctx.into_added().drain().collect::<Vec<_>>(), [("__value_schema_id".into(), guid)]);
/// ```
pub struct SerializeContext<'a> {
    place: SerdeContext<'a>,
    headers: &'a dyn ReadHeaders,
    added: AddedHeaders,
}

impl<'a> SerializeContext<'a> {
    /// The same, of a record that has these headers already.
    #[must_use]
    pub fn with_headers(self, headers: &'a dyn ReadHeaders) -> Self {
        Self { headers, ..self }
    }

    /// The same, where headers are added to `added`: memory to be used again, or what was added for the key.
    #[must_use]
    pub fn adding_to(self, added: AddedHeaders) -> Self {
        Self { added, ..self }
    }

    /// The value of the last header of this name, added or there before; `None` when there is none, or when it is null.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let before = || if self.added.removes(name) { None } else { self.headers.last(name) };
        self.added.last(name).or_else(before)
    }

    /// Adds a header after all others of the record.
    pub fn add_header(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        self.added.push(name, value);
    }

    /// Takes all headers of this name away: a record that is passed on may have some that say what it was and is not any more.
    pub fn remove_header(&mut self, name: impl Into<Cow<'static, str>>) {
        self.added.remove(name);
    }

    /// What was changed of the record's headers.
    #[must_use]
    pub fn into_added(self) -> AddedHeaders {
        self.added
    }
}

impl<'a> Deref for SerializeContext<'a> {
    type Target = SerdeContext<'a>;

    fn deref(&self) -> &SerdeContext<'a> {
        &self.place
    }
}

impl fmt::Debug for SerializeContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, added, .. } = self;
        f.debug_struct("SerializeContext").field("place", place).field("added", added).finish_non_exhaustive()
    }
}

/// What a deserializer is told of the record that it reads a part of.
///
/// It stands for its [`SerdeContext`] wherever that is asked for.
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::{AddedHeaders, SerdeContext};
///
/// let mut headers = AddedHeaders::new();
/// headers.push("__value_schema_id", Bytes::from_static(b"7"));
/// let ctx = SerdeContext::value("orders").reading().with_headers(&headers);
/// assert_eq!((ctx.topic, ctx.header("__value_schema_id")), ("orders", Some(&b"7"[..])));
/// ```
#[derive(Clone, Copy)]
pub struct DeserializeContext<'a> {
    place: SerdeContext<'a>,
    headers: &'a dyn ReadHeaders,
}

impl<'a> DeserializeContext<'a> {
    /// The same, of a record with these headers.
    #[must_use]
    pub fn with_headers(self, headers: &'a dyn ReadHeaders) -> Self {
        Self { headers, ..self }
    }

    /// The value of the last header of this name; `None` when there is none, or when it is null.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers.last(name)
    }
}

impl<'a> Deref for DeserializeContext<'a> {
    type Target = SerdeContext<'a>;

    fn deref(&self) -> &SerdeContext<'a> {
        &self.place
    }
}

impl fmt::Debug for DeserializeContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeserializeContext").field("place", &self.place).finish_non_exhaustive()
    }
}

/// The two parts of a record that carry typed data.
// Exhaustive: a record has no third part with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The record's key: decides the partition, and what compaction keeps.
    Key,
    /// The record's value.
    Value,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}
