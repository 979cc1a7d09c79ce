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
//! Way down: `validator` -> `Log::append` -> `Writer` -> `ActiveSegment` -> page cache; then the flusher, and the flushed end
//! goes to the listener. Way up: `Log::read` -> `View` -> `LogSegment` -> one positioned read, or a `FileRun` that `net/` sends.
//! After a crash: `loader` and `scan`. `format/` has the files, `upkeep/` what happens beside: retention, compaction, repair.

mod append;
pub(crate) mod check;
mod config;
mod data_dir;
mod disk;
mod error;
mod flush;
mod format;
mod leader_epoch;
mod loader;
#[expect(clippy::module_inception, reason = "the room is named after its central type")]
mod log;
mod lookup;
mod manager;
mod producer_state;
mod scan;
mod segment;
mod upkeep;
mod validator;
mod view;
mod writer;

#[cfg(test)]
mod benches;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use disk::tap;
#[cfg(test)]
pub(crate) use tests::{Random, write_all, write_image};

pub(crate) use append::{AppendContext, AppendOrigin, Appended, Transaction};
pub(crate) use config::{Compaction, CompressionType, LogConfig, Retention};
pub use config::{Durability, Validation};
pub(crate) use data_dir::Space;
pub(crate) use disk::{
    FileSync, read_file, remove_file, replace as replace_file, replace_by as replace_file_by,
};
pub(crate) use error::{AppendError, LogError, RecordFault, StorageError};
pub(crate) use format::txn_index::AbortedTransaction;
pub(crate) use leader_epoch::EpochEnd;
pub(crate) use log::Log;
pub(crate) use manager::{FoundPartition, LogManager, LogOrigin, ManagerOptions, OpenLog, holds_anything};
pub(crate) use producer_state::{ActiveProducer, VerificationGuard, Verifying};
pub(crate) use segment::{ByteRun, FileRun, FirstBatch, FoundOffset, ReadRequest};
pub(crate) use upkeep::cleaner::{Cleaned, CleanerHost, CleanerSettings};
pub(crate) use upkeep::repair;
pub(crate) use view::LogPosition;
