//! One partition's log: an ordered run of segments. Called by `partition/` and by `cluster/` for the metadata log.
//!
//! One writer at a time, under a lock that is held for one write to the page cache; readers work on a [`View`] and
//! never wait for the writer. A flush runs beside both (`durable.rs`). Reads are in `lookup.rs`; deleting, compacting and the
//! flusher's queue in `upkeep/`.

mod durable;
mod transactions;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use kestrel_protocol::record::{RecordBatch, TimestampType};
use kestrel_protocol::{LeaderEpoch, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use super::append::{AppendContext, Appended};
use super::config::{Durability, LogConfig};
use super::data_dir::DataDir;
use super::disk::FileSync;
use super::error::{AppendError, LogError};
use super::flush::{FlushSide, OnFlushed};
use super::format::file_names::PartitionName;
use super::leader_epoch::{self, EpochEnd, LeaderEpochCache};
use super::loader::Loaded;
use super::producer_state::{ActiveProducer, LastBatches, RememberedBatch};
use super::segment::{Incoming, LogSegment, delete_files};
use super::upkeep::UpkeepSide;
use super::validator;
use super::view::{LogPosition, ReaderSide, View};
use super::writer::Writer;

/// One partition's log. Shared by `Arc`; every method may be called from any thread.
///
/// A thread takes its locks from left to right, and may leave some out:
///
/// ```text
///   upkeep (reshaping) ─► flush (running) ─► writer ─► epochs, data_dir.log_starts ─► reader and the lists of flush and upkeep
/// ```
///
/// The last ones are held for a few instructions and never while another one is taken. Only `reshaping` and `running` are held
/// while the disk syncs, but for a roll where the power may go.
#[derive(Debug)]
pub(crate) struct Log {
    /// This log as the flusher's queue holds it.
    me: Weak<Self>,
    name: PartitionName,
    dir: PathBuf,
    data_dir: Arc<DataDir>,
    config: Mutex<Arc<LogConfig>>,
    writer: Mutex<Writer>,
    epochs: Mutex<LeaderEpochCache>,
    reader: ReaderSide,
    flush: FlushSide,
    upkeep: UpkeepSide,
    closed: AtomicBool,
    deleted: AtomicBool,
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
        let finished_segments = loaded.unflushed_segments();
        let view = View {
            log_start_offset: loaded.log_start_offset,
            log_end_offset: loaded.next_offset,
            first_unstable_offset: loaded.producers.first_unstable_offset(),
            segments: loaded.segments.into(),
        };
        let snapshot_due = loaded.recovered && loaded.next_offset > 0;
        let writer = Writer::new(loaded.active, loaded.producers, loaded.next_offset, snapshot_due);
        let log = Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            dir: data_dir.path.join(name.dir_name()),
            name,
            data_dir,
            config: Mutex::new(Arc::new(config)),
            writer: Mutex::new(writer),
            epochs: Mutex::new(loaded.epochs),
            reader: ReaderSide::new(view),
            flush: FlushSide::new(loaded.flushed_end_offset, finished_segments),
            upkeep: UpkeepSide::new(loaded.log_start_offset),
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
        self.reader.ends().0
    }

    /// How many segments there are.
    pub(crate) fn segment_count(&self) -> usize {
        self.view().segments.len()
    }

    /// The offset that the next record gets.
    pub(crate) fn log_end_offset(&self) -> i64 {
        self.reader.ends().1
    }

    /// Everything below this offset is on the disk.
    pub(crate) fn flushed_end_offset(&self) -> i64 {
        self.flush.flushed_end_offset()
    }

    /// Where the log stands now.
    pub(crate) fn position(&self) -> LogPosition {
        // The flushed end first: read later, it could be above the end of the view.
        let flushed_end = self.flushed_end_offset();
        self.reader.position(flushed_end)
    }

    /// The settings.
    pub(crate) fn config(&self) -> Arc<LogConfig> {
        Arc::clone(&self.config.lock())
    }

    /// Replaces the settings, from the next append on.
    pub(crate) fn set_config(&self, config: LogConfig) {
        *self.config.lock() = Arc::new(config);
    }

    /// Sets who is called with the flushed end after each flush: from the flusher's thread, outside of the writer's lock. Once.
    pub(crate) fn on_flushed(&self, listener: OnFlushed) {
        self.flush.listen(listener);
    }

    /// Notes the high watermark, which the partition alone decides: retention and the cleaner stop there, and the checkpoint
    /// file holds it.
    pub(crate) fn note_high_watermark(&self, high_watermark: i64) {
        self.upkeep.note_high_watermark(high_watermark);
    }

    /// Appends whole record batches: to the page cache, in one write. Asks the flusher for a flush where the settings
    /// say so; [`Self::on_flushed`] tells when it is done.
    ///
    /// # Errors
    /// As [`AppendError`] says; then nothing was appended.
    pub(crate) fn append(&self, records: Bytes, context: AppendContext) -> Result<Appended, AppendError> {
        let config = self.config();
        let batches = validator::validate(records, &config, context, self.data_dir.validation)?;
        let writer = self.lock_writer()?;
        if let Some(original) = writer.find_original(&batches, context)? {
            return Ok(self.duplicate_of(original));
        }
        self.append_at_end(writer, &batches, &config, context)
    }

    /// Appends batches that are not in the log yet and lets go of the writer.
    fn append_at_end(
        &self,
        mut writer: MutexGuard<'_, Writer>,
        batches: &[RecordBatch],
        config: &LogConfig,
        context: AppendContext,
    ) -> Result<Appended, AppendError> {
        let base_offset = writer.next_offset();
        let rolled = self.append_new(&mut writer, batches, config, context)?;
        let last_offset = writer.next_offset() - 1;
        drop(writer);
        let (log_start_offset, log_end_offset) = self.reader.ends();
        let is_group = self.data_dir.durability == Durability::Group;
        if rolled || is_group || self.flush.has_many(log_end_offset, config) {
            self.request_flush();
        }
        let stamped = config.timestamp_type == TimestampType::LogAppend;
        let log_append_time = stamped.then_some(context.now);
        Ok(Appended { base_offset, last_offset, log_append_time, log_start_offset, duplicate: false })
    }

    /// The producers whose batches are known, by id.
    pub(crate) fn producers(&self) -> Vec<ActiveProducer> {
        self.writer.lock().producers.active()
    }

    /// Notes that a leader with `epoch` appends from the end of the log on: at the start of its leadership.
    pub(crate) fn assign_epoch(&self, epoch: LeaderEpoch) -> Result<(), LogError> {
        let writer = self.lock_writer()?;
        self.note_epoch(epoch, writer.next_offset())
    }

    /// Where `epoch` ends in this log (KIP-101).
    pub(crate) fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> EpochEnd {
        let log_end_offset = self.log_end_offset();
        self.epochs.lock().end_offset_for(epoch, log_end_offset)
    }

    /// The epoch of the leader that appended the record at `offset`; at the log end, the newest epoch.
    pub(crate) fn epoch_at(&self, offset: i64) -> Option<LeaderEpoch> {
        self.epochs.lock().epoch_at(offset)
    }

    /// Appends batches that are not in the log yet; whether a new segment was begun for them.
    fn append_new(
        &self,
        writer: &mut Writer,
        batches: &[RecordBatch],
        config: &LogConfig,
        context: AppendContext,
    ) -> Result<bool, AppendError> {
        let stored = writer.assign_offsets(batches, context.leader_epoch);
        let incoming = Incoming::of(&stored, context.now);
        let limit_bytes = config.segment_bytes as usize;
        if incoming.size_bytes > u64::from(config.segment_bytes) {
            let size_bytes = usize::try_from(incoming.size_bytes).unwrap_or(usize::MAX);
            return Err(AppendError::RecordListTooLarge { size_bytes, limit_bytes });
        }
        let rolls = writer.active().must_roll_before(incoming, config);
        if rolls {
            self.roll(writer, context.now)?;
        }
        let base_offset = writer.next_offset();
        self.note_epoch(context.leader_epoch, base_offset)?;
        let ended = self.guard(writer.write(batches, &stored, config, context.now))?;
        self.flush.note_append(base_offset, context.now);
        // Elsewhere what is in the page cache counts, and nobody would take it away again.
        let ended = ended.filter(|_| self.data_dir.durability == Durability::Group);
        self.reader.advance(writer.next_offset(), writer.producers.first_unstable_offset(), ended);
        Ok(rolls)
    }

    /// Finishes the active segment and begins a new one at the end of the log, with the producers as they are there.
    ///
    /// When syncing is required, the old segment is fully flushed before the new one exists. So no gap can be left between
    /// them, and a segment below the recovery point has its indexes and the producers that it begins with. After a
    /// [shortage](LogError::Short) the old segment is still the active one.
    pub(super) fn roll(&self, writer: &mut Writer, now: Timestamp) -> Result<(), LogError> {
        self.guard(self.begin_segment_at_end(writer, now))
    }

    fn begin_segment_at_end(&self, writer: &mut Writer, now: Timestamp) -> Result<(), LogError> {
        let sync = self.data_dir.sync();
        writer.active().finish()?;
        if sync == FileSync::Yes {
            writer.active().segment().sync_log()?;
            writer.active().segment().sync_indexes()?;
        }
        writer.write_snapshot(&self.dir, sync)?;
        let segment = LogSegment::create(&self.dir, writer.next_offset()).map_err(|error| {
            self.flush.note_dir_change();
            error.undone(delete_files(&self.dir, writer.next_offset()))
        });
        let segment = Arc::new(segment?);
        let finished = writer.begin_segment(Arc::clone(&segment), now)?;
        finished.release();
        if sync == FileSync::No {
            self.flush.note_finished(finished);
        }
        self.flush.note_dir_change();
        self.reader.add_segment(segment);
        Ok(())
    }

    fn note_epoch(&self, epoch: LeaderEpoch, start_offset: i64) -> Result<(), LogError> {
        let mut epochs = self.epochs.lock();
        let Some(assigned) = epochs.with(epoch, start_offset) else { return Ok(()) };
        // Known once it is written: what a reader learns of an epoch holds after a crash.
        self.guard(assigned.write(&leader_epoch::checkpoint_path(&self.dir), self.data_dir.sync()))?;
        *epochs = assigned;
        Ok(())
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

/// The doors for reads and upkeep.
impl Log {
    /// The partition's name.
    pub(super) const fn name(&self) -> &PartitionName {
        &self.name
    }

    /// The name of the partition's folder.
    pub(super) fn dir_name(&self) -> String {
        self.name.dir_name()
    }

    /// The partition's folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The state that the logs of the data folder share.
    pub(super) fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }

    /// How far upkeep may go, what it has deleted, and its lock.
    pub(super) const fn upkeep(&self) -> &UpkeepSide {
        &self.upkeep
    }

    /// The view that a reader gets now.
    pub(super) fn view(&self) -> View {
        self.reader.view()
    }

    /// Changes what readers see, with the writer kept from it.
    pub(super) fn change_view(&self, _writer: &mut Writer, change: impl FnOnce(&mut View)) {
        let mut view = self.view();
        change(&mut view);
        self.reader.publish(view);
    }

    /// The last batch of each producer.
    pub(super) fn last_batches(&self) -> LastBatches {
        self.writer.lock().producers.last_batches()
    }

    /// Lets the next flush include the names in the folder.
    pub(super) fn note_dir_change(&self) {
        self.flush.note_dir_change();
    }

    /// Fails once the log is closed.
    pub(super) fn check_open(&self) -> Result<(), LogError> {
        if self.closed.load(Ordering::Acquire) { Err(LogError::Closed) } else { Ok(()) }
    }

    /// The writer's lock, whether the log is in service or not.
    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock()
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

    /// Forgets the epochs that end at the log start or before.
    pub(super) fn forget_epochs_below(&self, log_start_offset: i64) -> Result<(), LogError> {
        let mut epochs = self.epochs.lock();
        if !epochs.truncate_from_start(log_start_offset) {
            return Ok(());
        }
        self.guard(epochs.write(&leader_epoch::checkpoint_path(&self.dir), self.data_dir.sync()))
    }
}
