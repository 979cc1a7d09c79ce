//! The batches of the metadata log and of its snapshots, as the records that they hold and back. Pure.

use bytes::Bytes;
use kestrel_protocol::record::control::ControlRecord;
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatch, RecordBatchBuilder};
use kestrel_protocol::{DecodeError, DecodeErrorKind, LeaderEpoch, Timestamp};

/// How large the records of one batch may be when they are decompressed.
const MAX_BATCH_BYTES: usize = 256 << 20;
/// What a metadata record takes in a batch, about.
const USUAL_RECORD_BYTES: usize = 100;

/// A record of the metadata log or of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) enum Entry {
    /// A record of the quorum or of the snapshot format.
    Control(ControlRecord),
    /// A metadata record in its frame.
    Metadata(Bytes),
}

/// The records of a batch with their offsets.
///
/// # Errors
/// When the checksum does not match or a record is damaged.
pub(in crate::cluster) fn entries(batch: &RecordBatch) -> Result<Vec<(i64, Entry)>, DecodeError> {
    const WHAT: &str = "metadata log";
    batch.verify_checksum()?;
    let records = batch.records(MAX_BATCH_BYTES)?;
    let entry = |view: kestrel_protocol::record::RecordView<'_>| {
        if batch.header().is_control() {
            return Ok((view.offset, Entry::Control(ControlRecord::parse(&view)?)));
        }
        let value = view.value.ok_or(DecodeError::new(DecodeErrorKind::UnexpectedNull, WHAT))?;
        Ok((view.offset, Entry::Metadata(records.data().slice_ref(value))))
    };
    records.views().map(|view| entry(view?)).collect()
}

/// One batch of framed metadata records, whatever its size: what one command leads to takes effect together or not at all.
pub(super) fn metadata_batch(
    values: &[Bytes],
    base_offset: i64,
    leader_epoch: LeaderEpoch,
    now: Timestamp,
) -> RecordBatch {
    let options =
        BuilderOptions { base_offset, partition_leader_epoch: leader_epoch, ..BuilderOptions::default() };
    let buffer = Vec::with_capacity(USUAL_RECORD_BYTES * (values.len() + 1));
    let mut builder = RecordBatchBuilder::with_buffer(options, usize::MAX, buffer);
    for value in values {
        builder
            .append(now.as_millis(), None, Some(value), [])
            .expect("a command is limited to some thousand small records");
    }
    builder.build(ProducerStamp::NONE)
}
