//! Moves of replicas from one folder of their broker into another one (KIP-113).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse,
};
use kestrel_protocol::{ApiKey, ByteString};

use super::{Answers, TopicPartitionReplica, is_passing, numbers_by_topic, outcome};
use crate::admin::parts::in_parts;
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::error::Error;
use crate::partitions::by_partition;

/// A replica, and the folder that it is to be in.
type Move = (TopicPartitionReplica, Arc<str>);

/// Asks brokers to move replicas.
#[derive(Debug)]
pub(super) struct AlterReplicaLogDirs;

impl Call for AlterReplicaLogDirs {
    type Item = Move;
    type Output = ();
    const OPERATION: &'static str = "moving replicas to other folders";
    const IS_PASSING: fn(&Error) -> bool = is_passing;

    async fn round(&self, client: &Client, items: &[Move], _: Instant) -> Round<Self> {
        let ask = async |broker, moves: Vec<&Move>| {
            let answers = answers(client.send(broker, &request(&moves)).await?);
            let api = ApiKey::AlterReplicaLogDirs;
            Ok(moves.iter().map(|(replica, _)| outcome(api, &replica.partition, &answers)).collect())
        };
        in_parts(items, |(replica, _)| Target::Node(replica.broker), ask).await
    }
}

fn request(moves: &[&Move]) -> AlterReplicaLogDirsRequest {
    let mut folders: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (replica, path) in moves {
        folders.entry(path).or_default().push(&replica.partition);
    }
    let topic = |(name, partitions)| AlterReplicaLogDirTopic { name, partitions };
    let folder = |(path, partitions): (&Arc<str>, _)| AlterReplicaLogDir {
        path: ByteString::from(&**path),
        topics: numbers_by_topic(partitions).map(topic).collect(),
    };
    AlterReplicaLogDirsRequest { dirs: folders.into_iter().map(folder).collect() }
}

fn answers(response: AlterReplicaLogDirsResponse) -> Answers {
    let topics = response.results.into_iter();
    let answers =
        topics.flat_map(|topic| by_partition(topic.topic_name, topic.partitions, |p| p.partition_index));
    answers.map(|(key, p)| (key, (p.error_code, None))).collect()
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
