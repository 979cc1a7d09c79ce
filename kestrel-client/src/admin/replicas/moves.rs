//! Moves of replicas from one folder of their broker into another one (KIP-113).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse,
};
use kestrel_protocol::{ApiKey, ByteString};

use super::{Answers, TopicPartitionReplica, by_topic, is_passing, outcome};
use crate::admin::settle::{Call, all_failed};
use crate::admin::targets::at_targets;
use crate::client::{Client, Target};
use crate::error::{Error, Result};
use crate::record::TopicPartition;

/// A replica, and the folder that it is to be in.
type Move = (TopicPartitionReplica, Arc<str>);

/// Asks brokers to move replicas.
#[derive(Debug)]
pub(super) struct AlterReplicaLogDirs;

impl Call for AlterReplicaLogDirs {
    type Item = Move;
    type Output = ();
    const OPERATION: &'static str = "moving replicas to other folders";

    async fn round(&self, client: &Client, items: &[Move], _: Instant) -> Vec<Result<()>> {
        let ask = async |broker, moves: Vec<&Move>| match client.send(broker, &request(&moves)).await {
            Ok(response) => {
                let answers = answers(response);
                let api = ApiKey::AlterReplicaLogDirs;
                moves.iter().map(|(replica, _)| outcome(api, &replica.partition, &answers)).collect()
            }
            Err(error) => all_failed(moves.len(), &error),
        };
        at_targets(items, |(replica, _)| Target::Node(replica.broker), ask).await
    }

    fn is_passing(&self, error: &Error) -> bool {
        is_passing(error)
    }
}

fn request(moves: &[&Move]) -> AlterReplicaLogDirsRequest {
    let mut folders: BTreeMap<&Arc<str>, Vec<&TopicPartition>> = BTreeMap::new();
    for (replica, path) in moves {
        folders.entry(path).or_default().push(&replica.partition);
    }
    let topics = |partitions: Vec<&TopicPartition>| {
        let topics = by_topic(partitions).into_iter();
        let topic = |(name, partitions): (ByteString, BTreeSet<i32>)| AlterReplicaLogDirTopic {
            name,
            partitions: partitions.into_iter().collect(),
        };
        topics.map(topic).collect()
    };
    let folder = |(path, partitions): (&Arc<str>, _)| AlterReplicaLogDir {
        path: ByteString::from(&**path),
        topics: topics(partitions),
    };
    AlterReplicaLogDirsRequest { dirs: folders.into_iter().map(folder).collect() }
}

fn answers(response: AlterReplicaLogDirsResponse) -> Answers {
    let topics = response.results.into_iter();
    let answers = topics.flat_map(|topic| {
        let (name, partitions) = (topic.topic_name, topic.partitions.into_iter());
        partitions.map(move |p| ((name.clone(), p.partition_index), (p.error_code, None)))
    });
    answers.collect()
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::NodeId;

    use super::*;

    #[test]
    fn a_request_names_each_folder_once() {
        let to = |partition, path| (TopicPartitionReplica::new(("t", partition), NodeId(1)), Arc::from(path));
        let moves = [to(2, "/b"), to(1, "/a"), to(0, "/b")];
        let request = request(&moves.each_ref());
        let folders: Vec<_> = request.dirs.iter().map(|folder| &*folder.path).collect();
        assert_eq!(folders, ["/a", "/b"]);
        assert_eq!(request.dirs[1].topics[0].partitions, [0, 2]);
    }
}
