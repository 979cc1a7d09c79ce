//! What a transactional producer asks coordinators, and what they answer: values between the machine and the sender.

use std::sync::Arc;

use kestrel_protocol::{ErrorCode, NodeId};

use super::offsets::GroupOffsets;
use crate::error::Result;
use crate::producer::identity::ProducerIdAndEpoch;
use crate::producer::partition_id::{PartitionId, PartitionKey};
use crate::record::TopicPartition;

/// How client and brokers speak about transactions: the finalized feature `transaction.version`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TransactionVersion {
    /// A partition is added before its first batch, a group before its offsets.
    #[default]
    V1,
    /// What is produced is added by that, and each transaction has an epoch of its own (KIP-890).
    V2,
}

impl TransactionVersion {
    /// The level of the feature as brokers have finalized it; none is 0.
    pub(crate) const fn of_level(level: i16) -> Self {
        if level >= 2 { Self::V2 } else { Self::V1 }
    }
}

/// A request to a coordinator.
#[derive(Debug)]
pub(crate) enum TransactionRequest {
    /// Which broker coordinates the producer's transactions.
    FindCoordinator,
    /// Which broker coordinates the group.
    FindGroupCoordinator(Arc<str>),
    /// To `node`, as all below: an identity, or the one that comes after `former` (KIP-360).
    InitProducerId {
        node: NodeId,
        former: Option<ProducerIdAndEpoch>,
    },
    /// Partitions that are about to be written to.
    AddPartitions {
        node: NodeId,
        identity: ProducerIdAndEpoch,
        partitions: Vec<PartitionKey>,
    },
    /// A group whose offsets are about to be stored.
    AddOffsets {
        node: NodeId,
        identity: ProducerIdAndEpoch,
        group: Arc<str>,
    },
    CommitOffsets {
        node: NodeId,
        identity: ProducerIdAndEpoch,
        offsets: GroupOffsets,
        version: TransactionVersion,
    },
    End {
        node: NodeId,
        identity: ProducerIdAndEpoch,
        is_commit: bool,
        version: TransactionVersion,
    },
}

/// The answer to a [`TransactionRequest`].
#[derive(Debug)]
pub(crate) enum TransactionAnswer {
    Coordinator(Result<NodeId>),
    GroupCoordinator(Arc<str>, Result<NodeId>),
    Identity(Result<ProducerIdAndEpoch>),
    Partitions(Result<Vec<(PartitionId, ErrorCode)>>),
    Offsets(Arc<str>, Result<()>),
    OffsetsCommitted(Result<Vec<(TopicPartition, ErrorCode)>>),
    /// The identity of the next transaction, where the broker gives one.
    Ended(Result<Option<ProducerIdAndEpoch>>),
}
