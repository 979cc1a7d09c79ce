//! The writing end of a log: the active segment, the producers, and the next offset.
//!
//! Owned by the log under the writer's lock. Writes to the page cache; what readers see and when it is flushed is the log's to say.

use std::path::Path;
use std::sync::Arc;

use kestrel_protocol::record::{RecordBatch, RecordBatchHeader};
use kestrel_protocol::{LeaderEpoch, Timestamp};

use super::append::{AppendContext, AppendOrigin};
use super::config::LogConfig;
use super::disk::FileSync;
use super::error::{AppendError, LogError};
use super::format::file_names::{SNAPSHOT_SUFFIX, segment_file};
use super::producer_state::{EndedTransaction, ProducerState, RememberedBatch, Verdict};
use super::scan;
use super::segment::{ActiveSegment, Incoming, LogSegment, StoredBatch};

/// The writing end of a log: what the writer's lock protects.
#[derive(Debug)]
pub(super) struct Writer {
    active: ActiveSegment,
    /// The producers as they are at the next offset.
    pub(super) producers: ProducerState,
    next_offset: i64,
    /// Whether anything was appended that the producer snapshot at the log's end lacks.
    snapshot_due: bool,
}

impl Writer {
    /// Writes on at `next_offset`; `snapshot_due` when that end has no producer snapshot yet.
    pub(super) fn new(
        active: ActiveSegment,
        producers: ProducerState,
        next_offset: i64,
        snapshot_due: bool,
    ) -> Self {
        Self { active, producers, next_offset, snapshot_due }
    }

    /// The offset that the next record gets.
    pub(super) fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The segment that is written.
    pub(super) fn active(&self) -> &ActiveSegment {
        &self.active
    }

    /// Looks up whether a client sent the batches before; the original, if they are in the log already.
    pub(super) fn find_original(
        &self,
        batches: &[RecordBatch],
        context: AppendContext,
    ) -> Result<Option<RememberedBatch>, AppendError> {
        if context.origin != AppendOrigin::Client {
            return Ok(None);
        }
        for batch in batches {
            if let Verdict::Duplicate(original) = self.producers.check(batch.header(), context.guard)? {
                return Ok(Some(original));
            }
        }
        Ok(None)
    }

    /// The batches as they would be stored next.
    pub(super) fn assign_offsets(
        &self,
        batches: &[RecordBatch],
        leader_epoch: LeaderEpoch,
    ) -> Vec<StoredBatch> {
        let mut next_offset = self.next_offset;
        let mut stored = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut header = *batch.header();
            header.base_offset = next_offset;
            header.partition_leader_epoch = leader_epoch;
            let prefix = batch.stored_prefix(next_offset, leader_epoch);
            next_offset = header.next_offset();
            stored.push(StoredBatch { header, prefix, rest: batch.bytes().slice(prefix.len()..) });
        }
        stored
    }

    /// Writes `batches`, which are `stored` with their offsets, to the active segment; gives the transaction that the last
    /// marker among them has ended.
    pub(super) fn write(
        &mut self,
        batches: &[RecordBatch],
        stored: &[StoredBatch],
        config: &LogConfig,
        now: Timestamp,
    ) -> Result<Option<EndedTransaction>, LogError> {
        self.active.append(stored, config)?;
        let mut last_ended = None;
        for (batch, stored) in batches.iter().zip(stored) {
            let marker = scan::marker_of(batch);
            let Some(ended) = self.producers.replay(&stored.header, marker, now) else { continue };
            last_ended = Some(ended);
            if let Some(aborted) = ended.aborted {
                // Without its entry the records would be shown to who asked for committed ones.
                self.active.segment().note_aborted(aborted).map_err(LogError::not_undone)?;
            }
        }
        self.next_offset = stored.last().map_or(self.next_offset, |last| last.header.next_offset());
        self.snapshot_due = true;
        Ok(last_ended)
    }

    /// Writes from now on to `segment`, which begins at the next offset; gives the one before.
    pub(super) fn begin_segment(
        &mut self,
        segment: Arc<LogSegment>,
        now: Timestamp,
    ) -> Result<Arc<LogSegment>, LogError> {
        let active = ActiveSegment::new(segment, now)?;
        Ok(Arc::clone(std::mem::replace(&mut self.active, active).segment()))
    }

    /// Writes the producers as they are at the next offset, which begins a segment.
    pub(super) fn write_snapshot(&self, dir: &Path, sync: FileSync) -> Result<(), LogError> {
        self.producers.write_snapshot(&segment_file(dir, self.next_offset, SNAPSHOT_SUFFIX), sync)
    }

    /// Writes the producers for a clean stop, unless the end of the log has them; whether it wrote any.
    pub(super) fn write_last_snapshot(&mut self, dir: &Path) -> Result<bool, LogError> {
        if self.snapshot_due {
            self.write_snapshot(dir, FileSync::Yes)?;
        }
        Ok(std::mem::take(&mut self.snapshot_due))
    }
}

impl Incoming {
    /// The sum of what is about to be appended.
    pub(super) fn of(batches: &[StoredBatch], now: Timestamp) -> Self {
        let headers = || batches.iter().map(|batch| &batch.header);
        Self {
            size_bytes: headers().map(|header| header.size_bytes() as u64).sum(),
            last_offset: headers().next_back().map_or(0, RecordBatchHeader::last_offset),
            max_timestamp: Timestamp::from_millis(
                headers().map(|header| header.max_timestamp).max().unwrap_or(-1),
            ),
            now,
        }
    }
}
