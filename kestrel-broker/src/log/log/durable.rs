//! Making a log durable: the flush that runs beside writer and readers, when one is due, and the two ends of a log.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kestrel_protocol::Timestamp;

use super::Log;
use crate::log::disk::{self, FileSync};
use crate::log::error::LogError;
use crate::log::segment::LogSegment;
use crate::log::upkeep::QueuedLog;
use crate::log::view::View;

impl Log {
    /// Writes everything appended so far to the disk; gives the flushed end.
    ///
    /// # Errors
    /// A failed flush is final: [`LogError::Io`] once, [`LogError::Poisoned`] from then on. [`LogError::Short`] when it could
    /// not be begun; it is tried again later then.
    pub(crate) fn flush(&self) -> Result<i64, LogError> {
        let one_at_a_time = self.flush.exclusively();
        self.data_dir.poison.check()?;
        if self.deleted.load(Ordering::Acquire) {
            return Ok(self.flushed_end_offset());
        }
        // First what the readers see, then the finished segments: a segment is put there before it is no longer the
        // last one that readers see.
        let view = self.view();
        let Some(finished) = self.flush.begin(view.log_end_offset) else { return Ok(view.log_end_offset) };
        if let Err(error) = self.guard(self.sync_segments(&view, &finished)) {
            self.flush.fail(finished);
            return Err(error);
        }
        self.flush.complete(view.log_end_offset);
        drop(one_at_a_time);
        self.flush.tell(view.log_end_offset);
        Ok(view.log_end_offset)
    }

    /// What is due at `now`: a flush by `flush.ms` or after a shortage, forgetting producers that were idle too long, unlinking
    /// segments that were deleted `file.delete.delay.ms` ago. Files that cannot be unlinked are removed at the next start.
    pub(in crate::log) fn tick(&self, now: Timestamp) {
        let config = self.config();
        if self.flush.is_due(now, &config) {
            self.request_flush();
        }
        self.writer.lock().producers.remove_expired(now, self.data_dir.producer_id_expiration);
        for segment in self.upkeep.take_due(now, config.file_delete_delay) {
            if let Err(error) = segment.unlink_retired() {
                tracing::warn!(%error, "a deleted segment stays on the disk until the next start");
            }
        }
    }

    /// The clean end: everything on the disk, with a producer snapshot at the log's end. Nothing can be done afterwards.
    pub(in crate::log) fn close(&self) -> Result<(), LogError> {
        let _no_swap_runs = self.upkeep.reshape();
        let mut writer = self.lock_writer()?;
        self.closed.store(true, Ordering::Release);
        self.guard(writer.active().finish())?;
        let active = Arc::clone(writer.active().segment());
        if self.guard(writer.write_last_snapshot(&self.dir))? {
            self.guard(active.sync_indexes())?;
            self.flush.note_dir_change();
        }
        drop(writer);
        self.flush()?;
        active.release();
        Ok(())
    }

    /// Takes the log out of service without writing anything: its folder is about to be renamed. Waits for a flush
    /// that runs, and for segments that are being replaced.
    pub(in crate::log) fn abandon(&self) {
        let _no_swap_runs = self.upkeep.reshape();
        let writer = self.writer.lock();
        self.closed.store(true, Ordering::Release);
        writer.active().segment().release();
        drop(writer);
        let _no_flush_runs = self.flush.exclusively();
        self.deleted.store(true, Ordering::Release);
    }

    /// Asks the flusher for a flush.
    pub(super) fn request_flush(&self) {
        if let Some(me) = self.me.upgrade()
            && self.flush.enter_queue()
        {
            self.data_dir.flush_queue.push(me);
        }
    }

    fn sync_segments(&self, view: &View, finished: &[Arc<LogSegment>]) -> Result<(), LogError> {
        for segment in finished {
            self.unless_deleted(segment, segment.sync_log().and_then(|()| segment.sync_indexes()))?;
        }
        if let Some(active) = view.segments.last() {
            self.unless_deleted(active, active.sync_log())?;
        }
        if self.flush.takes_dir() {
            disk::sync_dir(&self.dir, FileSync::Yes)?;
        }
        Ok(())
    }

    /// The result, but for a file that is missing because its segment is no part of the log by now.
    fn unless_deleted(&self, segment: &LogSegment, result: Result<(), LogError>) -> Result<(), LogError> {
        match result {
            Err(error) if error.is_gone() && !self.view().has(segment) => Ok(()),
            result => result,
        }
    }
}

impl QueuedLog for Log {
    fn flush_queued(&self) -> Result<(), LogError> {
        self.flush.leave_queue();
        self.flush().map(drop)
    }

    fn dir_name(&self) -> String {
        self.name.dir_name()
    }
}
