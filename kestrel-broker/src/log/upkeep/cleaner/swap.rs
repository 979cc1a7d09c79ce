//! The cleaned segments take the place of the originals: for readers at once, on the disk in steps that a start finishes or
//! undoes (`loader/leftovers.rs`), as in Apache Kafka.
//!
//! ```text
//!   .cleaned written, synced        a crash here: they are dropped, the originals stay
//!   .cleaned -> .swap, last first   a crash here: the same
//!   ------------------------------  from here on a start finishes the swap
//!   readers see the new segments    on files that are open already, whatever their names
//!   originals -> .deleted           readers that began before go on with their open files
//!   .swap -> final names
//! ```
//!
//! The folder is synced after each step, whatever the durability: the originals may have been on the disk for years.

use std::sync::Arc;

use crate::log::disk::{self, FileSync};
use crate::log::error::LogError;
use crate::log::log::Log;
use crate::log::segment::{CleanedSegment, LogSegment};
use crate::log::view::View;

/// The files that take the place of neighbouring segments.
#[derive(Debug)]
pub(super) struct Swap<'a> {
    /// The records that are left of them, with the base offset of the first.
    pub(super) cleaned: &'a CleanedSegment,
    /// Empty segments for those of the originals that begin above the last offset that is left: a start that finishes the swap
    /// would not know that they belong to it.
    pub(super) placeholders: &'a [CleanedSegment],
    /// The segments that are replaced.
    pub(super) originals: &'a [Arc<LogSegment>],
}

impl Log {
    /// Replaces the originals; false when that must not be any more: some of them were deleted meanwhile, or the log is closed
    /// or no longer compacted. Then nothing has changed.
    ///
    /// # Errors
    /// When the disk fails, which takes the data folder out of service; or when it is full, and nothing has changed.
    pub(super) fn swap_in(&self, swap: &Swap<'_>) -> Result<bool, LogError> {
        let _one_at_a_time = self.upkeep().reshape();
        if !self.may_be_cleaned() || self.view().position_of(swap.originals).is_none() {
            return Ok(false);
        }
        let prepared = self.prepare(swap).and_then(|()| swap.cleaned.to_segment());
        let replacement = prepared.map_err(|error| error.undone(swap.undo()));
        let replacement = Arc::new(self.guard(replacement)?);
        self.replace_in_view(swap.originals, &replacement);
        // From here on there is no way back, whatever fails.
        self.guard(self.finish(swap, &replacement).map_err(LogError::not_undone))?;
        Ok(true)
    }

    /// Gives all new files their second name, durably.
    fn prepare(&self, swap: &Swap<'_>) -> Result<(), LogError> {
        self.sync_names()?;
        swap.rename_placeholders_to_swap()?;
        if !swap.placeholders.is_empty() {
            self.sync_names()?;
        }
        swap.cleaned.rename_to_swap()?;
        self.sync_names()
    }

    /// Takes the originals' names away, and gives them to the replacement.
    fn finish(&self, swap: &Swap<'_>, replacement: &LogSegment) -> Result<(), LogError> {
        for original in swap.originals {
            original.retire_cleaned(original.base_offset() == replacement.base_offset())?;
            self.upkeep().retire(Arc::clone(original));
        }
        self.sync_names()?;
        swap.rename_to_final()?;
        replacement.release();
        self.sync_names()
    }

    /// Makes the names in the folder durable.
    fn sync_names(&self) -> Result<(), LogError> {
        disk::sync_dir(self.dir(), FileSync::Yes)
    }

    /// Whether the log is in service and its policy is to compact.
    pub(super) fn may_be_cleaned(&self) -> bool {
        self.check_open().is_ok() && self.data_dir().poison.check().is_ok() && self.config().compact
    }

    /// Shows the replacement to readers. Segments are taken away under the lock on reshaping only, so the originals are there.
    fn replace_in_view(&self, originals: &[Arc<LogSegment>], replacement: &Arc<LogSegment>) {
        // The writer may begin a new segment at the same time.
        self.change_view(&mut self.writer(), |view| {
            let first = view.position_of(originals).expect("no segment was taken away meanwhile");
            let mut segments = view.segments.to_vec();
            segments.splice(first..first + originals.len(), [Arc::clone(replacement)]);
            view.segments = segments.into();
        });
    }
}

impl View {
    /// Where these segments, which are neighbours, are among those of the log; none when one of them is gone, or the active one.
    pub(super) fn position_of(&self, segments: &[Arc<LogSegment>]) -> Option<usize> {
        let first = segments.first()?;
        let position = self.segments.iter().position(|segment| Arc::ptr_eq(segment, first))?;
        let end = position + segments.len();
        let found = self.segments.get(position..end).filter(|_| end < self.segments.len())?;
        found.iter().zip(segments).all(|(one, other)| Arc::ptr_eq(one, other)).then_some(position)
    }
}

impl Swap<'_> {
    /// The last one first: as long as one still has its first name, those behind it are dropped by a start.
    fn rename_placeholders_to_swap(&self) -> Result<(), LogError> {
        self.placeholders.iter().rev().try_for_each(CleanedSegment::rename_to_swap)
    }

    /// Deletes what got its second name already; what has its first one is the caller's to delete.
    fn undo(&self) -> Result<(), LogError> {
        self.placeholders.iter().chain([self.cleaned]).try_for_each(CleanedSegment::delete_swap)
    }

    fn rename_to_final(&self) -> Result<(), LogError> {
        self.cleaned.rename_to_final()?;
        self.placeholders.iter().try_for_each(CleanedSegment::delete_swap)
    }
}
