//! OpenBatch: a record batch that was checked and decompressed, and whose records are read one after the other.

use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::LeaderEpoch;
use kestrel_protocol::record::{RecordBatch, RecordView, Records};

use crate::acks::RecordAck;
use crate::record::{ConsumerRecord, Timestamp};

/// A batch whose records are being read.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    pub(crate) records: Records,
    /// The epoch of the leader that appended the batch.
    pub(crate) leader_epoch: Option<LeaderEpoch>,
    /// The bytes that a slice of the batch's buffer keeps in memory.
    pub(crate) pinned_bytes: usize,
    /// The offset after the batch.
    pub(crate) end_offset: i64,
    /// The end of the range that is read: records from there on are not handed out.
    pub(crate) range_end: i64,
    /// The offsets of records in it that are not handed out, in order: nobody could read them.
    pub(crate) passed: Vec<i64>,
}

impl OpenBatch {
    /// All records of a batch that this process built, uncompressed.
    pub(crate) fn of_own(bytes: Bytes) -> Self {
        let pinned_bytes = bytes.len();
        let (batch, _) = RecordBatch::parse(bytes).expect("a batch that was just built has its form");
        let header = batch.header();
        Self {
            records: batch.records(pinned_bytes).expect("what is not compressed needs no room"),
            leader_epoch: known_epoch(header.partition_leader_epoch),
            pinned_bytes,
            end_offset: header.next_offset(),
            range_end: i64::MAX,
            passed: Vec::new(),
        }
    }

    /// The number of records to hand out.
    pub(crate) fn len(&self) -> usize {
        match self.end_offset > self.range_end || !self.passed.is_empty() {
            true => self.records.views().map_while(Result::ok).filter(|view| self.has(view)).count(),
            false => self.records.remaining(),
        }
    }

    /// Whether the record is one to hand out: not so beyond the end of the range that is read.
    pub(crate) fn has(&self, view: &RecordView<'_>) -> bool {
        view.offset < self.range_end && (self.passed.is_empty() || !self.passed.contains(&view.offset))
    }

    /// A record of the batch as it was stored, which is in partition `partition` of `topic`, with these bytes as key and value.
    pub(crate) fn bare(
        &self,
        (topic, partition): (&Arc<str>, i32),
        view: &RecordView<'_>,
        (key, value): (Option<Bytes>, Option<Bytes>),
    ) -> ConsumerRecord {
        let share = |part: &[u8]| self.records.data().slice_ref(part);
        ConsumerRecord {
            topic: Arc::clone(topic),
            partition,
            offset: view.offset,
            timestamp: Timestamp::from_millis(view.timestamp),
            timestamp_type: self.records.timestamp_type(),
            key,
            value,
            headers: view.headers.map(|header| header.to_header(share)).collect(),
            leader_epoch: self.leader_epoch,
            ack: RecordAck::default(),
        }
    }

    /// Whether there is another record to hand out, or one that cannot be read.
    pub(crate) fn has_more(&self) -> bool {
        let is_in_range =
            || self.records.views().next().is_some_and(|view| view.map_or(true, |view| self.has(&view)));
        self.records.remaining() > 0 && (self.end_offset <= self.range_end || is_in_range())
    }
}

/// The epoch, unless the broker did not say it.
pub(crate) fn known_epoch(epoch: LeaderEpoch) -> Option<LeaderEpoch> {
    (epoch != LeaderEpoch::NONE).then_some(epoch)
}
