//! CompletedFetch: the batches that one fetch brought for one partition, opened one at a time in the caller's task.
//!
//! The driver makes it after a look at the batch headers; checksum and decompression wait until a batch's first record is
//! wanted. Its position moves only when a record is handed out, or when there was nothing to hand out: control
//! batches, aborted transactions, and batches that compaction has emptied.

use std::ops::AddAssign;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kestrel_protocol::messages::fetch::AbortedTransaction;
use kestrel_protocol::record::{Compression, RecordBatch, RecordBatches, Records};
use kestrel_protocol::{DecodeError, LeaderEpoch};

use super::aborted::AbortedTransactions;
use crate::acks::PartitionAcks;
use crate::consumer::position::{FetchPosition, PositionId};
use crate::reader::{OpenBatch, known_epoch};

/// The least that an answer counts for, so that many tiny ones are bounded too.
const OVERHEAD_BYTES: usize = 1024;
/// A slice is copied out of a frame that is this many times larger when it may stay for long.
const DETACH_RATIO: usize = 2;

/// Options for opening batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenOptions {
    pub(crate) check_crcs: bool,
    pub(crate) max_decompressed_batch_bytes: usize,
}

/// The records that a broker sent for one partition.
#[derive(Debug)]
pub(crate) struct FetchedRecords {
    pub(crate) position_id: PositionId,
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    /// The offset that was asked for.
    pub(crate) position: FetchPosition,
    pub(crate) records: Bytes,
    /// With `read_committed`, the transactions to skip.
    pub(crate) aborted: Option<Vec<AbortedTransaction>>,
    /// The size of the whole answer: a slice of it keeps so much in memory.
    pub(crate) frame_bytes: usize,
}

/// A batch that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The offset that was to be handed out next.
    pub(crate) offset: i64,
    /// The offset after the batch, as far as its header can be believed.
    pub(crate) next_offset: i64,
    pub(crate) cause: DecodeError,
}

/// The whole batches of an answer, handed out bit by bit.
#[derive(Debug)]
pub(crate) struct CompletedFetch {
    pub(crate) position_id: PositionId,
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    /// Counts the records that are handed out, when the caller acks each of them.
    pub(crate) acks: Option<Arc<PartitionAcks>>,
    unopened: RecordBatches,
    open: Option<OpenBatch>,
    aborted: Option<AbortedTransactions>,
    /// Set when a batch could not be opened: there is no way past it.
    failed: Option<Damage>,
    next_offset: i64,
    end: FetchPosition,
    /// The end of the range that is read: nothing from there on is handed out.
    range_end: i64,
    epochs: Arc<[EpochStart]>,
    size_bytes: usize,
    frame_bytes: usize,
    /// The batches of which at least one record was handed out.
    begun: Begun,
    is_open_begun: bool,
    /// The size of the open batch, compressed as it came.
    open_bytes: usize,
}

/// From which offset on a run's batches were appended in an epoch.
pub(crate) type EpochStart = (i64, Option<LeaderEpoch>);

/// The result of a look at the batch headers of an answer.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The whole batches, when there is at least one.
    pub(crate) fetch: Option<Box<CompletedFetch>>,
    /// The damage after them, if there is any.
    pub(crate) damage: Option<Damage>,
    /// Whether the answer has bytes, but not one whole batch.
    pub(crate) is_torn_only: bool,
    pub(crate) brought: Brought,
}

/// The size of an answer, as its batches' headers say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    /// The partitions that had a whole batch.
    pub(crate) partitions: usize,
    pub(crate) batches: usize,
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// How much of a run the caller has begun with: whole batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) records: usize,
    /// Compressed as they came.
    pub(crate) bytes: usize,
}

impl Begun {
    pub(crate) const NOTHING: Self = Self { records: 0, bytes: 0 };

    /// What has come to `earlier`.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self { records: self.records - earlier.records, bytes: self.bytes - earlier.bytes }
    }
}

impl AddAssign for Brought {
    fn add_assign(&mut self, more: Self) {
        self.partitions += more.partitions;
        self.batches += more.batches;
        self.records += more.records;
        self.bytes += more.bytes;
    }
}

