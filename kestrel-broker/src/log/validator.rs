//! Whether records may be appended to a log, and the two cases in which they are not stored as they came. Pure.
//!
//! Called by `Log::append` before it takes the writer's lock. What a client sends is looked at record by record, so that
//! nothing is acknowledged that no consumer could read; with [`Validation::Headers`] only where the topic's settings ask
//! about records: compaction needs keys, a limit on their age needs timestamps. Keys and values are never looked at.

use bytes::Bytes;
use kestrel_protocol::record::{RecordBatch, RecordBatchHeader, RecordBatches, RecordOutline, TimestampType};
use kestrel_protocol::{DecodeError, DecodeErrorKind, ProducerId, Timestamp};

use super::append::{AppendContext, AppendOrigin};
use super::config::{CompressionType, LogConfig, Validation};
use super::error::{AppendError, RecordFault};

/// How many bytes one batch may decompress to. They are never in memory at once, but for a topic that wants another codec.
const MAX_DECOMPRESSED_BYTES: usize = 256 << 20;
/// How many faulty records of a batch are named.
const MAX_NAMED_FAULTS: usize = 100;

/// The batches in `records` as they are to be stored, apart from offsets and leader epoch.
pub(super) fn validate(
    records: Bytes,
    config: &LogConfig,
    context: AppendContext,
    validation: Validation,
) -> Result<Vec<RecordBatch>, AppendError> {
    let batches = split(records)?;
    if context.origin == AppendOrigin::Client {
        let [batch] = batches.as_slice() else { return Err(not_one_batch(batches.len())) };
        check_client_batch(batch, config, context.now)?;
    }
    batches.into_iter().map(|batch| prepare(batch, config, context, validation)).collect()
}

/// Checks what holds for every batch and gives it in the topic's timestamp type and compression.
fn prepare(
    batch: RecordBatch,
    config: &LogConfig,
    context: AppendContext,
    validation: Validation,
) -> Result<RecordBatch, AppendError> {
    check_size(&batch, config)?;
    batch.verify_checksum().map_err(corrupt)?;
    check_counts(batch.header())?;
    if batch.header().is_control() {
        return Ok(batch);
    }
    let of_client = validation == Validation::Records && context.origin == AppendOrigin::Client;
    check_records(&batch, config, context.now, of_client)?;
    let batch = recompress(batch, config)?;
    Ok(stamp_append_time(batch, config, context.now))
}

/// The topic's `compression.type`: one of the two places where bytes that a producer sent are replaced.
fn recompress(batch: RecordBatch, config: &LogConfig) -> Result<RecordBatch, AppendError> {
    let CompressionType::Codec(codec) = config.compression else { return Ok(batch) };
    let batch = batch.recompressed(codec, MAX_DECOMPRESSED_BYTES).map_err(corrupt)?;
    check_size(&batch, config)?;
    Ok(batch)
}

/// `message.timestamp.type=LogAppendTime`: the other place.
pub(super) fn stamp_append_time(batch: RecordBatch, config: &LogConfig, now: Timestamp) -> RecordBatch {
    match config.timestamp_type {
        TimestampType::LogAppend => batch.with_log_append_time(now.as_millis()),
        TimestampType::Create => batch,
    }
}

fn split(records: Bytes) -> Result<Vec<RecordBatch>, AppendError> {
    let mut iterator = RecordBatches::new(records);
    let batches = iterator.by_ref().collect::<Result<Vec<_>, _>>().map_err(corrupt)?;
    if !iterator.rest().is_empty() {
        return Err(invalid_record("the last record batch is not whole"));
    }
    if batches.is_empty() { Err(not_one_batch(0)) } else { Ok(batches) }
}

/// Refuses a batch that no producer may send, though the controller may.
fn check_client_batch(batch: &RecordBatch, config: &LogConfig, now: Timestamp) -> Result<(), AppendError> {
    let header = batch.header();
    if header.base_offset != 0 {
        return Err(invalid_record(format!("the base offset is {} instead of 0", header.base_offset)));
    }
    if header.is_control() {
        return Err(invalid_record("a client must not write control records"));
    }
    if header.record_count == 0 {
        return Err(invalid_record("the record batch has no records"));
    }
    if header.producer_id != ProducerId::NONE && header.base_sequence < 0 {
        return Err(invalid_record(format!("the base sequence is {}", header.base_sequence)));
    }
    if header.timestamp_type() == TimestampType::LogAppend {
        return Err(invalid_timestamp(
            "only the broker may set the timestamp type LogAppendTime",
            Vec::new(),
        ));
    }
    check_latest(header, config, now)
}

