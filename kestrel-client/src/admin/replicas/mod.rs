//! Replicas: the folders that hold them (KIP-113), where they are moved to (KIP-455), and which one leads (KIP-460).
//!
//! What is asked about folders goes to each broker that has them, all else to the controller.

mod elections;
mod folders;
mod moves;
mod reassignments;
mod replica;

use std::collections::{BTreeMap, BTreeSet};

use kestrel_protocol::{ApiKey, ByteString, ErrorCode, NodeId};

pub use self::elections::{ElectionOutcome, ElectionType};
pub use self::folders::{LogDirDescription, ReplicaInfo, ReplicaLogDir, ReplicaLogDirs};
pub use self::reassignments::{NewPartitionReassignment, PartitionReassignment};
pub use self::replica::TopicPartitionReplica;
use super::{Admin, AdminResults};
use crate::error::{BrokerError, Error, Result};
use crate::into::IntoName;
use crate::partitions::{self, by_topic};
use crate::record::TopicPartition;

impl Admin {
    /// The folders in which brokers keep their logs, with their room and their replicas, by path (KIP-113, KIP-827).
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// let brokers: Vec<_> = client.metadata_snapshot().brokers.keys().copied().collect();
    /// for (broker, folders) in client.admin().describe_log_dirs(brokers).await {
    ///     for folder in folders? {
    ///         let bytes: u64 = folder.replicas.values().map(|replica| replica.size_bytes).sum();
    ///         println!("broker {broker}, {}: {bytes} bytes, {:?} left", folder.path, folder.usable_bytes);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per broker: `CLUSTER_AUTHORIZATION_FAILED` (brokers older than Apache Kafka 3.2 say nothing, and give no folder),
    /// [`Error::Timeout`], also when the cluster has no such broker.
    pub async fn describe_log_dirs(
        &self,
        brokers: impl IntoIterator<Item = NodeId>,
    ) -> AdminResults<NodeId, Vec<LogDirDescription>> {
        let brokers = brokers.into_iter().collect();
        self.settle(&folders::DescribeLogDirs, brokers).await
    }

    /// The folders in which replicas are, and those that they are being moved to. A replica that its broker does not have is in
    /// none.
    ///
    /// # Errors
    /// Per replica: as [`Self::describe_log_dirs`].
    pub async fn describe_replica_log_dirs(
        &self,
        replicas: impl IntoIterator<Item = TopicPartitionReplica>,
    ) -> AdminResults<TopicPartitionReplica, ReplicaLogDirs> {
        let replicas = replicas.into_iter().collect();
        self.settle(&folders::DescribeReplicaLogDirs, replicas).await
    }

    /// Has brokers move replicas into other folders of theirs (KIP-113). It only begins the moves:
    /// [`Self::describe_replica_log_dirs`] tells how far they are.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::NodeId;
    /// use kestrel_client::admin::TopicPartitionReplica;
    ///
    /// let replica = TopicPartitionReplica::new(("clicks", 0), NodeId(1));
    /// admin.alter_replica_log_dirs([(replica.clone(), "/disks/2/kafka")]).await.into_result()?;
    /// let folders = admin.describe_replica_log_dirs([replica]).await.into_result()?.remove(0).1;
    /// println!("from {:?} to {:?}", folders.current, folders.future);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per replica: `LOG_DIR_NOT_FOUND` when the broker has no such folder; `REPLICA_NOT_AVAILABLE` when it has no such replica, but
    /// it will take that folder if it gets one; `UNKNOWN_TOPIC_OR_PARTITION`, `KAFKA_STORAGE_ERROR` when a folder has failed,
    /// `CLUSTER_AUTHORIZATION_FAILED`, [`Error::Timeout`].
    pub async fn alter_replica_log_dirs(
        &self,
        moves: impl IntoIterator<Item = (TopicPartitionReplica, impl IntoName)>,
    ) -> AdminResults<TopicPartitionReplica, ()> {
        let moves = moves.into_iter().map(|(replica, path)| (replica, path.into_name())).collect();
        self.settle(&moves::AlterReplicaLogDirs, moves).await.keyed(|(replica, _)| replica)
    }

