//! Walks the batches of a segment and finds where the whole ones end. Pure over any reader, so that a test can cut and
//! flip each byte; the loader brings the file and decides what an end in the middle means.

use std::io::{self, Read};

use bytes::Bytes;
use kestrel_protocol::record::control::{ControlRecord, EndTransactionMarker};
use kestrel_protocol::record::{HEADER_BYTES, RecordBatch, RecordBatchHeader};

use crate::log::format::old_format::{HEAD_BYTES, OldMessage};

/// How many bytes of a control batch may be decoded: markers are a hundred bytes or so.
const MAX_CONTROL_BYTES: usize = 1 << 20;

/// The inputs of a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanOptions {
    /// The offset in the segment's name.
    pub(super) base_offset: i64,
    /// How many bytes the reader has: no batch is believed to be larger.
    pub(super) size_bytes: u64,
}

/// One whole batch.
#[derive(Debug)]
pub(super) struct ScannedBatch {
    /// Where it begins.
    pub(super) position: u32,
    /// The batch, whose checksum was verified.
    pub(super) batch: RecordBatch,
}

impl ScannedBatch {
    /// The batch's header.
    pub(super) fn header(&self) -> &RecordBatchHeader {
        self.batch.header()
    }

    /// The outcome of a transaction, if the batch is a marker that ends one.
    pub(super) fn marker(&self) -> Option<EndTransactionMarker> {
        marker_of(&self.batch)
    }
}

/// Where a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScanEnd {
    /// How many bytes the whole batches take.
    pub(super) valid_bytes: u64,
    /// The offset after the last whole batch; the segment's base offset without one.
    pub(super) next_offset: i64,
    /// Why it ended before the bytes did; `None` when it did not.
    pub(super) damage: Option<String>,
    /// The format of the first message that is whole and older than record batches: it was walked over, not handed out.
    pub(super) old_format: Option<i8>,
    /// The first batch that is too far from the segment's first offset for an index: where it begins, and its last offset. What
    /// follows is looked at all the same: Apache Kafka before 2.0 compacted segments into such ones.
    pub(super) far: Option<(u64, i64)>,
}

impl ScanEnd {
    /// The batch that is too far, unless the next segment, which begins at `next_base`, says that there are such offsets in this
    /// one. A checksum does not cover offsets: without that it may be damage as well.
    pub(super) fn doubtful(&self, next_base: Option<i64>) -> Option<(u64, String)> {
        let (position, offset) = self.far?;
        if next_base.is_some_and(|next_base| next_base >= self.next_offset) {
            return None;
        }
        let why = format!(
            "offset {offset} is too far from the segment's first: Apache Kafka before 2.0 compacted logs into such segments, and \
             Apache Kafka 4 splits them at its next start; or the offset is damaged"
        );
        Some((position, why))
    }
}

/// The finding at some place of a segment.
enum Found {
    Batch(RecordBatch),
    Old(OldMessage),
}

/// Reads batch after batch and hands each to `visit`, up to the first that is torn, damaged or out of order.
pub(super) fn scan(
    reader: impl Read,
    options: ScanOptions,
    mut visit: impl FnMut(&ScannedBatch),
) -> io::Result<ScanEnd> {
    let mut reader = BatchReader { reader, left: options.size_bytes };
    let mut end = ScanEnd {
        valid_bytes: 0,
        next_offset: options.base_offset,
        damage: None,
        old_format: None,
        far: None,
    };
    while reader.left > 0 {
        match reader.next(&end)? {
            Ok(Found::Old(message)) => {
                end.valid_bytes += message.size_bytes as u64;
                end.next_offset = message.offset.saturating_add(1);
                end.old_format.get_or_insert(message.magic);
            }
            Ok(Found::Batch(batch)) => {
                let last_offset = batch.header().last_offset();
                if last_offset.saturating_sub(options.base_offset) > i64::from(i32::MAX) {
                    end.far.get_or_insert((end.valid_bytes, last_offset));
                }
                end.valid_bytes += batch.bytes().len() as u64;
                end.next_offset = batch.header().next_offset();
                let position = u32::try_from(end.valid_bytes - batch.bytes().len() as u64)
                    .expect("the position of each batch was checked");
                visit(&ScannedBatch { position, batch });
            }
            Err(damage) => {
                end.damage = Some(damage);
                break;
            }
        }
    }
    Ok(end)
}