impl CompletedFetch {
    /// Looks at the batch headers: how far the answer reaches, and where it is damaged. A torn last batch is no damage.
    pub(crate) fn scan(fetched: FetchedRecords) -> Scan {
        let mut end = fetched.position;
        let mut batches = RecordBatches::new(fetched.records.clone());
        let mut damage = None;
        let mut epochs = Vec::new();
        let mut brought = Brought::default();
        for batch in &mut batches {
            match batch {
                Ok(batch) => {
                    let header = batch.header();
                    brought.batches += 1;
                    brought.records += usize::try_from(header.record_count).unwrap_or_default();
                    note_epoch(&mut epochs, header.base_offset, known_epoch(header.partition_leader_epoch));
                    end = FetchPosition {
                        offset: end.offset.max(header.next_offset()),
                        epoch: known_epoch(header.partition_leader_epoch).or(end.epoch),
                    };
                }
                Err(cause) => {
                    damage =
                        Some(Damage { offset: end.offset, next_offset: end.offset.saturating_add(1), cause });
                }
            }
        }
        let whole_bytes = fetched.records.len() - batches.rest().len();
        (brought.partitions, brought.bytes) = (usize::from(whole_bytes > 0), whole_bytes);
        let is_torn_only = whole_bytes == 0 && !fetched.records.is_empty() && damage.is_none();
        let fetch = (whole_bytes > 0).then(|| {
            Box::new(Self {
                position_id: fetched.position_id,
                topic: fetched.topic,
                partition: fetched.partition,
                acks: None,
                unopened: RecordBatches::new(fetched.records.slice(..whole_bytes)),
                open: None,
                aborted: fetched.aborted.map(AbortedTransactions::new),
                failed: None,
                next_offset: fetched.position.offset,
                end,
                range_end: i64::MAX,
                epochs: epochs.into(),
                size_bytes: whole_bytes.max(OVERHEAD_BYTES),
                frame_bytes: fetched.frame_bytes,
                begun: Begun::NOTHING,
                is_open_begun: false,
                open_bytes: 0,
            })
        });
        Scan { fetch, damage, is_torn_only, brought }
    }

    /// Hands out nothing from `range_end` on, and ends there.
    pub(crate) fn end_at(&mut self, range_end: i64) {
        self.range_end = range_end;
        self.end.offset = self.end.offset.min(range_end);
    }

    /// The offset that is handed out next, or a later one.
    pub(crate) const fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The position at which the next fetch begins.
    pub(crate) const fn end(&self) -> FetchPosition {
        self.end
    }

    /// The epochs of the run's batches, in order; mostly there is one.
    pub(crate) const fn epochs(&self) -> &Arc<[EpochStart]> {
        &self.epochs
    }

    /// The bytes that this counts for in the buffer.
    pub(crate) const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The position to go on from when what has not been handed out is given up.
    pub(crate) fn position(&self) -> FetchPosition {
        let epoch = self.open.as_ref().and_then(|batch| batch.leader_epoch).or(self.end.epoch);
        FetchPosition { offset: self.next_offset, epoch }
    }

    /// The batch that the next record comes from, opened if it was not yet; `None` when all was handed out.
    ///
    /// Its first record is the next to hand out: those below the position are skipped already.
    pub(crate) fn open_batch(&mut self, options: OpenOptions) -> Result<Option<&mut OpenBatch>, Damage> {
        if let Some(damage) = self.failed {
            return Err(damage);
        }
        loop {
            match &self.open {
                Some(batch) if batch.has_more() => break,
                Some(batch) => {
                    let end_offset = batch.end_offset;
                    self.pass(end_offset);
                    self.open = None;
                }
                None if self.next_offset >= self.range_end => return Ok(None),
                None => match self.unopened.next() {
                    None => return Ok(self.finish()),
                    Some(batch) => {
                        self.try_open(batch, options).inspect_err(|&damage| self.failed = Some(damage))?;
                    }
                },
            }
        }
        Ok(self.open.as_mut())
    }

    /// The batch that [`Self::open_batch`] has opened.
    pub(crate) const fn open(&self) -> Option<&OpenBatch> {
        self.open.as_ref()
    }

    fn finish(&mut self) -> Option<&mut OpenBatch> {
        self.pass(self.end.offset);
        None
    }

