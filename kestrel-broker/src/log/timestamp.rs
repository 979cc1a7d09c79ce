//! Wall time as the log stores it. Time is always an argument here: nothing in `log/` reads a clock.

use std::time::Duration;

use kestrel_protocol::record::RecordBatchHeader;

/// Milliseconds since 1970-01-01T00:00:00Z, as in record batches; -1 is Kafka's "no timestamp".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Timestamp {
    /// The wire's "no timestamp".
    pub(crate) const NONE: Self = Self(-1);

    /// This time and `duration` more; at most the largest time there is.
    pub(crate) fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This time less `duration`; at least the smallest time there is.
    pub(crate) fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A timestamp and the offset where it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimestampOffset {
    pub(super) timestamp: Timestamp,
    pub(super) offset: i64,
}

impl TimestampOffset {
    /// The largest timestamp of a batch's records, and the batch's last offset. A batch that compaction has emptied still
    /// says in its header when its records were made; it has none.
    pub(super) fn of(header: &RecordBatchHeader) -> Option<Self> {
        let timestamp = Timestamp(header.max_timestamp);
        (header.record_count > 0).then(|| Self { timestamp, offset: header.last_offset() })
    }
}
