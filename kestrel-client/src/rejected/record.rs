//! RejectedRecord: a record that cannot be read or worked on, as it was stored, and why.

use std::error::Error as StdError;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::record::Headers;
use kestrel_serde::Part;

use super::remedy::Stage;
use crate::error::DeserializeError;
use crate::record::{ConsumerRecord, Timestamp};

/// The key and the value of a record as they were stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredParts {
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
}

/// A record that cannot be read or worked on, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RejectedRecord<'a> {
    pub(crate) topic: &'a Arc<str>,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Timestamp,
    pub(crate) headers: &'a Headers,
    pub(crate) key: Option<&'a Bytes>,
    pub(crate) value: Option<&'a Bytes>,
    pub(crate) stage: Stage,
    /// How often it was tried.
    pub(crate) attempts: u32,
    pub(crate) cause: &'a (dyn StdError + Send + Sync + 'static),
}

impl<'a> RejectedRecord<'a> {
    /// A record that no deserializer accepts.
    pub(crate) fn unreadable(poison: &'a DeserializeError) -> Self {
        let DeserializeError { record, cause } = poison;
        let stage = if cause.part() == Some(Part::Key) { Stage::Key } else { Stage::Value };
        let parts = (record.key.as_ref(), record.value.as_ref());
        Self::new(record, parts, stage, 1, cause)
    }

    /// A record that the work has failed on, `attempts` times.
    pub(crate) fn unworkable<K, V>(
        record: &'a ConsumerRecord<K, V>,
        stored: &'a StoredParts,
        attempts: u32,
        cause: &'a (dyn StdError + Send + Sync + 'static),
    ) -> Self {
        Self::new(record, (stored.key.as_ref(), stored.value.as_ref()), Stage::Work, attempts, cause)
    }

    fn new<K, V>(
        record: &'a ConsumerRecord<K, V>,
        (key, value): (Option<&'a Bytes>, Option<&'a Bytes>),
        stage: Stage,
        attempts: u32,
        cause: &'a (dyn StdError + Send + Sync + 'static),
    ) -> Self {
        Self {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            headers: &record.headers,
            key,
            value,
            stage,
            attempts,
            cause,
        }
    }
}
