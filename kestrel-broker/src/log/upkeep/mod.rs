//! Work on a log beside reading and appending: flushing, deleting what is too old, compaction, repair.
//!
//! Called by the manager, by `partition/` for retention, and by `check/` for repair. `log.rs` gives the doors to a log.

pub(super) mod cleaner;
mod flusher;
pub(crate) mod repair;
mod retention;
mod side;

pub(super) use flusher::{FlushQueue, Flusher, QueuedLog};
pub(super) use side::UpkeepSide;
