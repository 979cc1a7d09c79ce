//! The readers' side of a log: a [`View`], taken under a short lock and used without any.
//!
//! The writer and the upkeep replace it; a reader never waits for either.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::LogError;
use super::producer_state::EndedTransaction;
use super::segment::LogSegment;

/// A log at one moment. Segments that are deleted later can be read as long as their files can be opened.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) segments: Arc<[Arc<LogSegment>]>,
    pub(super) log_start_offset: i64,
    pub(super) log_end_offset: i64,
    pub(super) first_unstable_offset: Option<i64>,
}

impl View {
    /// The error for an offset that the log does not have.
    pub(super) fn out_of_range(&self, offset: i64) -> LogError {
        let (log_start_offset, log_end_offset) = (self.log_start_offset, self.log_end_offset);
        LogError::OffsetOutOfRange { offset, log_start_offset, log_end_offset }
    }

    /// How many bytes of records the segments have.
    pub(super) fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size_bytes()).sum()
    }

    /// Whether the segment is part of the log.
    pub(super) fn has(&self, segment: &LogSegment) -> bool {
        self.segments.iter().any(|one| std::ptr::eq(&raw const **one, segment))
    }
}

/// The offsets of a log at one moment: they are of one view, and the flushed end is not above its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPosition {
    /// The first offset that can be read.
    pub(crate) log_start: i64,
    /// The offset that the next record gets.
    pub(crate) end: i64,
    /// Everything below is on the disk.
    pub(crate) flushed_end: i64,
    /// The first offset of the oldest open transaction, if one is open.
    pub(crate) first_unstable: Option<i64>,
    /// The first offset of the oldest transaction that has ended and whose marker is not on the disk, where that counts.
    pub(crate) first_unflushed: Option<i64>,
}

/// The side of a log that its readers look at.
#[derive(Debug)]
pub(super) struct ReaderSide(Mutex<Shown>);

/// What readers look at.
#[derive(Debug)]
struct Shown {
    view: View,
    /// Transactions whose marker was not on the disk yet, by the offset of the marker.
    unflushed: VecDeque<EndedTransaction>,
}

impl ReaderSide {
    pub(super) fn new(view: View) -> Self {
        Self(Mutex::new(Shown { view, unflushed: VecDeque::new() }))
    }

    /// The view as it is now.
    pub(super) fn view(&self) -> View {
        self.0.lock().view.clone()
    }

    /// Replaces what readers see.
    pub(super) fn publish(&self, view: View) {
        self.0.lock().view = view;
    }

    /// Shows a segment behind the others.
    pub(super) fn add_segment(&self, segment: Arc<LogSegment>) {
        let view = &mut self.0.lock().view;
        view.segments = view.segments.iter().cloned().chain([segment]).collect();
    }

    /// Shows what was appended; `ended` is the transaction that it has ended and that counts once it is on the disk.
    pub(super) fn advance(
        &self,
        log_end_offset: i64,
        first_unstable_offset: Option<i64>,
        ended: Option<EndedTransaction>,
    ) {
        let mut shown = self.0.lock();
        shown.view.log_end_offset = log_end_offset;
        shown.view.first_unstable_offset = first_unstable_offset;
        shown.unflushed.extend(ended);
    }

    /// The first and the next offset.
    pub(super) fn ends(&self) -> (i64, i64) {
        let shown = self.0.lock();
        (shown.view.log_start_offset, shown.view.log_end_offset)
    }

    /// Where the log stands, `flushed_end` having been read before.
    pub(super) fn position(&self, flushed_end: i64) -> LogPosition {
        let shown = &mut *self.0.lock();
        while shown.unflushed.front().is_some_and(|ended| ended.last_offset < flushed_end) {
            shown.unflushed.pop_front();
        }
        LogPosition {
            log_start: shown.view.log_start_offset,
            end: shown.view.log_end_offset,
            flushed_end,
            first_unstable: shown.view.first_unstable_offset,
            first_unflushed: shown.unflushed.iter().map(|ended| ended.first_offset).min(),
        }
    }
}
