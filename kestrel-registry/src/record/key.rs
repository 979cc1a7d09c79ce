//! The keys of records.

use serde::{Deserialize, Serialize};

use super::RecordError;
use crate::subject::Subject;

/// A key to be written. Its fields are in the order of the format; what a kind of key lacks is left out.
#[derive(Debug, Serialize)]
pub(super) struct Key<'a> {
    keytype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    magic: u8,
}

impl<'a> Key<'a> {
    const fn of(keytype: &'static str, subject: Option<String>) -> Self {
        Self { keytype, subject, version: None, tenant: None, context: None, magic: 0 }
    }

    pub(super) fn schema(subject: &Subject, version: i32) -> Self {
        Self { version: Some(version), magic: 1, ..Self::of("SCHEMA", Some(subject.to_string())) }
    }

    pub(super) fn config(subject: &Subject) -> Self {
        Self::of("CONFIG", subject.key())
    }

    pub(super) fn mode(subject: &Subject) -> Self {
        Self::of("MODE", subject.key())
    }

    pub(super) fn delete_subject(subject: &Subject) -> Self {
        Self::of("DELETE_SUBJECT", Some(subject.to_string()))
    }

    pub(super) fn clear_subject(subject: &Subject) -> Self {
        Self::of("CLEAR_SUBJECT", subject.key())
    }

    pub(super) fn context(context: &'a str) -> Self {
        Self { tenant: Some("default"), context: Some(context), ..Self::of("CONTEXT", None) }
    }

    pub(super) fn noop() -> Self {
        Self::of("NOOP", None)
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a struct of texts and numbers is JSON")
    }
}

/// A key that was read: the fields of all kinds, in any order.
#[derive(Debug, Deserialize)]
pub(super) struct AnyKey {
    keytype: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    version: Option<i32>,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    magic: i64,
}

impl AnyKey {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        serde_json::from_slice(bytes).map_err(RecordError::Key)
    }

    /// Whether the key of a version is of a format that is known.
    pub(super) fn check_magic(&self) -> Result<(), RecordError> {
        if matches!(self.magic, 0 | 1) { Ok(()) } else { Err(RecordError::Magic(self.magic)) }
    }

    pub(super) fn keytype(&self) -> &str {
        &self.keytype
    }

    /// The subject; the default context when there is none.
    pub(super) fn subject(&self) -> Subject {
        self.subject.as_deref().map_or_else(Subject::top, Subject::parse)
    }

    pub(super) fn named_subject(&self) -> Result<Subject, RecordError> {
        self.subject.as_deref().map(Subject::parse).ok_or(RecordError::Incomplete("subject"))
    }

    pub(super) fn version(&self) -> Result<i32, RecordError> {
        self.version.ok_or(RecordError::Incomplete("version"))
    }

    pub(super) fn named_context(self) -> Result<String, RecordError> {
        self.context.ok_or(RecordError::Incomplete("context"))
    }
}
