//! Partitions: the only door to a log. A partition stamps the leader epoch, keeps the watermarks and fences by epoch.
//!
//! Called by `api/` (produce, fetch, offsets) and by `cluster/`, which says what is led here. Above `log/`, which does the
//! files; knows nothing of requests or of metadata records.
//!
//! ```text
//!   log start        last stable       high watermark          log end
//!       │  read_committed │  read_uncommitted  │  not yet stored    │
//!       ├─────────────────┼────────────────────┼────────────────────┤
//!       delete_records ►  transactions end ►   flush, replicas ►    append ►
//! ```

#[expect(clippy::module_inception, reason = "the room is named after its central type")]
mod partition;
mod purgatory;
mod replica_manager;
mod traffic;
mod watermarks;

pub(crate) use partition::{
    FetchRead, Identity, OffsetSpec, Partition, PartitionRead, PartitionStanding, ScanError,
};
pub(crate) use purgatory::{FetchWatch, any_news};
pub(crate) use replica_manager::{
    LedPartition, LogDir, LogDirContents, OfflinePartitions, Refusal, ReplicaChanges, ReplicaManager,
    TopicSettings,
};
pub(crate) use watermarks::Isolation;
