//! One partition's log: an ordered run of segments. Called by `partition/` and by `cluster/` for the metadata log.
//!
//! One writer at a time, under a lock that is held for one write to the page cache; readers work on a [`View`] and
//! never wait for the writer. A flush runs beside both. Where things are read and looked up: `lookup.rs`; what is deleted:
//! `retention.rs`.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use kestrel_protocol::record::{RecordBatch, RecordBatchHeader, TimestampType};
use kestrel_protocol::{LeaderEpoch, ProducerId, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use super::config::{Durability, LogConfig};
use super::data_dir::DataDir;
use super::disk::Sync;
use super::error::{AppendError, LogError};
use super::file_names::{PartitionName, SNAPSHOT_SUFFIX, segment_file};
use super::leader_epoch::{self, LeaderEpochCache};
use super::loader::Loaded;
use super::producer_state::{ProducerState, RememberedBatch, Verdict};
use super::retention::RetiredSegment;
use super::scan;
use super::segment::{ActiveSegment, Incoming, LogSegment, StoredBatch, delete_files};
use super::validator;

/// Who appends; what is allowed follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOrigin {
    /// A producer: exactly one batch, no control records, everything checked.
    Client,
    /// The controller, writing the metadata log: one or more batches, control records allowed.
    Controller,
    /// A coordinator, writing its state: one or more batches.
    Coordinator,
}

/// What an append is told beside the records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendContext {
    /// The epoch of the leader that appends; stamped on each batch.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The time at which it happens.
    pub(crate) now: Timestamp,
    /// Who asked for it.
    pub(crate) origin: AppendOrigin,
}

/// Where records went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The offset of the first record.
    pub(crate) base_offset: i64,
    /// The offset of the last record.
    pub(crate) last_offset: i64,
    /// The broker's timestamp of the records, if it set one (or, for a duplicate, that of the original).
    pub(crate) log_append_time: Option<Timestamp>,
    /// The first offset of the log.
    pub(crate) log_start_offset: i64,
    /// Whether the records had been appended before: nothing was written, the offsets are the original ones.
    pub(crate) duplicate: bool,
}

/// One partition's log. Shared by `Arc`; every method may be called from any thread.
#[derive(Debug)]
pub(crate) struct Log {
    /// This log as the flusher holds it.
    pub(super) me: Weak<Self>,
    name: PartitionName,
    pub(super) dir: PathBuf,
    pub(super) data_dir: Arc<DataDir>,
    config: Mutex<Arc<LogConfig>>,
    pub(super) writer: Mutex<Writer>,
    view: Mutex<View>,
    pub(super) epochs: Mutex<LeaderEpochCache>,
    /// Held while old segments are deleted or replaced: one at a time. Taken before the writer's lock.
    pub(super) reshaping: Mutex<()>,
    /// Held while a flush runs: one at a time.
    pub(super) flushing: Mutex<()>,
    /// Segments that were finished and not flushed as a whole since.
    pub(super) unflushed_segments: Mutex<Vec<Arc<LogSegment>>>,
    /// Segments that were deleted and wait to be unlinked.
    pub(super) retired_segments: Mutex<Vec<RetiredSegment>>,
    /// Whether files were created, renamed or deleted since the last flush.
    pub(super) dir_changed: AtomicBool,
    pub(super) flushed_end_offset: AtomicI64,
    /// The time of the first append that is not flushed, in milliseconds since 1970.
    pub(super) unflushed_since: AtomicI64,
    pub(super) flush_queued: AtomicBool,
    /// Whether a flush could not be done for a shortage: the next tick asks for another.
    pub(super) flush_again: AtomicBool,
    pub(super) on_flushed: OnceLock<Listener>,
    high_watermark: AtomicI64,
    pub(super) closed: AtomicBool,
    pub(super) deleted: AtomicBool,
}

/// What the writer's lock protects.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) active: ActiveSegment,
    pub(super) producers: ProducerState,
    pub(super) next_offset: i64,
    /// Whether anything was appended that the producer snapshot at the log's end lacks.
    pub(super) snapshot_due: bool,
}

