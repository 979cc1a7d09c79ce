//! The records of the topic `_schemas`, byte for byte as Confluent's registry writes them. Nothing here reads or writes a topic.
//!
//! Keys are JSON text, and what compaction keeps is decided by their bytes: the order of their fields is part of the format.
//! They are read in any order.

mod key;
mod unread;
mod value;

use kestrel_schema::{Metadata, RuleSet, Schema};
use serde_json::{Map, Value};

use crate::settings::{Config, Mode};
use crate::subject::Subject;

pub(crate) use unread::{Place, Unread};

/// The fields of a record that only another registry knows, by their names: they are written again with the others.
pub(crate) type OtherFields = Map<String, Value>;

/// One record: what is so from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A version of a subject; none when it is gone for good.
    Schema { subject: Subject, version: i32, value: Option<Box<SchemaValue>> },
    /// A configuration; none when it is not set any more.
    Config { subject: Subject, value: Option<Box<Config>> },
    /// A mode; none when it is not set any more.
    Mode { subject: Subject, value: Option<Mode> },
    /// All versions of a subject up to this one are soft-deleted; none is a tombstone, which changes nothing.
    DeleteSubject { subject: Subject, up_to: Option<i32> },
    /// What is soft-deleted in a subject or context is gone.
    ClearSubject { subject: Subject },
    /// A context is there; none when it is not any more.
    Context { context: String, value: Option<ContextValue> },
    /// Nothing: Confluent's registry writes it to learn where the topic ends.
    Noop,
    /// Something is there that cannot be understood.
    Unread { place: Place, unread: Unread },
    /// Any of these under a key of other bytes than this registry gives it: compaction takes the two for different records.
    Respelled { key: String, entry: Box<Self> },
}

/// A version of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaValue {
    pub(crate) id: i32,
    pub(crate) schema: Schema,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) rule_set: Option<RuleSet>,
    pub(crate) is_deleted: bool,
    pub(crate) other: OtherFields,
}

/// A context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContextValue {
    /// The highest id that was ever given in it, when the schema that had it is gone for good: it is not given again.
    /// A field that Confluent's registry passes over.
    pub(crate) highest_id: Option<i32>,
    pub(crate) other: OtherFields,
}

/// The key and value of a record; no value is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordText {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
}