/// The largest timestamp stands in the header: no record needs to be looked at.
fn check_latest(header: &RecordBatchHeader, config: &LogConfig, now: Timestamp) -> Result<(), AppendError> {
    let (TimestampType::Create, Some(after_max)) = (config.timestamp_type, config.timestamp_after_max) else {
        return Ok(());
    };
    let latest = now.saturating_add(after_max);
    if Timestamp::from_millis(header.max_timestamp) > latest {
        let reason = format!("timestamp {} is after {}", header.max_timestamp, latest.as_millis());
        return Err(invalid_timestamp(&reason, Vec::new()));
    }
    Ok(())
}

fn check_size(batch: &RecordBatch, config: &LogConfig) -> Result<(), AppendError> {
    let size_bytes = batch.bytes().len();
    let limit_bytes = config.max_message_bytes as usize;
    if size_bytes > limit_bytes {
        return Err(AppendError::MessageTooLarge { size_bytes, limit_bytes });
    }
    Ok(())
}

/// Each record has an offset of its own, as nothing was compacted away yet.
fn check_counts(header: &RecordBatchHeader) -> Result<(), AppendError> {
    let offsets = i64::from(header.last_offset_delta) + 1;
    if offsets != i64::from(header.record_count) {
        let count = header.record_count;
        return Err(invalid_record(format!("{count} records, but {offsets} offsets")));
    }
    header.compression().map_err(corrupt)?;
    Ok(())
}

/// Looks at each record when that is asked for or when something has to be known of each, and names those that are at fault.
fn check_records(
    batch: &RecordBatch,
    config: &LogConfig,
    now: Timestamp,
    asked_for: bool,
) -> Result<(), AppendError> {
    let earliest = match (config.timestamp_type, config.timestamp_before_max) {
        (TimestampType::Create, Some(before_max)) => Some(now.saturating_sub(before_max)),
        _ => None,
    };
    if !asked_for && !config.compact && earliest.is_none() {
        return Ok(());
    }
    let (mut without_key, mut too_old) = (Faults::default(), Faults::default());
    let each = |record: RecordOutline| {
        if config.compact && !record.has_key {
            without_key.add(record.index, "a compacted topic needs a key in each record");
        }
        if let Some(earliest) = earliest {
            too_old.add_if_old(record, earliest);
        }
    };
    batch.outline(MAX_DECOMPRESSED_BYTES, each).map_err(unreadable)?;
    if !without_key.0.is_empty() {
        let reason = "a compacted topic needs a key in each record".into();
        return Err(AppendError::InvalidRecord { reason, records: without_key.0 });
    }
    match too_old.0.first() {
        Some(first) => Err(invalid_timestamp(&first.message.clone(), too_old.0)),
        None => Ok(()),
    }
}

/// The faulty records of a batch, as many as are worth naming.
#[derive(Debug, Default)]
struct Faults(Vec<RecordFault>);

impl Faults {
    fn add(&mut self, index: i32, message: impl Into<String>) {
        if self.0.len() < MAX_NAMED_FAULTS {
            self.0.push(RecordFault { index, message: message.into() });
        }
    }

    fn add_if_old(&mut self, record: RecordOutline, earliest: Timestamp) {
        let timestamp = Timestamp::from_millis(record.timestamp);
        if timestamp != Timestamp::NONE && timestamp < earliest {
            self.add(
                record.index,
                format!("timestamp {} is before {}", timestamp.as_millis(), earliest.as_millis()),
            );
        }
    }
}

fn not_one_batch(count: usize) -> AppendError {
    invalid_record(format!("{count} record batches where exactly one is allowed"))
}

fn invalid_record(reason: impl Into<String>) -> AppendError {
    AppendError::InvalidRecord { reason: reason.into(), records: Vec::new() }
}

fn invalid_timestamp(reason: &str, records: Vec<RecordFault>) -> AppendError {
    AppendError::InvalidTimestamp { reason: reason.to_owned(), records }
}

/// Records whose checksum is right and that cannot be read all the same: a faulty producer made them, and would make them again.
/// So it is not told `CORRUPT_MESSAGE`, upon which producers send the same bytes until their delivery timeout.
fn unreadable(error: DecodeError) -> AppendError {
    match error.kind {
        DecodeErrorKind::UnsupportedCompression(_) => corrupt(error),
        _ => invalid_record(error.to_string()),
    }
}

fn corrupt(error: DecodeError) -> AppendError {
    match error.kind {
        DecodeErrorKind::UnsupportedMagic(_) => invalid_record(error.to_string()),
        DecodeErrorKind::UnsupportedCompression(codec) => AppendError::UnsupportedCompressionType(codec),
        _ => AppendError::CorruptMessage(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