/// What a reader sees of the log at one moment.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) segments: Arc<[Arc<LogSegment>]>,
    pub(super) log_start_offset: i64,
    pub(super) log_end_offset: i64,
    pub(super) first_unstable_offset: Option<i64>,
}

pub(super) struct Listener(pub(super) Box<dyn Fn(i64) + Send + std::marker::Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

impl Log {
    /// A log of what was loaded. What recovery may have found in the page cache only is flushed, with group durability
    /// before anyone may rely on it.
    pub(super) fn new(
        name: PartitionName,
        data_dir: Arc<DataDir>,
        config: LogConfig,
        loaded: Loaded,
    ) -> Result<Arc<Self>, LogError> {
        let dir = data_dir.path.join(name.dir_name());
        let unflushed_segments = loaded.unflushed_segments();
        let view = View {
            log_start_offset: loaded.log_start_offset,
            log_end_offset: loaded.next_offset,
            first_unstable_offset: loaded.producers.first_unstable_offset(),
            segments: loaded.segments.into(),
        };
        let writer = Writer {
            active: loaded.active,
            producers: loaded.producers,
            next_offset: loaded.next_offset,
            snapshot_due: loaded.recovered && loaded.next_offset > 0,
        };
        let log = Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            name,
            dir,
            data_dir,
            config: Mutex::new(Arc::new(config)),
            writer: Mutex::new(writer),
            view: Mutex::new(view),
            epochs: Mutex::new(loaded.epochs),
            reshaping: Mutex::new(()),
            flushing: Mutex::new(()),
            unflushed_segments: Mutex::new(unflushed_segments),
            retired_segments: Mutex::default(),
            dir_changed: AtomicBool::new(true),
            flushed_end_offset: AtomicI64::new(loaded.flushed_end_offset),
            unflushed_since: AtomicI64::new(i64::MAX),
            flush_queued: AtomicBool::new(false),
            flush_again: AtomicBool::new(false),
            on_flushed: OnceLock::new(),
            high_watermark: AtomicI64::new(loaded.log_start_offset),
            closed: AtomicBool::new(false),
            deleted: AtomicBool::new(false),
        });
        match log.data_dir.durability {
            _ if !loaded.recovered => {}
            Durability::Group => _ = log.flush()?,
            Durability::Os | Durability::Interval => log.request_flush(),
        }
        Ok(log)
    }

    /// The first offset that can be read.
    pub(crate) fn log_start_offset(&self) -> i64 {
        self.view.lock().log_start_offset
    }

    /// The offset that the next record gets.
    pub(crate) fn log_end_offset(&self) -> i64 {
        self.view.lock().log_end_offset
    }

    /// Everything below this offset is on the disk.
    pub(crate) fn flushed_end_offset(&self) -> i64 {
        self.flushed_end_offset.load(Ordering::Acquire)
    }

    /// The first offset of the oldest open transaction, if one is open.
    pub(crate) fn first_unstable_offset(&self) -> Option<i64> {
        self.view.lock().first_unstable_offset
    }

    /// The open transactions: where each began, and whose it is.
    pub(crate) fn open_transactions(&self) -> Vec<(i64, ProducerId)> {
        self.writer.lock().producers.open_transactions().collect()
    }

    /// The settings.
    pub(crate) fn config(&self) -> Arc<LogConfig> {
        Arc::clone(&self.config.lock())
    }

    /// Replaces the settings, from the next append on.
    pub(crate) fn set_config(&self, config: LogConfig) {
        *self.config.lock() = Arc::new(config);
    }

    /// Called with the flushed end after each flush: from the flusher's thread, outside of the log's locks. Set once.
    pub(crate) fn on_flushed(&self, listener: Box<dyn Fn(i64) + Send + std::marker::Sync>) {
        let first = self.on_flushed.set(Listener(listener)).is_ok();
        assert!(first, "a log has one flush listener");
    }

    /// Remembers the high watermark for the checkpoint file.
    pub(crate) fn note_high_watermark(&self, high_watermark: i64) {
        self.high_watermark.store(high_watermark, Ordering::Release);
    }

    /// The high watermark as it was noted last.
    pub(super) fn noted_high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// The partition's name.
    pub(super) const fn name(&self) -> &PartitionName {
        &self.name
    }

    /// The name of the partition's folder.
    pub(super) fn dir_name(&self) -> String {
        self.name.dir_name()
    }

    /// Appends whole record batches: to the page cache, in one write. Asks the flusher for a flush where the settings
    /// say so; [`Self::on_flushed`] tells when it is done.
    ///
    /// # Errors
    /// As [`AppendError`] says; then nothing was appended.
    pub(crate) fn append(&self, records: Bytes, context: AppendContext) -> Result<Appended, AppendError> {
        let config = self.config();
        let batches = validator::validate(records, &config, context, self.data_dir.validation)?;
        let mut writer = self.lock_writer()?;
        if let Some(original) = find_original(&writer.producers, &batches, context)? {
            return Ok(self.duplicate_of(original));
        }
        let base_offset = writer.next_offset;
        let rolled = self.append_new(&mut writer, &batches, &config, context)?;
        let last_offset = writer.next_offset - 1;
        drop(writer);
        self.request_flush_if_due(&config, rolled);
        let stamped = config.timestamp_type == TimestampType::LogAppend;
        Ok(Appended {
            base_offset,
            last_offset,
            log_append_time: stamped.then_some(context.now),
            log_start_offset: self.log_start_offset(),
            duplicate: false,
        })
    }

    /// Notes that a leader with `epoch` appends from the end of the log on: at the start of its leadership.
    pub(crate) fn assign_epoch(&self, epoch: LeaderEpoch) -> Result<(), LogError> {
        let writer = self.lock_writer()?;
        self.note_epoch(epoch, writer.next_offset)
    }

    /// What a reader sees now.
    pub(super) fn view(&self) -> View {
        self.view.lock().clone()
    }

    /// Replaces what readers see; to be called with the writer's lock.
    pub(super) fn publish(&self, view: View) {
        *self.view.lock() = view;
    }

    /// Lets the next flush include the names in the folder.
    pub(super) fn note_dir_change(&self) {
        self.dir_changed.store(true, Ordering::Release);
    }

    /// Fails once the log is closed.
    pub(super) fn check_open(&self) -> Result<(), LogError> {
        if self.closed.load(Ordering::Acquire) { Err(LogError::Closed) } else { Ok(()) }
    }

    /// The writer's lock, if the log is in service.
    pub(super) fn lock_writer(&self) -> Result<MutexGuard<'_, Writer>, LogError> {
        let writer = self.writer.lock();
        self.check_open()?;
        self.data_dir.poison.check()?;
        Ok(writer)
    }

    /// Takes the data folder out of service when the disk failed.
    pub(super) fn guard<T>(&self, result: Result<T, LogError>) -> Result<T, LogError> {
        self.data_dir.guard(result)
    }

    /// Appends batches that are not in the log yet; whether a new segment was begun for them.
    fn append_new(
        &self,
        writer: &mut Writer,
        batches: &[RecordBatch],
        config: &LogConfig,
        context: AppendContext,
    ) -> Result<bool, AppendError> {
        let stored = assign_offsets(batches, writer.next_offset, context.leader_epoch);
        let incoming = Incoming::of(&stored, context.now);
        let limit_bytes = config.segment_bytes as usize;
        if incoming.size_bytes > u64::from(config.segment_bytes) {
            let size_bytes = usize::try_from(incoming.size_bytes).unwrap_or(usize::MAX);
            return Err(AppendError::RecordListTooLarge { size_bytes, limit_bytes });
        }
        let rolls = writer.active.must_roll_before(incoming, config);
        if rolls {
            self.guard(self.roll(writer, context.now))?;
        }
        self.note_epoch(context.leader_epoch, writer.next_offset)?;
        self.guard(writer.active.append(&stored, config))?;
        for (batch, stored) in batches.iter().zip(&stored) {
            let marker = scan::marker_of(batch);
            if let Some(aborted) = writer.producers.replay(&stored.header, marker, context.now) {
                // Without its entry the records would be shown to who asked for committed ones.
                let noted = writer.active.segment().note_aborted(aborted);
                self.guard(noted.map_err(LogError::not_undone))?;
            }
        }
        self.note_unflushed(writer.next_offset, context.now);
        writer.next_offset = incoming.last_offset + 1;
        writer.snapshot_due = true;
        let mut view = self.view.lock();
        view.log_end_offset = writer.next_offset;
        view.first_unstable_offset = writer.producers.first_unstable_offset();
        Ok(rolls)
    }

    /// Finishes the active segment and begins a new one at the end of the log, with the producers as they are there.
    ///
    /// Where the power may go, all of the old one is on the disk before there is a new one. So no gap can be left between
    /// them, and a segment below the recovery point has its indexes and the producers that it begins with. After a
    /// [shortage](LogError::Short) the old segment is still the active one.
    pub(super) fn roll(&self, writer: &mut Writer, now: Timestamp) -> Result<(), LogError> {
        let sync = self.data_dir.sync();
        writer.active.finish()?;
        if sync == Sync::Yes {
            writer.active.segment().sync_log()?;
            writer.active.segment().sync_indexes()?;
        }
        self.write_snapshot(&writer.producers, writer.next_offset, sync)?;
        let segment = LogSegment::create(&self.dir, writer.next_offset).map_err(|error| {
            self.note_dir_change();
            error.undone(delete_files(&self.dir, writer.next_offset))
        });
        let segment = Arc::new(segment?);
        let active = ActiveSegment::new(Arc::clone(&segment), now)?;
        let finished = Arc::clone(std::mem::replace(&mut writer.active, active).segment());
        finished.release();
        if sync == Sync::No {
            self.unflushed_segments.lock().push(finished);
        }
        self.note_dir_change();
        let mut view = self.view.lock();
        view.segments = view.segments.iter().cloned().chain([segment]).collect();
        Ok(())
    }

    /// Writes the producers as they are at `offset`.
    pub(super) fn write_snapshot(
        &self,
        producers: &ProducerState,
        offset: i64,
        sync: Sync,
    ) -> Result<(), LogError> {
        producers.write_snapshot(&segment_file(&self.dir, offset, SNAPSHOT_SUFFIX), sync)
    }

    fn note_epoch(&self, epoch: LeaderEpoch, start_offset: i64) -> Result<(), LogError> {
        let mut epochs = self.epochs.lock();
        let before = epochs.clone();
        if !epochs.assign(epoch, start_offset) {
            return Ok(());
        }
        let written =
            self.guard(epochs.write(&leader_epoch::checkpoint_path(&self.dir), self.data_dir.sync()));
        if written.is_err() {
            *epochs = before;
        }
        written
    }

    fn duplicate_of(&self, original: RememberedBatch) -> Appended {
        Appended {
            base_offset: original.base_offset(),
            last_offset: original.last_offset(),
            log_append_time: Some(original.timestamp()),
            log_start_offset: self.log_start_offset(),
            duplicate: true,
        }
    }
}

impl View {
    /// The error for an offset that the log does not have.
    pub(super) fn out_of_range(&self, offset: i64) -> LogError {
        let (log_start_offset, log_end_offset) = (self.log_start_offset, self.log_end_offset);
        LogError::OffsetOutOfRange { offset, log_start_offset, log_end_offset }
    }
}

impl Incoming {
    fn of(batches: &[StoredBatch], now: Timestamp) -> Self {
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

/// Asks the producers' state about what a client sent; the original, if it is in the log already.
fn find_original(
    producers: &ProducerState,
    batches: &[RecordBatch],
    context: AppendContext,
) -> Result<Option<RememberedBatch>, AppendError> {
    if context.origin != AppendOrigin::Client {
        return Ok(None);
    }
    for batch in batches {
        if let Verdict::Duplicate(original) = producers.check(batch.header())? {
            return Ok(Some(original));
        }
    }
    Ok(None)
}

/// Gives the batches consecutive offsets from `next_offset` on.
fn assign_offsets(
    batches: &[RecordBatch],
    mut next_offset: i64,
    leader_epoch: LeaderEpoch,
) -> Vec<StoredBatch> {
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
