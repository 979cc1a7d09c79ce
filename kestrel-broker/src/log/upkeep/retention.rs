//! Where a log begins: old segments go by age, by size, and when records were deleted by request.
//!
//! Called by the partition, at each check and for DeleteRecords. The new log start is on the disk before a file gets another
//! name, and files that were renamed are unlinked later: a crash in between leaves nothing that the loader does not finish.
//! Never touches what is not below the high watermark.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::MutexGuard;

use kestrel_protocol::Timestamp;

use crate::log::disk;
use crate::log::error::LogError;
use crate::log::log::Log;
use crate::log::segment::LogSegment;
use crate::log::view::View;
use crate::log::writer::Writer;

/// The reason for which segments go. Applied from the oldest segment on, until it keeps one.
#[derive(Debug, Clone, Copy)]
enum Reason {
    /// DeleteRecords moved the log start to this offset.
    DeleteRecords(i64),
    /// The segment ends below the log start, which a start found further on.
    BelowLogStart(i64),
    /// `retention.bytes`: the log is this much larger.
    Size { limit: u64, surplus: u64 },
    /// `retention.ms`: the largest timestamp of the segment lies further back.
    Age { limit: Duration, now: Timestamp },
}

impl Log {
    /// Deletes the oldest segments that nothing keeps at `now`: those below the log start, those that make the log larger than
    /// `retention.bytes`, those whose records are all older than `retention.ms`. Gives how many there were.
    ///
    /// When that is every segment, an empty one is begun first. A segment that reaches the high watermark is kept, and all
    /// behind it.
    pub(crate) fn delete_old_segments(&self, now: Timestamp) -> Result<usize, LogError> {
        let retention = self.config().retention;
        let mut deleted =
            self.delete_while(now, |view| Some(Reason::BelowLogStart(view.log_start_offset)))?;
        deleted += self.delete_while(now, |view| {
            let limit = retention.bytes?;
            Some(Reason::Size { limit, surplus: view.size_bytes().checked_sub(limit)? })
        })?;
        deleted += self.delete_while(now, |_| Some(Reason::Age { limit: retention.time?, now }))?;
        Ok(deleted)
    }

    /// Moves the log start up to `offset`, makes that durable, deletes the segments below; gives the log start.
    ///
    /// # Errors
    /// [`LogError::OffsetOutOfRange`] above the log end.
    pub(crate) fn delete_records_before(&self, offset: i64) -> Result<i64, LogError> {
        let _one_at_a_time = self.upkeep().reshape();
        let writer = self.lock_writer()?;
        let view = self.view();
        if offset > view.log_end_offset {
            return Err(view.out_of_range(offset));
        }
        if offset <= view.log_start_offset {
            return Ok(view.log_start_offset);
        }
        self.begin_at(writer, offset, Reason::DeleteRecords(offset))?;
        Ok(offset)
    }

