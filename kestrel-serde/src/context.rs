//! Where bytes go to or come from.
//!
//! The client makes a [`SerdeContext`] for each call; formats read it to name the place in an error and, for registry
//! formats, to choose the subject of a schema. It never holds record data.

use std::fmt;

/// Where the bytes go to or come from: a topic, and the key or the value of its records.
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
}

impl fmt::Display for SerdeContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of topic {}", self.part, self.topic)
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
