//! The side of a log that its upkeep looks at: how far it may go, what it has deleted, and the lock that it holds meanwhile.
//!
//! Owned by the log; used by retention, the cleaner and the checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kestrel_protocol::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::log::segment::LogSegment;

/// The side of a log that its upkeep looks at.
#[derive(Debug)]
pub(in crate::log) struct UpkeepSide {
    /// Held while old segments are deleted or replaced: one at a time.
    reshaping: Mutex<()>,
    retired_segments: Mutex<Vec<RetiredSegment>>,
    /// The high watermark as the partition noted it last: upkeep and checkpoints run where no partition is at hand.
    high_watermark: AtomicI64,
}

/// A segment that readers do not see any more, whose files have their last name.
#[derive(Debug)]
struct RetiredSegment {
    segment: Arc<LogSegment>,
    /// When it was first noticed, from which the delay counts.
    since: Option<Timestamp>,
}

impl UpkeepSide {
    /// Nothing is deleted, nothing is known to be committed but what was deleted before.
    pub(in crate::log) fn new(log_start_offset: i64) -> Self {
        Self {
            reshaping: Mutex::new(()),
            retired_segments: Mutex::default(),
            high_watermark: AtomicI64::new(log_start_offset),
        }
    }

    /// Waits until no segment is being deleted or replaced, and keeps others from it.
    pub(in crate::log) fn reshape(&self) -> MutexGuard<'_, ()> {
        self.reshaping.lock()
    }

    /// The high watermark as it was noted last.
    pub(in crate::log) fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// Notes the high watermark.
    pub(in crate::log) fn note_high_watermark(&self, high_watermark: i64) {
        self.high_watermark.store(high_watermark, Ordering::Release);
    }

    /// Keeps a segment that has just got its last name until its files are unlinked.
    pub(in crate::log) fn retire(&self, segment: Arc<LogSegment>) {
        self.retired_segments.lock().push(RetiredSegment { segment, since: None });
    }

    /// Takes out the segments that were retired `delay` ago.
    pub(in crate::log) fn take_due(&self, now: Timestamp, delay: Duration) -> Vec<Arc<LogSegment>> {
        let mut due = Vec::new();
        self.retired_segments.lock().retain_mut(|retired| {
            let since = *retired.since.get_or_insert(now);
            let is_due = since.saturating_add(delay) <= now;
            if is_due {
                due.push(Arc::clone(&retired.segment));
            }
            !is_due
        });
        due
    }
}
