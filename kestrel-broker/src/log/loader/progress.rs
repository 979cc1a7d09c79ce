//! Says how far a long recovery has come. Called by the loader while it walks segments.

use std::path::Path;

use crate::log::format::file_names::{LOG_SUFFIX, segment_file};

/// How many bytes are recovered without a word: less than a second of work on most disks.
const QUIET_BYTES: u64 = 256 << 20;

/// How much of a log has been walked.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    dir: &'a Path,
    total_bytes: u64,
    done_bytes: u64,
}

impl<'a> Progress<'a> {
    /// Nothing of these segments has been.
    pub(super) fn of(dir: &'a Path, bases: &[i64]) -> Self {
        let size =
            |&base| std::fs::metadata(segment_file(dir, base, LOG_SUFFIX)).map_or(0, |file| file.len());
        let progress = Self { dir, total_bytes: bases.iter().map(size).sum(), done_bytes: 0 };
        if progress.is_long() {
            let (bytes, segments) = (progress.total_bytes, bases.len());
            tracing::info!(
                "recovering {}: {bytes} bytes in {segments} segments may not have been flushed",
                dir.display()
            );
        }
        progress
    }

    /// A segment of this size has been.
    pub(super) fn advance(&mut self, size_bytes: u64) {
        self.done_bytes += size_bytes;
        if self.is_long() {
            tracing::info!(
                "recovering {}: {} of {} bytes are done",
                self.dir.display(),
                self.done_bytes,
                self.total_bytes
            );
        }
    }

    fn is_long(&self) -> bool {
        self.total_bytes > QUIET_BYTES
    }
}
