//! Rebuilds a shard from its partition: reads the log from its start and replays it. Called by a slot, where blocking is
//! allowed.
//!
//! Reads what Apache Kafka wrote too: compressed batches, and transactions, whose offsets count from their marker on.

use kestrel_protocol::record::control::ControlRecord;
use kestrel_protocol::record::{RecordBatch, RecordBatches};
use kestrel_protocol::{DecodeError, ErrorCode, LeaderEpoch, ProducerId};

use super::group::GroupShard;
use super::records::GroupRecord;
use crate::config::GroupSettings;
use crate::log::FirstBatch;
use crate::partition::{FetchRead, Isolation, Partition};

/// How many bytes of the log are read at once.
const READ_BYTES: usize = 1 << 20;
/// How large the records of one batch may be when they are decompressed.
const MAX_BATCH_BYTES: usize = 256 << 20;

/// Why a shard could not be rebuilt.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// The log cannot be read.
    #[error("cannot be read at offset {offset}: {}", error.name())]
    Read {
        /// Where.
        offset: i64,
        /// Why.
        error: ErrorCode,
    },
    /// There is something in it that is not what it should be.
    #[error("is damaged in the batch at offset {offset}: {error}")]
    Damaged {
        /// Where.
        offset: i64,
        /// Why.
        error: DecodeError,
    },
}

impl LoadError {
    /// Whether it may go better later: too many files are open, or what was appended last is not stored yet.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(self, Self::Read { error: ErrorCode::KafkaStorageError, .. })
    }
}

/// A shard with everything that is in the partition's log now. It is still to be told that it is loaded.
pub(super) fn load(partition: &Partition, settings: GroupSettings) -> Result<GroupShard, LoadError> {
    let mut shard = GroupShard::new(settings);
    let watermarks = partition.watermarks();
    let mut offset = watermarks.log_start;
    while offset < watermarks.end {
        offset = replay_from(partition, offset, &mut shard)?;
    }
    Ok(shard)
}

/// Replays some of the log; gives the offset after it.
fn replay_from(partition: &Partition, offset: i64, shard: &mut GroupShard) -> Result<i64, LoadError> {
    let read = partition.read(FetchRead {
        fetch_offset: offset,
        max_bytes: READ_BYTES,
        first_batch: FirstBatch::Always,
        file_run_min_bytes: usize::MAX,
        isolation: Isolation::ReadUncommitted,
        current_leader_epoch: LeaderEpoch::NONE,
        last_fetched_epoch: LeaderEpoch::NONE,
    });
    let failed = |error| LoadError::Read { offset, error };
    let records = read.map_err(failed)?.records.into_bytes();
    let records = records.map_err(|_| failed(ErrorCode::KafkaStorageError))?;
    let mut next_offset = offset;
    for batch in RecordBatches::new(records) {
        let batch = batch.map_err(|error| LoadError::Damaged { offset: next_offset, error })?;
        replay_batch(&batch, shard)
            .map_err(|error| LoadError::Damaged { offset: batch.header().base_offset, error })?;
        next_offset = batch.header().next_offset();
    }
    if next_offset == offset {
        return Err(failed(ErrorCode::KafkaStorageError));
    }
    Ok(next_offset)
}

/// Replays a batch.
///
/// # Errors
/// When it is damaged. Records of types that are not known are none.
pub(super) fn replay_batch(batch: &RecordBatch, shard: &mut GroupShard) -> Result<(), DecodeError> {
    batch.verify_checksum()?;
    let header = batch.header();
    let producer = header.is_transactional().then_some(header.producer_id);
    let mut records = batch.records(MAX_BATCH_BYTES)?;
    let data = records.data().clone();
    while let Some(view) = records.next_view() {
        let view = view?;
        if header.is_control() {
            replay_marker(&ControlRecord::parse(&view)?, header.producer_id, shard);
        } else if let Some(key) = view.key {
            let value = view.value.map(|value| data.slice_ref(value));
            let record = GroupRecord::decode(data.slice_ref(key), value)?;
            if let GroupRecord::Skipped(key_type) = record {
                tracing::debug!(
                    offset = view.offset,
                    key_type,
                    "a record of a kind of group that is not there is skipped"
                );
            }
            shard.replay(record, view.offset, producer);
        }
    }
    Ok(())
}

fn replay_marker(marker: &ControlRecord, producer: ProducerId, shard: &mut GroupShard) {
    if let ControlRecord::EndTransaction(marker) = marker {
        shard.replay_end(producer, marker.outcome);
    }
}

#[cfg(test)]
mod tests;
