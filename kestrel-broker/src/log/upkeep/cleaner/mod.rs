//! Compaction: of a topic with `cleanup.policy=compact`, the last record of each key is kept (Apache Kafka's log cleaner).
//!
//! ```text
//!   segments   |----0----|----1----|----2----|----3----|--4--      4: active, never cleaned
//!              cleaned before      ^ first dirty offset ^ first uncleanable offset
//!   survey     headers only: which transactions were aborted, how many records are dirty
//!   first pass                     |----2----|----3----|           key -> last offset        OffsetMap
//!   second     |----0----|----1----|----2----|----3----|           what is kept of a batch   BatchFilter
//!   swap       |------------0------------|------3------|--4--      .cleaned -> .swap -> final names
//! ```
//!
//! Called by the housekeeper's cleaner through the [`LogManager`](crate::log::LogManager), one log at a time. The decisions are pure:
//! `cleanable` (which log, and which part of it), `groups`, `batch_filter`, `transactions`. Never touches the active segment,
//! nor anything at or above the last stable offset.

mod batch_filter;
mod batches;
mod cleanable;
mod cleaning;
mod groups;
mod key_hash;
mod log_cleaner;
mod offset_map;
mod swap;
mod throttle;
mod transactions;

#[cfg(test)]
mod tests;

pub(crate) use log_cleaner::Cleaned;
pub(in crate::log) use log_cleaner::LogCleaner;

use kestrel_protocol::Timestamp;

use std::time::{Duration, Instant};

/// The settings of the cleaner, which are read anew for each log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CleanerSettings {
    /// `log.cleaner.backoff.ms`: how long it rests when no log is worth cleaning.
    pub(crate) backoff: Duration,
    /// `log.cleaner.dedupe.buffer.size`: how much memory the map from keys to offsets may take.
    pub(crate) dedupe_buffer_bytes: usize,
    /// `log.cleaner.io.buffer.load.factor`: which part of the map may be filled.
    pub(crate) load_factor: f64,
    /// `log.cleaner.io.buffer.size`: how much memory reading and writing take together.
    pub(crate) io_buffer_bytes: usize,
    /// `log.cleaner.io.max.bytes.per.second`: how much is read and written per second at most.
    pub(crate) max_bytes_per_second: f64,
}

/// The world of the cleaner: the time, and when to stop. Implemented by the task that runs it.
pub(crate) trait CleanerHost {
    /// The time for records.
    fn wall(&self) -> Timestamp;
    /// The time for how long something takes.
    fn now(&self) -> Instant;
    /// Waits, or less when it is to stop.
    fn rest(&self, duration: Duration);
    /// Whether to stop: asked between two batches.
    fn is_stopping(&self) -> bool;
}