    /// How many bytes of records the log has.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.view().size_bytes()
    }

    /// Finishes the last segment and begins a new one, if it has at least `min_bytes`: what is before may be deleted as a whole
    /// later.
    pub(crate) fn begin_segment(&self, min_bytes: u64, now: Timestamp) -> Result<(), LogError> {
        let mut writer = self.lock_writer()?;
        if writer.active().segment().size_bytes() >= min_bytes.max(1) {
            self.roll(&mut writer, now)?;
        }
        Ok(())
    }

    /// Deletes segments from the oldest on as long as the reason says so.
    fn delete_while(
        &self,
        now: Timestamp,
        reason: impl FnOnce(&View) -> Option<Reason>,
    ) -> Result<usize, LogError> {
        let _one_at_a_time = self.upkeep().reshape();
        let mut writer = self.lock_writer()?;
        let view = self.view();
        let Some(reason) = reason(&view) else { return Ok(0) };
        let count = self.count_deletable(&view, reason)?;
        if count == 0 {
            return Ok(0);
        }
        let next_base = match view.segments.get(count) {
            Some(kept) => kept.base_offset(),
            None => {
                self.roll(&mut writer, now)?;
                writer.next_offset()
            }
        };
        self.begin_at(writer, next_base.max(view.log_start_offset), reason)
    }

    /// How many of the oldest segments the reason lets go.
    fn count_deletable(&self, view: &View, mut reason: Reason) -> Result<usize, LogError> {
        let high_watermark = self.upkeep().high_watermark();
        for (index, segment) in view.segments.iter().enumerate() {
            let next_base = view.segments.get(index + 1).map(|next| next.base_offset());
            let is_empty_active = next_base.is_none() && segment.size_bytes() == 0;
            let end_offset = next_base.unwrap_or(view.log_end_offset);
            if is_empty_active || end_offset > high_watermark || !reason.applies(segment, next_base)? {
                return Ok(index);
            }
        }
        Ok(view.segments.len())
    }

    /// Lets the log begin at `log_start_offset`, which must not be above its end or below its start, and takes the segments
    /// that end there or before out of it: first durably, then for readers, then on the disk. Gives how many there were.
    fn begin_at(
        &self,
        mut writer: MutexGuard<'_, Writer>,
        log_start_offset: i64,
        reason: Reason,
    ) -> Result<usize, LogError> {
        let view = self.view();
        let mut written = Ok(());
        if log_start_offset > view.log_start_offset {
            written = self.guard(self.data_dir().write_log_start(self.name(), log_start_offset));
        }
        // On a full disk old segments go all the same, and make room: then the first file's name says where the log begins.
        let is_short = matches!(written, Err(LogError::Short { .. }));
        let is_segment = view.segments.iter().any(|segment| segment.base_offset() == log_start_offset);
        if !(is_short && is_segment && !matches!(reason, Reason::DeleteRecords(_))) {
            written?;
        }
        let begun = view.segments.partition_point(|segment| segment.base_offset() <= log_start_offset);
        let (dropped, segments) = view.segments.split_at(begun.saturating_sub(1));
        self.change_view(&mut writer, |view| {
            view.log_start_offset = log_start_offset;
            view.segments = segments.into();
        });
        match self.forget_epochs_below(log_start_offset) {
            // The next start forgets them.
            Err(LogError::Short { .. }) => {}
            forgotten => forgotten?,
        }
        drop(writer);
        for segment in dropped {
            tracing::info!(
                log = self.dir_name(),
                base_offset = segment.base_offset(),
                bytes = segment.size_bytes(),
                log_start_offset,
                "deleting a segment: {reason}"
            );
            self.guard(segment.retire())?;
            self.upkeep().retire(Arc::clone(segment));
        }
        self.note_dir_change();
        if is_short {
            self.guard(disk::sync_dir(self.dir(), self.data_dir().sync()))?;
            dropped.iter().try_for_each(|segment| segment.unlink_retired())?;
            self.guard(self.data_dir().write_log_start(self.name(), log_start_offset))?;
        }
        Ok(dropped.len())
    }
}

impl Reason {
    /// Whether the segment goes, those before it gone. `next_base` is where the next one begins, if there is one.
    fn applies(&mut self, segment: &LogSegment, next_base: Option<i64>) -> Result<bool, LogError> {
        match self {
            Self::DeleteRecords(log_start) | Self::BelowLogStart(log_start) => {
                Ok(next_base.is_some_and(|next_base| next_base <= *log_start))
            }
            Self::Size { surplus, .. } => {
                let left = surplus.checked_sub(segment.size_bytes());
                *surplus = left.unwrap_or(*surplus);
                Ok(left.is_some())
            }
            Self::Age { limit, now } => {
                let newest = segment.newest()?;
                if newest > *now {
                    tracing::warn!(segment = %segment.path().display(), newest = newest.as_millis(),
                        "the segment has timestamps in the future, which retention.ms waits for");
                }
                Ok(newest.saturating_add(*limit) < *now)
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteRecords(_) => write!(f, "its records were deleted by request"),
            Self::BelowLogStart(_) => write!(f, "it ends below the log start"),
            Self::Size { limit, surplus } => {
                write!(f, "the log is {surplus} bytes larger than retention.bytes ({limit})")
            }
            Self::Age { limit, .. } => {
                write!(f, "all of its records are older than retention.ms ({})", limit.as_millis())
            }
        }
    }
}
