//! The log: records on disk, in Apache Kafka 4's own folder format.
//!
//! Synchronous: no tokio, no clock, no topic names beyond the names of folders. Called by `partition/` and `cluster/`;
//! a [`LogManager`] owns the data folder, a [`Log`] one partition's folder:
//!
//! ```text
//!   orders-0/
//!     00000000000000000000.log        record batches, one after the other, as they came from the producer
//!     00000000000000000000.index      offset    -> position in the .log      OffsetIndex
//!     00000000000000000000.timeindex  timestamp -> offset                    TimeIndex
//!     00000000000000004992.log ...    the next segment; the last one is active: the only one that is written
//!     00000000000000004992.snapshot   the producers where that segment begins          ProducerState
//!     00000000000000000000.log.deleted ... a segment that retention took away, until it is unlinked
//!     leader-epoch-checkpoint         leader epoch -> its first offset                 LeaderEpochCache
//!     partition.metadata              the topic's id
//! ```
//!
//! Way down: `validator` -> `Log::append` -> `ActiveSegment` -> page cache; then the flusher, and the flushed end goes
//! to the listener. Old segments go by `retention`, or are replaced by what `cleaner` leaves of them. Way up: `Log::read` -> `LogSegment` -> one positioned read, or a `FileRun` that `net/` sends. After a crash: `loader` and `scan`.

mod byte_run;
pub(crate) mod check;
mod checkpoint;
mod clean_shutdown;
mod cleaner;
mod config;
mod data_dir;
mod data_file;
mod dir_lock;
mod disk;
mod error;
mod file_names;
mod flush;
mod flusher;
mod index_file;
mod leader_epoch;
mod loader;
#[expect(clippy::module_inception, reason = "the room is named after its central type")]
mod log;
mod lookup;
mod manager;
mod meta_properties;
mod offset_index;
mod old_format;
mod poison;
mod producer_state;
pub(crate) mod repair;
mod retention;
mod scan;
mod segment;
mod shortage;
mod time_index;
mod timestamp;
mod txn_index;
mod validator;
mod vouching;

#[cfg(test)]
mod benches;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use disk::tap;
#[cfg(test)]
pub(crate) use tests::{Random, write_image};

pub(crate) use byte_run::{ByteRun, FileRun};
pub(crate) use cleaner::{Cleaned, CleanerHost, CleanerSettings};
pub(crate) use config::{Compaction, CompressionType, LogConfig, Retention};
pub use config::{Durability, Validation};
pub(crate) use disk::{
    Sync as FileSync, read_file, remove_file, replace as replace_file, replace_by as replace_file_by,
};
pub(crate) use error::{AppendError, LogError, RecordFault, StorageError};
pub(crate) use leader_epoch::EpochEnd;
pub(crate) use log::{AppendContext, AppendOrigin, Appended, Log};
pub(crate) use lookup::{FirstBatch, FoundOffset, ReadRequest};
pub(crate) use manager::{FoundPartition, LogManager, LogOrigin, ManagerOptions, OpenLog, holds_anything};
pub(crate) use txn_index::AbortedTransaction;