    /// Elects leaders of partitions (KIP-183, KIP-460). Brokers take a moment to learn of them.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::ElectionType;
    ///
    /// for (partition, outcome) in admin.elect_leaders(ElectionType::Preferred, [("clicks", 0), ("clicks", 1)]).await {
    ///     println!("{partition}: {:?}", outcome?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per partition, with the controller's words: `PREFERRED_LEADER_NOT_AVAILABLE`, `ELIGIBLE_LEADERS_NOT_AVAILABLE`,
    /// `UNKNOWN_TOPIC_OR_PARTITION`, `CLUSTER_AUTHORIZATION_FAILED`; [`Error::UnsupportedApi`] for
    /// [`ElectionType::Unclean`] at brokers older than Apache Kafka 2.4, [`Error::Timeout`].
    pub async fn elect_leaders(
        &self,
        election: ElectionType,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> AdminResults<TopicPartition, ElectionOutcome> {
        let partitions = partitions.into_iter().map(Into::into).collect();
        self.settle(&elections::ElectLeaders { election }, partitions).await
    }

    /// Elects leaders of all partitions of the cluster that have another one, or none; gives the outcome for these.
    ///
    /// # Errors
    /// Per partition: as [`Self::elect_leaders`]; for the whole call the same but for errors of partitions.
    pub async fn elect_all_leaders(
        &self,
        election: ElectionType,
    ) -> Result<AdminResults<TopicPartition, ElectionOutcome>> {
        let call = elections::ElectAllLeaders { election };
        self.settle_one(&call).await.map(AdminResults)
    }

    /// Moves partitions to other brokers, or ends moves that are under way (KIP-455). It only begins the moves:
    /// [`Self::list_partition_reassignments`] tells which are under way.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::NodeId;
    /// use kestrel_client::admin::NewPartitionReassignment;
    ///
    /// let replicas = [NodeId(2), NodeId(3)];
    /// let moves = [
    ///     NewPartitionReassignment::to(("clicks", 0), replicas).keep_replication_factor(),
    ///     NewPartitionReassignment::cancel(("clicks", 1)),
    /// ];
    /// admin.alter_partition_reassignments(moves).await.into_result()?;
    /// for (partition, reassignment) in admin.list_partition_reassignments().await? {
    ///     println!("{partition}: {:?} added", reassignment.adding_replicas);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per partition, with the controller's words: `INVALID_REPLICA_ASSIGNMENT` for brokers that are not there, come twice or are
    /// none, `INVALID_REPLICATION_FACTOR` when it would change and must not, `NO_REASSIGNMENT_IN_PROGRESS` when there is nothing to
    /// cancel (also when an earlier attempt of this call had done it and its answer was lost), `UNKNOWN_TOPIC_OR_PARTITION`,
    /// `CLUSTER_AUTHORIZATION_FAILED`; [`Error::UnsupportedApi`] from brokers older than Apache Kafka 2.4, and than 4.0 for
    /// [`keep_replication_factor`](NewPartitionReassignment::keep_replication_factor); [`Error::Timeout`].
    pub async fn alter_partition_reassignments(
        &self,
        reassignments: impl IntoIterator<Item = NewPartitionReassignment>,
    ) -> AdminResults<TopicPartition, ()> {
        let items = reassignments.into_iter().collect();
        self.settle(&reassignments::AlterReassignments, items).await.keyed(|item| item.partition)
    }

    /// The partitions that are being moved to other brokers (KIP-455).
    ///
    /// # Errors
    /// `CLUSTER_AUTHORIZATION_FAILED`, [`Error::UnsupportedApi`] from brokers older than Apache Kafka 2.4,
    /// [`Error::Timeout`].
    pub async fn list_partition_reassignments(
        &self,
    ) -> Result<BTreeMap<TopicPartition, PartitionReassignment>> {
        self.settle_one(&reassignments::ListReassignments).await
    }
}

/// A broker's word on each partition.
type Answers = partitions::Answers<(ErrorCode, Option<ByteString>)>;

/// The numbers of partitions by topic, as requests have them; none comes twice.
fn numbers_by_topic<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> impl Iterator<Item = (ByteString, Vec<i32>)> {
    let partitions: BTreeSet<_> = partitions.into_iter().collect();
    by_topic(partitions.into_iter().map(|partition| (&partition.topic, partition.partition)))
}

/// The outcome for a partition in an answer.
fn outcome(api: ApiKey, partition: &TopicPartition, answers: &Answers) -> Result<()> {
    let TopicPartition { topic, partition } = partition;
    let refused = |code| BrokerError::new(api, code).topic(topic).partition(*partition);
    match answers.get(&(ByteString::from(&**topic), *partition)) {
        Some((ErrorCode::None, _)) => Ok(()),
        Some((code, message)) => Err(refused(*code).message(message.as_deref()).into()),
        None => {
            let message = Some("the broker's answer leaves it out");
            Err(refused(ErrorCode::UnknownServerError).message(message).into())
        }
    }
}

/// Whether an item is tried again: not when what a controller or broker says of replicas and folders waits for an operator.
fn is_passing(error: &Error) -> bool {
    let is_answer = |code| {
        matches!(
            code,
            ErrorCode::UnknownTopicOrPartition
                | ErrorCode::ReplicaNotAvailable
                | ErrorCode::KafkaStorageError
                | ErrorCode::PreferredLeaderNotAvailable
                | ErrorCode::EligibleLeadersNotAvailable
        )
    };
    error.is_passing() && !error.code().is_some_and(is_answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_has_to_mend_is_an_answer() {
        let refused = |code| Error::from(BrokerError::new(ApiKey::ElectLeaders, code));
        for code in [ErrorCode::PreferredLeaderNotAvailable, ErrorCode::ReplicaNotAvailable] {
            assert!(refused(code).is_passing() && !is_passing(&refused(code)), "{code}");
        }
        assert!(is_passing(&refused(ErrorCode::NotController)));
        assert!(!is_passing(&refused(ErrorCode::ClusterAuthorizationFailed)));
    }

    #[test]
    fn a_partition_that_an_answer_leaves_out_has_failed() {
        let answers = Answers::from([(("t".into(), 0), (ErrorCode::None, None))]);
        assert!(outcome(ApiKey::ElectLeaders, &("t", 0).into(), &answers).is_ok());
        let error = outcome(ApiKey::ElectLeaders, &("t", 1).into(), &answers).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::UnknownServerError));
        assert!(error.to_string().contains("partition 1 of topic t"), "{error}");
    }
}
