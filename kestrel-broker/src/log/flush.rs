//! Making a log durable: the flush that runs beside writer and readers, when one is due, and the two ends of a log.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kestrel_protocol::Timestamp;

use super::config::{Durability, LogConfig};
use super::disk::{self, Sync};
use super::error::LogError;
use super::log::{Listener, Log, View};
use super::segment::{LogSegment, is_gone};

impl Log {
    /// Writes everything appended so far to the disk; gives the flushed end.
    ///
    /// # Errors
    /// A failed flush is final: [`LogError::Io`] once, [`LogError::Poisoned`] from then on. [`LogError::Short`] when it could
    /// not be begun; it is tried again later then.
    pub(crate) fn flush(&self) -> Result<i64, LogError> {
        let one_at_a_time = self.flushing.lock();
        self.data_dir.poison.check()?;
        if self.deleted.load(Ordering::Acquire) {
            return Ok(self.flushed_end_offset());
        }
        // First what the readers see, then the finished segments: a segment is put there before it is no longer the
        // last one that readers see.
        let view = self.view();
        let finished = std::mem::take(&mut *self.unflushed_segments.lock());
        if finished.is_empty() && view.log_end_offset == self.flushed_end_offset() {
            return Ok(view.log_end_offset);
        }
        self.unflushed_since.store(i64::MAX, Ordering::Release);
        if let Err(error) = self.guard(self.sync_segments(&view, &finished)) {
            // Where nothing could be opened, nothing was synced, and nothing is lost.
            self.unflushed_segments.lock().extend(finished);
            self.note_dir_change();
            self.flush_again.store(true, Ordering::Release);
            return Err(error);
        }
        self.flushed_end_offset.store(view.log_end_offset, Ordering::Release);
        drop(one_at_a_time);
        if let Some(Listener(listener)) = self.on_flushed.get() {
            listener(view.log_end_offset);
        }
        Ok(view.log_end_offset)
    }

    /// Asks for a flush when `flush.ms` has passed since the first append that is not flushed, forgets producers that
    /// were idle too long, and unlinks deleted segments whose time has come.
    pub(super) fn tick(&self, now: Timestamp) {
        if self.flush_again.swap(false, Ordering::AcqRel) {
            self.request_flush();
        }
        if let Some(interval) = self.config().flush_interval {
            let since = Timestamp::from_millis(self.unflushed_since.load(Ordering::Acquire));
            if since.saturating_add(interval) <= now {
                self.request_flush();
            }
        }
        self.writer.lock().producers.remove_expired(now, self.data_dir.producer_id_expiration);
        self.unlink_retired(now);
    }

    /// The clean end: everything on the disk, with a producer snapshot at the log's end. Nothing can be done afterwards.
    pub(super) fn close(&self) -> Result<(), LogError> {
        let _no_swap_runs = self.reshaping.lock();
        let mut writer = self.lock_writer()?;
        self.closed.store(true, Ordering::Release);
        self.guard(writer.active.finish())?;
        let active = Arc::clone(writer.active.segment());
        if writer.snapshot_due {
            self.guard(self.write_snapshot(&writer.producers, writer.next_offset, Sync::Yes))?;
            writer.snapshot_due = false;
            self.guard(active.sync_indexes())?;
            self.dir_changed.store(true, Ordering::Release);
        }
        drop(writer);
        self.flush()?;
        active.release();
        Ok(())
    }

    /// Takes the log out of service without writing anything: its folder is about to be renamed. Waits for a flush
    /// that runs, and for segments that are being replaced.
    pub(super) fn abandon(&self) {
        let _no_swap_runs = self.reshaping.lock();
        let writer = self.writer.lock();
        self.closed.store(true, Ordering::Release);
        writer.active.segment().release();
        drop(writer);
        let _no_flush_runs = self.flushing.lock();
        self.deleted.store(true, Ordering::Release);
    }

    /// Notes when the first append after a flush came.
    pub(super) fn note_unflushed(&self, base_offset: i64, now: Timestamp) {
        if self.flushed_end_offset() >= base_offset {
            self.unflushed_since.store(now.as_millis(), Ordering::Release);
        }
    }

    /// Asks for a flush if the settings or the durability want one now.
    pub(super) fn request_flush_if_due(&self, config: &LogConfig, rolled: bool) {
        let waiting = u64::try_from(self.log_end_offset() - self.flushed_end_offset()).unwrap_or(0);
        let many = config.flush_messages.is_some_and(|most| waiting >= most);
        if rolled || many || self.data_dir.durability == Durability::Group {
            self.request_flush();
        }
    }

    /// Asks for a flush.
    pub(super) fn request_flush(&self) {
        if let Some(me) = self.me.upgrade() {
            self.data_dir.flush_queue.request(me);
        }
    }

    fn sync_segments(&self, view: &View, finished: &[Arc<LogSegment>]) -> Result<(), LogError> {
        for segment in finished {
            self.unless_deleted(segment, segment.sync_log().and_then(|()| segment.sync_indexes()))?;
        }
        if let Some(active) = view.segments.last() {
            self.unless_deleted(active, active.sync_log())?;
        }
        if self.dir_changed.swap(false, Ordering::AcqRel) {
            disk::sync_dir(&self.dir, Sync::Yes)?;
        }
        Ok(())
    }

    /// The result, but for a file that is missing because its segment is no part of the log by now.
    fn unless_deleted(&self, segment: &LogSegment, result: Result<(), LogError>) -> Result<(), LogError> {
        match result {
            Err(error) if is_gone(&error) && !self.has_segment(segment) => Ok(()),
            result => result,
        }
    }

    fn has_segment(&self, segment: &LogSegment) -> bool {
        self.view().segments.iter().any(|one| std::ptr::eq(&raw const **one, segment))
    }
}
