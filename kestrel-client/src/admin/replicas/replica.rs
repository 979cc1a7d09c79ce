//! A replica by name: which partition, at which broker.

use std::fmt;

use kestrel_protocol::NodeId;

use crate::record::TopicPartition;

/// The replica of a partition at a broker.
///
/// ```
/// use kestrel_client::NodeId;
/// use kestrel_client::admin::TopicPartitionReplica;
/// assert_eq!(TopicPartitionReplica::new(("clicks", 0), NodeId(1)).to_string(), "clicks-0 at broker 1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartitionReplica {
    /// The partition.
    pub partition: TopicPartition,
    /// The broker.
    pub broker: NodeId,
}

impl TopicPartitionReplica {
    /// The replica of `partition` at `broker`.
    pub fn new(partition: impl Into<TopicPartition>, broker: NodeId) -> Self {
        Self { partition: partition.into(), broker }
    }
}

impl fmt::Display for TopicPartitionReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at broker {}", self.partition, self.broker)
    }
}
