//! What is left of a record whose key can be read and whose value cannot.

use std::fmt;

use serde_json::Value;

use super::key::Key;
use super::{Chain, RecordError};
use crate::subject::Subject;

/// What a record is of, by its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Version(Subject, i32),
    Config(Subject),
    Mode(Subject),
}

impl Place {
    pub(super) fn key(&self) -> Key<'_> {
        match self {
            Self::Version(subject, number) => Key::schema(subject, *number),
            Self::Config(subject) => Key::config(subject),
            Self::Mode(subject) => Key::mode(subject),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(subject, number) => write!(f, "version {number} of subject '{subject}'"),
            Self::Config(subject) => write!(f, "the configuration of '{subject}'"),
            Self::Mode(subject) => write!(f, "the mode of '{subject}'"),
        }
    }
}

/// A value that cannot be understood, as far as it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The id that it gives to a schema, if that much can be read.
    pub(crate) id: Option<i32>,
    pub(crate) is_deleted: bool,
    /// What is wrong with it.
    pub(crate) problem: String,
}

impl Unread {
    pub(super) fn new(value: &[u8], error: &RecordError) -> Self {
        let value: Value = serde_json::from_slice(value).unwrap_or_default();
        let id = value.get("id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
        let is_deleted = value.get("deleted").and_then(Value::as_bool).unwrap_or(false);
        Self { id, is_deleted, problem: Chain(error).to_string() }
    }
}