/// The outcome of a transaction, if `batch` is a marker that ends one.
pub(super) fn marker_of(batch: &RecordBatch) -> Option<EndTransactionMarker> {
    if !batch.header().is_control() {
        return None;
    }
    let mut records = batch.records(MAX_CONTROL_BYTES).ok()?;
    match ControlRecord::parse(&records.next_view()?.ok()?).ok()? {
        ControlRecord::EndTransaction(marker) => Some(marker),
        _ => None,
    }
}

#[derive(Debug)]
struct BatchReader<R> {
    reader: R,
    left: u64,
}

impl<R: Read> BatchReader<R> {
    /// The next batch or message, or what is wrong with it.
    fn next(&mut self, end: &ScanEnd) -> io::Result<Result<Found, String>> {
        let mut head = Vec::with_capacity(HEADER_BYTES);
        self.take(HEAD_BYTES as u64, &mut head)?;
        if let Some(message) = OldMessage::parse(&head) {
            return self.old_message(message, &head, end);
        }
        self.take((HEADER_BYTES - HEAD_BYTES) as u64, &mut head)?;
        let size_bytes = match RecordBatchHeader::parse(&head) {
            Ok(header) => header.size_bytes(),
            Err(error) => return Ok(Err(error.to_string())),
        };
        Ok(self.body(&head, size_bytes)?.and_then(|bytes| check(bytes.into(), end)).map(Found::Batch))
    }

    fn old_message(
        &mut self,
        message: OldMessage,
        head: &[u8],
        end: &ScanEnd,
    ) -> io::Result<Result<Found, String>> {
        let OldMessage { offset, magic, size_bytes } = message;
        Ok(self.body(head, size_bytes)?.and_then(|bytes| {
            if !message.is_whole(&bytes) {
                return Err(format!("a message of format {magic} does not match its checksum"));
            }
            check_offset(offset, end)?;
            Ok(Found::Old(message))
        }))
    }

    /// All `size_bytes` of what begins with `head`, if there are so many.
    fn body(&mut self, head: &[u8], size_bytes: usize) -> io::Result<Result<Vec<u8>, String>> {
        let Some(body_bytes) = size_bytes.checked_sub(head.len()).map(|bytes| bytes as u64) else {
            return Ok(Err(format!("a record of {size_bytes} bytes is too short")));
        };
        if body_bytes > self.left {
            return Ok(Err(format!("a record batch of {size_bytes} bytes is torn")));
        }
        // There are that many bytes, or the file shrinks while it is read.
        let mut bytes = Vec::with_capacity(size_bytes);
        bytes.extend_from_slice(head);
        self.take(body_bytes, &mut bytes)?;
        Ok(Ok(bytes))
    }

    /// Adds the next `length` bytes to `bytes`, or as many as there are.
    fn take(&mut self, length: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let length = length.min(self.left);
        self.reader.by_ref().take(length).read_to_end(bytes)?;
        self.left -= length;
        Ok(())
    }
}

fn check(bytes: Bytes, end: &ScanEnd) -> Result<RecordBatch, String> {
    let (batch, _) = RecordBatch::parse(bytes).map_err(|error| error.to_string())?;
    batch.verify_checksum().map_err(|error| error.to_string())?;
    check_offset(batch.header().base_offset, end)?;
    if end.valid_bytes > u64::from(u32::MAX) {
        return Err("the segment is larger than 4 GiB".into());
    }
    Ok(batch)
}

fn check_offset(offset: i64, end: &ScanEnd) -> Result<(), String> {
    if offset < end.next_offset {
        return Err(format!("offset {offset} follows offset {}", end.next_offset - 1));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
