//! What the segments that had been flushed say: aborted transactions, epochs, producers.
//!
//! Read from the files beside them; from their batches where a file is missing or damaged.

use std::sync::Arc;

use kestrel_protocol::Timestamp;

use super::{Loader, snapshots};
use crate::log::error::LogError;
use crate::log::format::txn_index::AbortedTransaction;
use crate::log::leader_epoch::{self, LeaderEpochCache};
use crate::log::producer_state::ProducerState;
use crate::log::scan;
use crate::log::segment::LogSegment;

/// How many bytes before a snapshot are looked at for what producers wrote last.
const RECALLED_BYTES: u64 = 2 * 1024 * 1024;

impl Loader<'_> {
    /// Reads which transactions of the trusted segments were aborted; where a file is damaged, from the markers of all of them.
    pub(super) fn read_aborted(&self, segments: &[Arc<LogSegment>]) -> Result<(), LogError> {
        let mut damaged = false;
        for segment in segments {
            damaged |= !segment.read_aborted()?;
        }
        if !damaged {
            return Ok(());
        }
        tracing::warn!(folder = %self.dir.display(), "the transaction indexes are damaged: they are made anew");
        let mut producers = ProducerState::default();
        for segment in segments {
            let mut aborted = Vec::new();
            replay_segment(segment, i64::MIN, &mut producers, self.options.now, &mut |transaction| {
                aborted.push(transaction);
            })?;
            segment.rewrite_aborted(aborted)?;
        }
        Ok(())
    }

    /// The epochs in the file; when it is missing or damaged, those of the trusted segments' batches.
    pub(super) fn read_epochs(&self, segments: &[Arc<LogSegment>]) -> Result<LeaderEpochCache, LogError> {
        if let Some(epochs) = LeaderEpochCache::read(&leader_epoch::checkpoint_path(self.dir))? {
            return Ok(epochs);
        }
        let mut epochs = LeaderEpochCache::default();
        for segment in segments {
            let mut walk = segment.walk(0)?;
            while let Some((_, header)) = walk.next()? {
                epochs.assign(header.partition_leader_epoch, header.base_offset);
            }
        }
        epochs.write(&leader_epoch::checkpoint_path(self.dir), self.options.sync)?;
        Ok(epochs)
    }

    /// The producers at `offset`: from the latest good snapshot, and the batches of the trusted segments after it.
    pub(super) fn read_producers(
        &self,
        segments: &[Arc<LogSegment>],
        offset: i64,
        keep_snapshot_at_offset: bool,
    ) -> Result<ProducerState, LogError> {
        let latest = snapshots::latest(self.dir, offset, &self.options)?;
        let (snapshot_offset, mut producers) = latest.unwrap_or_default();
        if snapshot_offset < offset {
            replay(segments, snapshot_offset, &mut producers, self.options.now)?;
            producers.remove_expired(self.options.now, self.options.producer_id_expiration);
        }
        match self.recall(segments, offset, &mut producers) {
            // Damage in flushed segments is for their readers and for the check to find.
            Err(LogError::Corrupt { .. }) => {}
            recalled => recalled?,
        }
        if keep_snapshot_at_offset && snapshot_offset < offset && producers.len() > 0 {
            snapshots::write(self.dir, &producers, offset, self.options.sync)?;
        }
        Ok(producers)
    }
    /// Remembers the batches before `offset` again that are not far from it: a snapshot names the last one of each producer
    /// alone, and a producer that had no answer before a restart repeats all that were in flight. (Apache Kafka refuses
    /// them then as out of order.)
    fn recall(
        &self,
        segments: &[Arc<LogSegment>],
        offset: i64,
        producers: &mut ProducerState,
    ) -> Result<(), LogError> {
        if producers.len() == 0 {
            return Ok(());
        }
        let (mut bytes, mut first) = (0, segments.len());
        while bytes < RECALLED_BYTES && first > 0 {
            first -= 1;
            bytes += segments.get(first).map_or(0, |segment| segment.size_bytes());
        }
        let mut recent = ProducerState::default();
        for (index, segment) in segments.iter().enumerate().skip(first) {
            // Of the first one, only the end.
            let skipped = if index == first { bytes.saturating_sub(RECALLED_BYTES) } else { 0 };
            let mut walk = segment.walk(segment.batch_at_or_before(skipped)?)?;
            while let Some((_, header)) = walk.next()? {
                if header.next_offset() <= offset && !header.is_control() {
                    recent.replay(&header, None, self.options.now);
                }
            }
        }
        producers.recall(&recent);
        Ok(())
    }
}

/// Looks for the largest timestamp of segments whose offsets are too far apart for the time index, which is asked otherwise.
pub(super) fn note_far_timestamps(segments: &[Arc<LogSegment>], end_offset: i64) -> Result<(), LogError> {
    let ends = segments.iter().skip(1).map(|next| next.base_offset()).chain([end_offset]);
    for (segment, end_offset) in segments.iter().zip(ends) {
        if end_offset - 1 - segment.base_offset() > i64::from(i32::MAX)
            && let Some(largest) = segment.largest_timestamp_below(i64::MAX)?
        {
            segment.note_timestamp(largest);
        }
    }
    Ok(())
}

/// Replays the batches from `from_offset` on.
fn replay(
    segments: &[Arc<LogSegment>],
    from_offset: i64,
    producers: &mut ProducerState,
    now: Timestamp,
) -> Result<(), LogError> {
    let first = segments.partition_point(|segment| segment.base_offset() <= from_offset).saturating_sub(1);
    // Which were aborted stands in the transaction indexes.
    segments
        .iter()
        .skip(first)
        .try_for_each(|segment| replay_segment(segment, from_offset, producers, now, &mut |_| {}))
}

/// Replays the batches of a segment from `from_offset` on, and names the transactions that were aborted.
fn replay_segment(
    segment: &LogSegment,
    from_offset: i64,
    producers: &mut ProducerState,
    now: Timestamp,
    aborted: &mut dyn FnMut(AbortedTransaction),
) -> Result<(), LogError> {
    let mut walk = segment.walk(0)?;
    while let Some((position, header)) = walk.next()? {
        if header.base_offset < from_offset {
            continue;
        }
        let marker = if header.is_control() {
            scan::marker_of(&segment.read_batch(&walk.file, position, &header)?)
        } else {
            None
        };
        producers.replay_walked(&header, marker, now).into_iter().for_each(&mut *aborted);
    }
    Ok(())
}
