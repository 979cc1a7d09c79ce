//! What a record of the kill loop says: who wrote it and when in its order, from which all of its bytes follow.
//!
//! The foreign writers make the same bytes (`ring/stamp.py`, `franz-go/writer.go`). Pure.

use bytes::Bytes;
use kestrel_client::{ConsumerRecord, Record};

/// The header that says it; keys and values may be null.
pub(crate) const HEADER: &str = "stamp";
/// How many keys there are, so that compaction has something to remove.
pub(crate) const KEYS: u64 = 211;
/// One in so many records is a tombstone.
const TOMBSTONES: u64 = 13;
/// Values are shorter than this, and as long as the number says.
const PADDING: u64 = 400;

/// The identity of a record: its writer, and its number among those of this writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp {
    /// Who wrote it: a producer's life has a number of its own.
    pub(crate) writer: u32,
    /// The number of records that this writer sent before.
    pub(crate) sequence: u64,
}

impl Stamp {
    /// The record's key.
    pub(crate) fn key(self) -> String {
        format!("k{}", self.sequence % KEYS)
    }

    /// The record's value: `None` for a tombstone.
    pub(crate) fn value(self) -> Option<String> {
        if self.is_tombstone() {
            return None;
        }
        let Self { writer, sequence } = self;
        let mut value = format!("{writer}:{sequence}:");
        let length = value.len() + usize::try_from(sequence * 7919 % PADDING).unwrap_or_default();
        let digits = (sequence.wrapping_mul(2_654_435_761) % (1 << 32)).to_string();
        while value.len() < length {
            value.push_str(&digits);
        }
        value.truncate(length);
        Some(value)
    }

    /// Whether the record has no value.
    pub(crate) const fn is_tombstone(self) -> bool {
        self.sequence.is_multiple_of(TOMBSTONES)
    }

    /// The record, for a topic.
    pub(crate) fn record(self, topic: &str) -> Record {
        let record = Record::to(topic).key(self.key()).header(HEADER, self.to_string());
        match self.value() {
            Some(value) => record.value(value),
            None => record,
        }
    }

    /// Whose record this is.
    ///
    /// # Errors
    /// What is wrong with its bytes.
    pub(crate) fn of(record: &ConsumerRecord) -> Result<Self, String> {
        let header = record.headers.last(HEADER).flatten().and_then(|text| std::str::from_utf8(text).ok());
        let Some(stamp) = header.and_then(Self::parse) else {
            return Err(format!("nobody's record: {record:?}"));
        };
        let (key, value) = (Bytes::from(stamp.key()), stamp.value().map(Bytes::from));
        if record.headers.len() != 1 || record.key.as_ref() != Some(&key) || record.value != value {
            return Err(format!("not the bytes of {stamp}: {record:?}"));
        }
        Ok(stamp)
    }

    fn parse(text: &str) -> Option<Self> {
        let (writer, sequence) = text.split_once(':')?;
        Some(Self { writer: writer.parse().ok()?, sequence: sequence.parse().ok()? })
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.writer, self.sequence)
    }
}
