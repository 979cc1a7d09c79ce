//! The flush's side of a log: what waits for it (finished segments, names in the folder) and how far the disk has it.
//!
//! Owned by the log, which does the flush itself.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use kestrel_protocol::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::config::LogConfig;
use super::segment::LogSegment;

/// Called with the flushed end after each flush.
pub(super) type OnFlushed = Box<dyn Fn(i64) + Send + Sync>;

/// The side of a log that its flushes look at.
#[derive(Debug)]
pub(super) struct FlushSide {
    /// Held while a flush runs: one at a time.
    running: Mutex<()>,
    /// Segments that were finished and not flushed as a whole since.
    finished_segments: Mutex<Vec<Arc<LogSegment>>>,
    /// Whether files were created, renamed or deleted since the last flush.
    dir_changed: AtomicBool,
    flushed_end_offset: AtomicI64,
    /// The time of the first append that is not flushed, in milliseconds since 1970.
    unflushed_since: AtomicI64,
    /// Whether the log is in the flusher's queue.
    queued: AtomicBool,
    /// Whether a flush could not be done for a shortage: the next tick asks for another.
    again: AtomicBool,
    listener: OnceLock<Listener>,
}

impl FlushSide {
    /// Everything below `flushed_end_offset` is on the disk, and nothing of `finished_segments` for sure.
    pub(super) fn new(flushed_end_offset: i64, finished_segments: Vec<Arc<LogSegment>>) -> Self {
        Self {
            running: Mutex::new(()),
            finished_segments: Mutex::new(finished_segments),
            dir_changed: AtomicBool::new(true),
            flushed_end_offset: AtomicI64::new(flushed_end_offset),
            unflushed_since: AtomicI64::new(i64::MAX),
            queued: AtomicBool::new(false),
            again: AtomicBool::new(false),
            listener: OnceLock::new(),
        }
    }

    /// Everything below is on the disk.
    pub(super) fn flushed_end_offset(&self) -> i64 {
        self.flushed_end_offset.load(Ordering::Acquire)
    }

    /// Sets who hears of each flush; once.
    pub(super) fn listen(&self, listener: OnFlushed) {
        let first = self.listener.set(Listener(listener)).is_ok();
        assert!(first, "a log has one flush listener");
    }

    /// Lets the next flush include the segment as a whole.
    pub(super) fn note_finished(&self, segment: Arc<LogSegment>) {
        self.finished_segments.lock().push(segment);
    }

    /// Lets the next flush include the names in the folder.
    pub(super) fn note_dir_change(&self) {
        self.dir_changed.store(true, Ordering::Release);
    }

    /// Notes when the first append after a flush came.
    pub(super) fn note_append(&self, base_offset: i64, now: Timestamp) {
        if self.flushed_end_offset() >= base_offset {
            self.unflushed_since.store(now.as_millis(), Ordering::Release);
        }
    }

    /// Whether as many records wait as `flush.messages` lets.
    pub(super) fn has_many(&self, log_end_offset: i64, config: &LogConfig) -> bool {
        let waiting = u64::try_from(log_end_offset - self.flushed_end_offset()).unwrap_or(0);
        config.flush_messages.is_some_and(|most| waiting >= most)
    }

    /// Whether `flush.ms` has passed since the first append that is not flushed, or a shortage kept the last flush from its end.
    pub(super) fn is_due(&self, now: Timestamp, config: &LogConfig) -> bool {
        let since = Timestamp::from_millis(self.unflushed_since.load(Ordering::Acquire));
        self.again.swap(false, Ordering::AcqRel)
            || config.flush_interval.is_some_and(|interval| since.saturating_add(interval) <= now)
    }

    /// Takes a place in the queue; false when the log has one.
    pub(super) fn enter_queue(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// From here on an append asks again: the flush that follows may begin without it.
    pub(super) fn leave_queue(&self) {
        self.queued.store(false, Ordering::Release);
    }

    /// Waits for a flush that runs, and keeps others from running.
    pub(super) fn exclusively(&self) -> MutexGuard<'_, ()> {
        self.running.lock()
    }

    /// The finished segments of a flush up to `log_end_offset`; none when there is nothing to flush.
    pub(super) fn begin(&self, log_end_offset: i64) -> Option<Vec<Arc<LogSegment>>> {
        let finished = mem::take(&mut *self.finished_segments.lock());
        if finished.is_empty() && log_end_offset == self.flushed_end_offset() {
            return None;
        }
        self.unflushed_since.store(i64::MAX, Ordering::Release);
        Some(finished)
    }

    /// Whether the flush has to include the names in the folder.
    pub(super) fn takes_dir(&self) -> bool {
        self.dir_changed.swap(false, Ordering::AcqRel)
    }

    /// Takes a flush back that failed. Where nothing could be opened, nothing was synced, and nothing is lost.
    pub(super) fn fail(&self, finished: Vec<Arc<LogSegment>>) {
        self.finished_segments.lock().extend(finished);
        self.note_dir_change();
        self.again.store(true, Ordering::Release);
    }

    /// Notes that everything below `log_end_offset` is on the disk.
    pub(super) fn complete(&self, log_end_offset: i64) {
        self.flushed_end_offset.store(log_end_offset, Ordering::Release);
    }

    /// Tells the listener; with no lock of the flush held, as it may ask the log for more.
    pub(super) fn tell(&self, flushed_end_offset: i64) {
        if let Some(Listener(listener)) = self.listener.get() {
            listener(flushed_end_offset);
        }
    }
}

struct Listener(OnFlushed);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