/// Why bytes are no record of a registry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The key is not of this format.
    #[error("its key cannot be read")]
    Key(#[source] serde_json::Error),
    /// The value is not of this format.
    #[error("its value cannot be read")]
    Value(#[source] serde_json::Error),
    /// The key is of a version of the format that is not known.
    #[error("its key is of the format {0}, and 0 and 1 are known")]
    Magic(i64),
    /// The key lacks something.
    #[error("its key has no {0}")]
    Incomplete(&'static str),
    /// Another kind of record, perhaps of a newer registry.
    #[error("its key type is {0}")]
    Unknown(String),
    /// There is no key.
    #[error("it has no key")]
    NoKey,
}

/// An error and its causes in one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut causes = std::iter::successors(self.0.source(), |&cause| cause.source());
        causes.try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl Entry {
    /// The record to write.
    pub(crate) fn encode(&self) -> RecordText {
        RecordText { key: self.key(), value: self.value() }
    }

    /// The text of its key.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Schema { subject, version, .. } => key::Key::schema(subject, *version).text(),
            Self::Config { subject, .. } => key::Key::config(subject).text(),
            Self::Mode { subject, .. } => key::Key::mode(subject).text(),
            Self::DeleteSubject { subject, .. } => key::Key::delete_subject(subject).text(),
            Self::ClearSubject { subject } => key::Key::clear_subject(subject).text(),
            Self::Context { context, .. } => key::Key::context(context).text(),
            Self::Noop => key::Key::noop().text(),
            Self::Unread { place, .. } => place.key().text(),
            Self::Respelled { key, .. } => key.clone(),
        }
    }

    /// The text of its value; none for a tombstone.
    fn value(&self) -> Option<String> {
        match self {
            Self::Schema { subject, version, value } => {
                value.as_deref().map(|value| value::schema(subject, *version, value))
            }
            Self::Config { subject, value } => value.as_deref().map(|value| value::config(subject, value)),
            Self::Mode { subject, value } => value.map(|mode| value::mode(subject, mode)),
            Self::DeleteSubject { subject, up_to } => {
                up_to.map(|version| value::delete_subject(subject, version))
            }
            Self::ClearSubject { subject } => Some(value::clear_subject(subject)),
            Self::Context { context, value } => value.as_ref().map(|value| value::context(context, value)),
            Self::Noop => None,
            Self::Unread { .. } => unreachable!("what cannot be understood is not written"),
            Self::Respelled { entry, .. } => entry.value(),
        }
    }

    /// Whether its key stands for nothing from now on.
    pub(crate) const fn is_tombstone(&self) -> bool {
        matches!(
            self,
            Self::Schema { value: None, .. }
                | Self::Config { value: None, .. }
                | Self::Mode { value: None, .. }
                | Self::Context { value: None, .. }
        )
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When it is none of these: nobody knows what it is of.
    pub(crate) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self, RecordError> {
        let key = key.ok_or(RecordError::NoKey)?;
        let entry = Self::read(key::AnyKey::parse(key)?, value)?;
        if entry.may_be_written_again()
            && let written = entry.key()
            && written.as_bytes() != key
        {
            let key = String::from_utf8_lossy(key).into_owned();
            return Ok(Self::Respelled { key, entry: Box::new(entry) });
        }
        Ok(entry)
    }

    /// Whether a later record of this registry may have to take its place.
    const fn may_be_written_again(&self) -> bool {
        matches!(
            self,
            Self::Schema { .. }
                | Self::Config { .. }
                | Self::Mode { .. }
                | Self::Context { .. }
                | Self::Unread { .. }
        )
    }

    fn read(key: key::AnyKey, value: Option<&[u8]>) -> Result<Self, RecordError> {
        Ok(match key.keytype() {
            "SCHEMA" => return Self::read_schema(&key, value),
            "CONFIG" => match value.map(value::parse_config).transpose() {
                Ok(config) => Self::Config { subject: key.subject(), value: config.map(Box::new) },
                Err(error) => Self::unread(Place::Config(key.subject()), value, &error),
            },
            "MODE" => match value.map(value::parse_mode).transpose() {
                Ok(mode) => Self::Mode { subject: key.subject(), value: mode.flatten() },
                Err(error) => Self::unread(Place::Mode(key.subject()), value, &error),
            },
            "DELETE_SUBJECT" => {
                let up_to = value.map(value::parse_delete_subject).transpose()?;
                Self::DeleteSubject { subject: key.named_subject()?, up_to }
            }
            // Its tombstone clears nothing, as Confluent's registry has it.
            "CLEAR_SUBJECT" if value.is_none() => Self::Noop,
            "CLEAR_SUBJECT" => Self::ClearSubject { subject: key.subject() },
            "CONTEXT" => Self::Context {
                context: key.named_context()?,
                // Its key says what counts, that it is there.
                value: value.map(|value| value::parse_context(value).unwrap_or_default()),
            },
            "NOOP" => Self::Noop,
            other => return Err(RecordError::Unknown(other.to_owned())),
        })
    }

    fn read_schema(key: &key::AnyKey, value: Option<&[u8]>) -> Result<Self, RecordError> {
        let (subject, version) = (key.named_subject()?, key.version()?);
        let read = key.check_magic().and_then(|()| value.map(value::parse_schema).transpose());
        Ok(match read {
            Ok(value) => Self::Schema { subject, version, value: value.map(Box::new) },
            Err(error) => Self::unread(Place::Version(subject, version), value, &error),
        })
    }

    fn unread(place: Place, value: Option<&[u8]>, error: &RecordError) -> Self {
        Self::Unread { place, unread: Unread::new(value.unwrap_or_default(), error) }
    }
}

#[cfg(test)]
mod tests;
