//! Wall time as the log stores it. Time is always an argument here: nothing in `log/` reads a clock.

use kestrel_protocol::Timestamp;
use kestrel_protocol::record::RecordBatchHeader;

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
        let timestamp = Timestamp::from_millis(header.max_timestamp);
        (header.record_count > 0).then(|| Self { timestamp, offset: header.last_offset() })
    }
}
