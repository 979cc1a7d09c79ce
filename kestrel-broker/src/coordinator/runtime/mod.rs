//! What every coordinator runs on: state that is kept in the partitions of one internal topic, each as a replayed machine.
//!
//! Called by the coordinators beside this room, which bring the machine. Knows no machine: topic and settings are arguments.
//!
//! ```text
//!   request ──► Coordinator ──► Slot (one per partition) ──► Machine ──► Effects { records, replies, asks }
//!                  │              │ lock, append, replay                     │         │        │
//!                  │              └──► Partition ◄───────────────────────────┘         │        │
//!                  │                        └── stored ──► the reply leaves ◄──────────┘        │
//!   Driver ────────┘                        └── stored ──► Envoy ◄──────────────────────────────┘
//!      opens and loads slots, wakes them when something is due, and brings the envoy's answers back as events
//! ```
//!
//! A request is handled, its records appended and replayed under the lock of its slot, in the page cache's time. A reply leaves
//! when the records are below the high watermark; that is waited for in the task of whoever asked. An ask leaves at the same
//! moment, and is waited for in the driver's task.

mod batches;
mod coordinator;
mod deadlines;
mod driver;
mod effects;
mod load;
mod machine;
mod partitioner;
mod record;
mod reply;
mod slot;

pub(super) use coordinator::{Coordinator, CoordinatorOptions, Outcome, internal_topic};
pub(super) use deadlines::Deadlines;
pub(super) use driver::{Driver, Envoy, NoEnvoy};
pub(super) use effects::Effects;
pub(super) use machine::{Machine, Now};
pub(super) use record::{LogPlace, LogRecord, Unreadable, decode, decode_versioned, versioned};
pub(super) use reply::ReplyTo;

#[cfg(test)]
pub(super) mod tests;
