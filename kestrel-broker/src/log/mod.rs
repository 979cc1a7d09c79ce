//! The log: records on disk, in Apache Kafka 4's own folder format. Synchronous: no tokio, no clock, no topic names
//! beyond the names of folders. Called by `partition/` and `cluster/`.
#![allow(dead_code, unused_imports, reason = "under construction: the callers come next")]

mod config;
mod error;
mod log;
mod manager;
mod timestamp;

pub use config::Durability;
pub(crate) use config::{CompressionType, LogConfig};
pub(crate) use error::{AppendError, LogError, RecordFault, StorageError};
pub(crate) use log::{
    AppendContext, AppendOrigin, Appended, EpochEnd, FirstBatch, FoundOffset, Log, LogRead, ReadRequest,
};
pub(crate) use manager::{FoundPartition, LogManager, ManagerOptions, OpenLog};
pub(crate) use timestamp::Timestamp;
