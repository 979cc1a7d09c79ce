//! PartitionId: which partition a producer writes to, for all of its rooms.

use std::sync::Arc;

/// A partition that a producer writes to, as a dense number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartitionId(pub(crate) u32);

/// A partition that a producer writes to: its number in the producer, and its name in the cluster.
#[derive(Debug, Clone)]
pub(crate) struct PartitionKey {
    pub(crate) id: PartitionId,
    pub(crate) topic: Arc<str>,
    /// The partition's number in its topic.
    pub(crate) index: i32,
}
