//! Filters a batch down to what compaction keeps of it. Pure; the rules are Apache Kafka's (KIP-98, KIP-534).
//!
//! ```text
//!   record    later one with its key?              ── dropped
//!             tombstone, delete horizon passed?    ── dropped; none yet? the batch gets one: now + delete.retention.ms
//!             anything else, or not in the map     ── kept
//!   marker    nothing of its transaction left?     ── gets a delete horizon, then dropped when that has passed
//!   batch     nothing left                         ── dropped, but kept without records when its producer has no later one,
//!                                                     or the part of the log that is cleaned ends with it
//!             everything left, no new horizon      ── as it is, to the byte
//! ```

use std::time::Duration;

use kestrel_protocol::record::{CompactedBatch, RecordBatch, RecordView};
use kestrel_protocol::{DecodeError, ProducerId, Timestamp};

use super::offset_map::OffsetMap;
use super::transactions::Standing;
use crate::log::producer_state::LastBatches;

/// How many bytes one batch may decompress to.
pub(super) const MAX_DECOMPRESSED_BYTES: usize = 256 << 20;

/// Decides, batch by batch, which records are kept.
#[derive(Debug)]
pub(super) struct BatchFilter<'a> {
    map: &'a OffsetMap,
    /// Where the state of each producer stands.
    last_batches: LastBatches,
    now: Timestamp,
    delete_retention: Duration,
    /// Where the part of the log ends that is cleaned: the batch before it says so.
    end_offset: i64,
    /// Which records of a batch are kept.
    kept: Vec<bool>,
}

/// The rest of a batch, and the figures of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filtered {
    /// The batch that takes its place; the same bytes when nothing was to be changed.
    pub(super) batch: Option<RecordBatch>,
    pub(super) records_read: u64,
    pub(super) records_kept: u64,
    /// Records without a key, which a compacted log cannot keep.
    pub(super) without_key: u64,
}

/// The facts about all records of a batch that are needed before it is written.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    read: u64,
    kept: u64,
    without_key: u64,
    has_tombstones: bool,
}

impl<'a> BatchFilter<'a> {
    /// For a cleaning at `now` of a log up to `end_offset`.
    pub(super) fn new(
        map: &'a OffsetMap,
        last_batches: LastBatches,
        now: Timestamp,
        delete_retention: Duration,
        end_offset: i64,
    ) -> Self {
        Self { map, last_batches, now, delete_retention, end_offset, kept: Vec::new() }
    }

    /// Filters `batch`, which stands so among the transactions.
    pub(super) fn filter(
        &mut self,
        batch: &RecordBatch,
        standing: Standing,
    ) -> Result<Filtered, DecodeError> {
        let header = batch.header();
        let is_discardable = standing == Standing::Discardable;
        // A marker goes in two steps, as a tombstone does.
        let discards = is_discardable && (!header.is_control() || self.has_passed(header.delete_horizon()));
        if discards {
            let records_read = u64::try_from(header.record_count).unwrap_or(0);
            let batch = self.keeps_empty(batch).then(|| batch.emptied());
            return Ok(Filtered { batch, records_read, records_kept: 0, without_key: 0 });
        }
        let tally = self.look_at(batch)?;
        let left = Filtered {
            batch: None,
            records_read: tally.read,
            records_kept: tally.kept,
            without_key: tally.without_key,
        };
        if tally.kept == 0 {
            let batch = self.keeps_empty(batch).then(|| batch.emptied());
            return Ok(Filtered { batch, ..left });
        }
        let is_idle_marker = is_discardable && header.is_control();
        let needs_horizon = (tally.has_tombstones || is_idle_marker) && header.delete_horizon().is_none();
        if tally.kept == tally.read && !needs_horizon {
            return Ok(Filtered { batch: Some(batch.clone()), ..left });
        }
        let new_horizon = needs_horizon.then(|| self.now.saturating_add(self.delete_retention).as_millis());
        let batch = self.rewrite(batch, new_horizon.or_else(|| header.delete_horizon()))?;
        Ok(Filtered { batch: Some(batch), ..left })
    }

    /// Decides about each record.
    fn look_at(&mut self, batch: &RecordBatch) -> Result<Tally, DecodeError> {
        let header = batch.header();
        let tombstones_stay = !self.has_passed(header.delete_horizon());
        let mut tally = Tally::default();
        self.kept.clear();
        let mut records = batch.records(MAX_DECOMPRESSED_BYTES)?;
        while let Some(record) = records.next_view() {
            let record = record?;
            let is_kept = header.is_control() || self.keeps(&record, tombstones_stay);
            tally.read += 1;
            tally.kept += u64::from(is_kept);
            tally.has_tombstones |= is_kept && record.value.is_none();
            tally.without_key += u64::from(!is_kept && record.key.is_none());
            self.kept.push(is_kept);
        }
        Ok(tally)
    }

    fn keeps(&self, record: &RecordView<'_>, tombstones_stay: bool) -> bool {
        if record.offset >= self.map.next_offset() {
            return true;
        }
        let Some(key) = record.key else { return false };
        let is_last = self.map.get(key).is_none_or(|last| record.offset >= last);
        is_last && (record.value.is_some() || tombstones_stay)
    }

    fn rewrite(&self, batch: &RecordBatch, delete_horizon: Option<i64>) -> Result<RecordBatch, DecodeError> {
        let mut compacted = CompactedBatch::of(batch, delete_horizon);
        let mut records = batch.records(MAX_DECOMPRESSED_BYTES)?;
        for &is_kept in &self.kept {
            let Some(record) = records.next_view() else { break };
            if is_kept {
                compacted.keep(&record?);
            }
        }
        compacted.build()
    }

    /// Whether the batch stays when it has no records any more.
    fn keeps_empty(&self, batch: &RecordBatch) -> bool {
        let header = batch.header();
        let last = self.last_batches.get(&header.producer_id);
        let is_last_of_producer =
            header.producer_id != ProducerId::NONE && last.is_some_and(|last| last.is(header));
        is_last_of_producer || header.next_offset() == self.end_offset
    }

    fn has_passed(&self, delete_horizon: Option<i64>) -> bool {
        delete_horizon.is_some_and(|horizon| horizon <= self.now.as_millis())
    }
}
