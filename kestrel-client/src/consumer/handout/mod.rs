//! Handing out: what runs in the caller's task, from a run of fetched batches to records, batches, and tasks of partitions.

mod caller_progress;
mod concurrent;
mod gather;
mod hand;
mod lanes;
mod partition_reader;
mod partition_router;
mod partition_stream;
mod partition_tasks;
mod poll_watch;
mod stream;

pub(crate) use self::caller_progress::CallerProgress;
pub(crate) use self::hand::Hand;
pub use self::partition_stream::PartitionStream;
pub(crate) use self::partition_tasks::{PartitionTasks, TaskRegistry};
