//! Coordinators: who keeps state for clients in an internal topic. Today the groups, in `__consumer_offsets`.
//!
//! Called by `api/`. Writes through `partition/` as a producer would, and reads its own log back after a restart.
//!
//! ```text
//!   api ──► GroupCoordinator ──► Slot (one per partition) ──► GroupShard (machine) ──► records
//!              │                  │ lock, append, replay                                  │
//!              │                  └──► Partition ◄────────────────────────────────────────┘
//!   driver ────┘ loads slots, wakes them when something is due
//! ```
//!
//! A request is handled, its records appended and replayed under the lock of its slot, in the page cache's time. The answer
//! leaves when the records are below the high watermark; that is waited for in the task of whoever asked.

mod append;
mod deadlines;
mod driver;
mod group;
mod groups;
mod load;
mod partitioner;
mod records;
mod slot;

pub(crate) use driver::Driver;
pub(crate) use group::{CLASSIC, Commit, CommittedPartition, FetchedOffset, Joining, ListFilter};
pub(crate) use groups::{GROUPS_TOPIC, GroupCoordinator};
