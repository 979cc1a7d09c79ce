//! Rebuilds a machine from its partition: replays the log from its start. Called by a slot, where blocking is allowed.
//!
//! Reads what Apache Kafka wrote too: compressed batches, and transactions, whose records count from their marker on.

use kestrel_protocol::record::RecordBatch;
use kestrel_protocol::record::control::ControlRecord;
use kestrel_protocol::{DecodeError, ErrorCode};

use super::machine::Machine;
use super::record::{LogPlace, LogRecord, Unreadable};
use crate::log::Transaction;
use crate::partition::{Partition, ScanError};

/// How large the records of one batch may be when they are decompressed.
const MAX_BATCH_BYTES: usize = 256 << 20;

/// Replays everything that is in the partition's log now. The machine is still to be told that it is loaded. Gives up, and
/// says so with `false`, once nobody wants the machine any more.
///
/// # Errors
/// When the log cannot be read or is damaged.
pub(super) fn load<M: Machine>(
    partition: &Partition,
    machine: &mut M,
    is_wanted: impl Fn() -> bool,
) -> Result<bool, ScanError> {
    for batch in partition.scan(partition.watermarks().log_start) {
        if !is_wanted() {
            return Ok(false);
        }
        let batch = batch?;
        let offset = batch.header().base_offset;
        replay_batch(&batch, machine).map_err(|error| ScanError::Damaged { offset, error })?;
    }
    Ok(true)
}

/// Whether loading may go better later: too many files are open, or what was appended last is not stored yet.
pub(super) const fn may_pass(error: &ScanError) -> bool {
    matches!(error, ScanError::Read { error: ErrorCode::KafkaStorageError, .. })
}

/// Replays a batch.
///
/// # Errors
/// When it is damaged. Records of types that the machine does not know are skipped.
pub(super) fn replay_batch<M: Machine>(batch: &RecordBatch, machine: &mut M) -> Result<(), DecodeError> {
    batch.verify_checksum()?;
    let header = batch.header();
    let stamp = header.producer();
    let producer = Transaction { producer_id: stamp.producer_id, producer_epoch: stamp.producer_epoch };
    let transaction = header.is_transactional().then_some(producer);
    let mut records = batch.records(MAX_BATCH_BYTES)?;
    let data = records.data().clone();
    while let Some(view) = records.next_view() {
        let view = view?;
        if header.is_control() {
            if let ControlRecord::EndTransaction(marker) = ControlRecord::parse(&view)? {
                machine.replay_end(producer, marker.outcome);
            }
        } else if let Some(key) = view.key {
            let place = LogPlace { offset: view.offset, transaction };
            match M::Record::decode(data.slice_ref(key), view.value.map(|value| data.slice_ref(value))) {
                Ok(record) => machine.replay(record, place),
                Err(Unreadable::Foreign(kind)) => {
                    tracing::debug!(
                        offset = view.offset,
                        kind,
                        "a record is skipped: there is no state of its kind"
                    );
                }
                Err(Unreadable::Damaged(error)) => return Err(error),
            }
        }
    }
    Ok(())
}