    /// All before `offset` was handed out, or is none of the caller's business.
    fn pass(&mut self, offset: i64) {
        self.next_offset = self.next_offset.max(offset.min(self.range_end));
    }

    /// Opens `batch`, or moves the position past it when it has nothing for the caller.
    fn try_open(
        &mut self,
        batch: Result<RecordBatch, DecodeError>,
        options: OpenOptions,
    ) -> Result<(), Damage> {
        let batch = &batch.map_err(|cause| self.damage(self.next_offset.saturating_add(1), cause))?;
        let header = batch.header();
        let end_offset = header.next_offset();
        let offset = self.next_offset;
        let damage = |cause| Damage { offset, next_offset: end_offset, cause };
        let is_aborted = match &mut self.aborted {
            Some(aborted) => aborted.is_aborted(batch).map_err(damage)?,
            None => false,
        };
        if is_aborted || header.is_control() || end_offset <= self.next_offset {
            self.pass(end_offset);
            return Ok(());
        }
        if options.check_crcs {
            batch.verify_checksum().map_err(damage)?;
        }
        let mut records = batch.records(options.max_decompressed_batch_bytes).map_err(damage)?;
        skip_before(&mut records, self.next_offset);
        let is_in_frame = header.compression() == Ok(Compression::None);
        self.is_open_begun = false;
        self.open_bytes = batch.bytes().len();
        self.open = Some(OpenBatch {
            leader_epoch: known_epoch(header.partition_leader_epoch),
            pinned_bytes: if is_in_frame { self.frame_bytes } else { records.data().len() },
            end_offset,
            range_end: self.range_end,
            passed: Vec::new(),
            records,
        });
        Ok(())
    }

    /// The batches that the caller has begun with.
    pub(crate) const fn begun(&self) -> Begun {
        self.begun
    }

    /// The record with `offset` was handed out.
    pub(crate) fn hand_out(&mut self, offset: i64) {
        if !self.is_open_begun {
            self.is_open_begun = true;
            self.begun.records += 1 + self.open.as_ref().map_or(0, OpenBatch::len);
            self.begun.bytes += self.open_bytes;
        }
        self.next_offset = self.next_offset.max(offset.saturating_add(1));
    }

    /// Passes the next record, which was not read further than that it cannot be.
    pub(crate) fn pass_record(&mut self, offset: i64) {
        if let Some(batch) = &mut self.open {
            batch.records.next_view();
        }
        self.hand_out(offset);
    }

    /// Hands out the rest of the open batch at once.
    pub(crate) fn take_open(&mut self) -> Option<OpenBatch> {
        let batch = self.open.take()?;
        if !self.is_open_begun {
            self.begun.records += batch.len();
            self.begun.bytes += self.open_bytes;
        }
        self.pass(batch.end_offset);
        Some(batch)
    }

    /// Describes the damage of a record in the open batch.
    pub(crate) fn damage_in_open(&self, cause: DecodeError) -> Damage {
        let end =
            self.open.as_ref().map_or_else(|| self.next_offset.saturating_add(1), |batch| batch.end_offset);
        self.damage(end, cause)
    }

    const fn damage(&self, next_offset: i64, cause: DecodeError) -> Damage {
        Damage { offset: self.next_offset, next_offset, cause }
    }

    /// Copies the unopened batches when they keep a much larger frame in memory: for a partition that is paused.
    pub(crate) fn detach(&mut self) {
        let rest = self.unopened.rest();
        if rest.len() * DETACH_RATIO <= self.frame_bytes {
            self.frame_bytes = rest.len();
            self.unopened = RecordBatches::new(BytesMut::from(&rest[..]).freeze());
        }
    }
}

fn note_epoch(epochs: &mut Vec<EpochStart>, base_offset: i64, epoch: Option<LeaderEpoch>) {
    if epochs.last().is_none_or(|&(_, last)| last != epoch) {
        epochs.push((base_offset, epoch));
    }
}

/// Moves past the records below `offset`. A record that cannot be read stays: it is reported when it is its turn.
fn skip_before(records: &mut Records, offset: i64) {
    loop {
        let mark = records.mark();
        match records.next_view() {
            Some(Ok(record)) if record.offset < offset => {}
            _ => return records.rewind(mark),
        }
    }
}

#[cfg(test)]
mod tests;
