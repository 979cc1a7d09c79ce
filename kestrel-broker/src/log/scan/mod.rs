//! Walks the batches of a segment and finds where the whole ones end. Pure over any reader, so that a test can cut and
//! flip each byte; the loader brings the file and decides what an end in the middle means.

use std::io::{self, Read};

use bytes::Bytes;
use kestrel_protocol::record::control::ControlRecord;
use kestrel_protocol::record::{HEADER_BYTES, RecordBatch, RecordBatchHeader};

/// How many bytes of a control batch may be decoded: markers are a hundred bytes or so.
const MAX_CONTROL_BYTES: usize = 1 << 20;

/// What a scan is told.
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

    /// The coordinator's epoch, if the batch is a marker that ends a transaction.
    pub(super) fn marker(&self) -> Option<i32> {
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
}

/// Reads batch after batch and hands each to `visit`, up to the first that is torn, damaged or out of order.
pub(super) fn scan(
    reader: impl Read,
    options: ScanOptions,
    mut visit: impl FnMut(&ScannedBatch),
) -> io::Result<ScanEnd> {
    let mut reader = BatchReader { reader, left: options.size_bytes };
    let mut end = ScanEnd { valid_bytes: 0, next_offset: options.base_offset, damage: None };
    while reader.left > 0 {
        match reader.next(&end, options.base_offset)? {
            Ok(batch) => {
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

/// The coordinator's epoch, if `batch` is a marker that ends a transaction.
pub(super) fn marker_of(batch: &RecordBatch) -> Option<i32> {
    if !batch.header().is_control() {
        return None;
    }
    let mut records = batch.records(MAX_CONTROL_BYTES).ok()?;
    match ControlRecord::parse(&records.next_view()?.ok()?).ok()? {
        ControlRecord::EndTransaction(marker) => Some(marker.coordinator_epoch),
        _ => None,
    }
}

#[derive(Debug)]
struct BatchReader<R> {
    reader: R,
    left: u64,
}

impl<R: Read> BatchReader<R> {
    /// The next batch, or what is wrong with it.
    fn next(&mut self, end: &ScanEnd, base_offset: i64) -> io::Result<Result<RecordBatch, String>> {
        let mut head = Vec::with_capacity(HEADER_BYTES);
        self.take(HEADER_BYTES as u64, &mut head)?;
        let size_bytes = match RecordBatchHeader::parse(&head) {
            Ok(header) => header.size_bytes(),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let body_bytes = (size_bytes - HEADER_BYTES) as u64;
        if body_bytes > self.left {
            return Ok(Err(format!("a record batch of {size_bytes} bytes is torn")));
        }
        // There are that many bytes, or the file shrinks while it is read.
        let mut bytes = Vec::with_capacity(size_bytes);
        bytes.extend_from_slice(&head);
        self.take(body_bytes, &mut bytes)?;
        Ok(check(bytes.into(), end, base_offset))
    }

    /// Adds the next `length` bytes to `bytes`, or as many as there are.
    fn take(&mut self, length: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let length = length.min(self.left);
        self.reader.by_ref().take(length).read_to_end(bytes)?;
        self.left -= length;
        Ok(())
    }
}

fn check(bytes: Bytes, end: &ScanEnd, base_offset: i64) -> Result<RecordBatch, String> {
    let (batch, _) = RecordBatch::parse(bytes).map_err(|error| error.to_string())?;
    batch.verify_checksum().map_err(|error| error.to_string())?;
    let header = batch.header();
    if header.base_offset < end.next_offset {
        return Err(format!("offset {} follows offset {}", header.base_offset, end.next_offset - 1));
    }
    if header.last_offset() - base_offset > i64::from(i32::MAX) {
        return Err(format!("offset {} is too far from the segment's first", header.last_offset()));
    }
    if end.valid_bytes > u64::from(u32::MAX) {
        return Err("the segment is larger than 4 GiB".into());
    }
    Ok(batch)
}

#[cfg(test)]
mod tests;
