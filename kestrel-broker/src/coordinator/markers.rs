//! Writes the markers that end transactions: those that the transaction coordinator has decided on, and those of WriteTxnMarkers.

use std::sync::Arc;

use futures::future::Either;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::record::control::EndTransactionMarker;

use super::groups::{GROUPS_TOPIC, GroupCoordinator};
use super::runtime::Outcome;
use super::transaction::TopicPartition;
use crate::clock::Clock;
use crate::cluster::{Cluster, TransactionVersion};
use crate::log::Transaction;
use crate::partition::ReplicaManager;

/// The end of a transaction, to be written into its partitions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marker {
    /// The producer whose transaction ends.
    pub(crate) producer: Transaction,
    /// How it ends, and who says so.
    pub(crate) end: EndTransactionMarker,
    /// The version of transactions that the producer speaks.
    pub(crate) version: TransactionVersion,
}

/// Writes markers into the partitions of this broker.
#[derive(Debug, Clone)]
pub(super) struct MarkerWriter {
    pub(super) cluster: Cluster,
    pub(super) replicas: Arc<ReplicaManager>,
    pub(super) groups: Arc<GroupCoordinator>,
    pub(super) clock: Clock,
}

impl MarkerWriter {
    /// Appends a marker to a partition; the future waits until it is stored.
    ///
    /// Fails with `UNKNOWN_TOPIC_OR_PARTITION`, `NOT_LEADER_OR_FOLLOWER` and `KAFKA_STORAGE_ERROR`, which may pass, and with what
    /// the log refuses for good: `INVALID_PRODUCER_EPOCH`, `TRANSACTION_COORDINATOR_FENCED`.
    pub(super) fn write(&self, marker: Marker, partition: &TopicPartition) -> impl Outcome<()> + use<> {
        let (topic, number) = partition;
        if **topic == *GROUPS_TOPIC {
            let ended = self.groups.end_transaction(*number, marker.producer, marker.end, marker.version.0);
            let (writer, partition) = (self.clone(), partition.clone());
            return Either::Left(async move {
                ended.await.map_err(|error| match writer.is_deleted(&partition) {
                    true => ErrorCode::UnknownTopicOrPartition,
                    false => in_groups(error),
                })
            });
        }
        Either::Right(self.append(marker, topic, *number))
    }

    fn append(&self, marker: Marker, topic: &str, number: i32) -> impl Outcome<()> + use<> {
        let appended = self.replicas.get(topic, number).and_then(|partition| {
            let now = self.clock.wall();
            let appended = partition.append_marker(marker.producer, marker.end, marker.version.0, now);
            let appended = appended.map_err(|error| ErrorCode::from(&error))?;
            Ok(partition.committed(appended.last_offset))
        });
        async move { appended?.await }
    }

    /// Whether there is no such partition: what a transaction wrote to it is gone with it.
    pub(super) fn is_deleted(&self, (topic, number): &TopicPartition) -> bool {
        let image = self.cluster.image();
        image.topic(topic).is_none_or(|topic| topic.partition(*number).is_none())
    }
}

/// What a marker in the topic of the groups failed with, in the words of partitions: its coordinator is part of the partition.
const fn in_groups(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::CoordinatorNotAvailable
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::NotCoordinator => ErrorCode::NotLeaderOrFollower,
        error => error,
    }
}
