//! The folders in which brokers keep their logs: what is in them, and in which ones replicas are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use kestrel_protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResult,
};
use kestrel_protocol::{ApiKey, ErrorCode, NodeId};

use super::{TopicPartitionReplica, numbers_by_topic};
use crate::admin::parts::in_parts;
use crate::admin::settle::{Call, Round, check};
use crate::client::{Client, Target};
use crate::error::Result;
use crate::record::TopicPartition;

/// A folder in which a broker keeps logs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogDirDescription {
    /// The folder's path at the broker.
    pub path: Arc<str>,
    /// Why the folder cannot be used, `KAFKA_STORAGE_ERROR` as a rule; its replicas are not known then. `None` when it can be.
    pub error: Option<ErrorCode>,
    /// The size of the file system that the folder is in, in bytes, if the broker sent it (KIP-827).
    pub total_bytes: Option<u64>,
    /// How much of it the broker can still use, in bytes, if the broker sent it (KIP-827).
    pub usable_bytes: Option<u64>,
    /// Whether the broker puts no new replicas into it (KIP-1066).
    pub is_cordoned: bool,
    /// The replicas in the folder.
    pub replicas: BTreeMap<TopicPartition, ReplicaInfo>,
}

/// A replica in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaInfo {
    /// The size of all its segments, in bytes.
    pub size_bytes: u64,
    /// How many records it is behind the high watermark; on its way from another folder, behind the replica there. `None` when the
    /// broker does not know.
    pub offset_lag: Option<i64>,
    /// Whether it is on its way here from another folder.
    pub is_future: bool,
}

/// The folders in which a replica is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaLogDirs {
    /// Where it is; `None` when the broker does not have it.
    pub current: Option<ReplicaLogDir>,
    /// Where it is being moved to; `None` when it is not.
    pub future: Option<ReplicaLogDir>,
}

/// A folder in which a replica is, or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaLogDir {
    /// The folder's path at the broker.
    pub path: Arc<str>,
    /// What of the replica is there.
    pub replica: ReplicaInfo,
}

impl LogDirDescription {
    fn read(folder: DescribeLogDirsResult) -> Self {
        let replicas = folder.topics.into_iter().flat_map(|topic| {
            let name: Arc<str> = Arc::from(&*topic.name);
            let partitions = topic.partitions.into_iter();
            partitions.map(move |partition| {
                (TopicPartition::new(&name, partition.partition_index), ReplicaInfo::read(&partition))
            })
        });
        Self {
            path: Arc::from(&*folder.log_dir),
            error: (!folder.error_code.is_none()).then_some(folder.error_code),
            total_bytes: u64::try_from(folder.total_bytes).ok(),
            usable_bytes: u64::try_from(folder.usable_bytes).ok(),
            is_cordoned: folder.is_cordoned,
            replicas: replicas.collect(),
        }
    }
}

impl ReplicaInfo {
    fn read(partition: &DescribeLogDirsPartition) -> Self {
        Self {
            size_bytes: u64::try_from(partition.partition_size).unwrap_or_default(),
            offset_lag: (partition.offset_lag >= 0).then_some(partition.offset_lag),
            is_future: partition.is_future_key,
        }
    }
}

impl ReplicaLogDirs {
    /// Where a partition is among the folders of a broker.
    fn find(partition: &TopicPartition, folders: &[LogDirDescription]) -> Self {
        let mut found = Self::default();
        for folder in folders {
            let Some(&replica) = folder.replicas.get(partition) else { continue };
            let place = if replica.is_future { &mut found.future } else { &mut found.current };
            *place = Some(ReplicaLogDir { path: Arc::clone(&folder.path), replica });
        }
        found
    }
}

/// Asks brokers for all of their folders.
#[derive(Debug)]
pub(super) struct DescribeLogDirs;

impl Call for DescribeLogDirs {
    type Item = NodeId;
    type Output = Vec<LogDirDescription>;
    const OPERATION: &'static str = "describing log folders";

    async fn round(&self, client: &Client, items: &[NodeId], _: Instant) -> Round<Self> {
        Ok(join_all(items.iter().map(|&node| describe_at(client, Target::Node(node), None))).await)
    }
}

/// Asks brokers in which folders replicas are.
#[derive(Debug)]
pub(super) struct DescribeReplicaLogDirs;

impl Call for DescribeReplicaLogDirs {
    type Item = TopicPartitionReplica;
    type Output = ReplicaLogDirs;
    const OPERATION: &'static str = "describing the log folders of replicas";

    async fn round(&self, client: &Client, items: &[TopicPartitionReplica], _: Instant) -> Round<Self> {
        let find = async |target, replicas: Vec<&TopicPartitionReplica>| {
            let topic = |(topic, partitions)| DescribableLogDirTopic { topic, partitions };
            let topics = numbers_by_topic(replicas.iter().map(|replica| &replica.partition));
            let folders = describe_at(client, target, Some(topics.map(topic).collect())).await?;
            let find = |replica: &&TopicPartitionReplica| ReplicaLogDirs::find(&replica.partition, &folders);
            Ok(replicas.iter().map(find).map(Ok).collect())
        };
        in_parts(items, |replica| Target::Node(replica.broker), find).await
    }
}

/// The folders of a broker, with the replicas of some topics; of all topics without any.
async fn describe_at(
    client: &Client,
    broker: Target,
    topics: Option<Vec<DescribableLogDirTopic>>,
) -> Result<Vec<LogDirDescription>> {
    let response = client.send(broker, &DescribeLogDirsRequest { topics }).await?;
    check(ApiKey::DescribeLogDirs, response.error_code, None)?;
    let mut folders: Vec<_> = response.results.into_iter().map(LogDirDescription::read).collect();
    folders.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::messages::describe_log_dirs::DescribeLogDirsTopic;

    use super::*;

    fn folder(path: &str, partition: DescribeLogDirsPartition) -> LogDirDescription {
        LogDirDescription::read(DescribeLogDirsResult {
            log_dir: path.into(),
            topics: vec![DescribeLogDirsTopic { name: "t".into(), partitions: vec![partition] }],
            ..DescribeLogDirsResult::default()
        })
    }

    fn replica(partition_size: i64, offset_lag: i64, is_future_key: bool) -> DescribeLogDirsPartition {
        DescribeLogDirsPartition { partition_index: 0, partition_size, offset_lag, is_future_key }
    }

    #[test]
    fn a_replica_on_its_way_is_in_two_folders() {
        let folders = [folder("/a", replica(100, 0, false)), folder("/b", replica(40, 7, true))];
        let found = ReplicaLogDirs::find(&("t", 0).into(), &folders);
        let (current, future) = (found.current.unwrap(), found.future.unwrap());
        assert_eq!((&*current.path, current.replica.size_bytes), ("/a", 100));
        assert_eq!((&*future.path, future.replica.offset_lag), ("/b", Some(7)));
        assert_eq!(ReplicaLogDirs::find(&("t", 1).into(), &folders), ReplicaLogDirs::default());
    }

    #[test]
    fn what_a_broker_does_not_say_is_none() {
        let described = folder("/a", replica(100, -1, false));
        assert_eq!((described.total_bytes, described.usable_bytes, described.error), (None, None, None));
        assert_eq!(described.replicas.get(&("t", 0).into()).unwrap().offset_lag, None);
        let error_code = ErrorCode::KafkaStorageError;
        let failed = LogDirDescription::read(DescribeLogDirsResult { error_code, ..Default::default() });
        assert_eq!(failed.error, Some(error_code));
    }
}
