//! The quorum that keeps the metadata: this node alone, which is what DescribeQuorum tells (KIP-595).

use std::sync::Arc;

use kestrel_protocol::{LeaderEpoch, NodeId, Uuid};

use crate::partition::Partition;

/// The quorum that keeps the metadata. A clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct MetadataQuorum {
    log: Arc<Partition>,
    voter: NodeId,
    directory_id: Uuid,
}

/// Where the quorum stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuorumStanding {
    /// Its leader, and only voter.
    pub(crate) leader: NodeId,
    /// The voter's data folder; nil where voters are static, and known by their id alone.
    pub(crate) directory_id: Uuid,
    /// The epoch in which it leads.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The offset below which everything is stored.
    pub(crate) high_watermark: i64,
    /// The offset of the next record.
    pub(crate) log_end_offset: i64,
}

impl MetadataQuorum {
    /// The quorum of the node that leads a log.
    pub(super) const fn new(log: Arc<Partition>, voter: NodeId, directory_id: Uuid) -> Self {
        Self { log, voter, directory_id }
    }

    /// Where it stands now.
    pub(crate) fn standing(&self) -> QuorumStanding {
        let watermarks = self.log.watermarks();
        QuorumStanding {
            leader: self.voter,
            directory_id: self.directory_id,
            leader_epoch: self.log.leader_epoch(),
            high_watermark: watermarks.high,
            log_end_offset: watermarks.end,
        }
    }
}
