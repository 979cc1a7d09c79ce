//! AlterReplicaLogDirs, versions 1 and 2: moves partitions to another data folder (KIP-113). This broker has one: what is there
//! already stays, and there is no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
};

use super::{Handler, RequestContext, State};

/// What Apache Kafka appends to the name of a folder that a partition is moved to: `-N.`, 32 digits and `-future`.
const FUTURE_SUFFIX_LENGTH: usize = 1 + 1 + 32 + 7;
/// The longest name of a folder.
const MAX_DIR_NAME_LENGTH: usize = 255;

impl Handler for AlterReplicaLogDirsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> AlterReplicaLogDirsResponse {
        let (here, image) = (state.replicas.log_dir_path(), state.cluster.image());
        let is_known =
            |topic: &str, partition| image.topic(topic).and_then(|it| it.partition(partition)).is_some();
        answer(&self, |path, topic, partition| {
            if is_too_long(topic, partition) {
                ErrorCode::InvalidTopic
            } else if path != here {
                ErrorCode::LogDirNotFound
            } else {
                match state.replicas.get(topic, partition) {
                    Ok(_) => ErrorCode::None,
                    // Another broker has it.
                    Err(ErrorCode::UnknownTopicOrPartition) if is_known(topic, partition) => {
                        ErrorCode::ReplicaNotAvailable
                    }
                    Err(error) => error,
                }
            }
        })
    }

    fn refusal(&self, error: ErrorCode) -> AlterReplicaLogDirsResponse {
        answer(self, |_, _, _| error)
    }
}

/// Whether the folder that Apache Kafka would move a partition to has too long a name (KAFKA-4893).
fn is_too_long(topic: &str, partition: i32) -> bool {
    topic.len() + partition.to_string().len() + FUTURE_SUFFIX_LENGTH > MAX_DIR_NAME_LENGTH
}

/// The answer of each partition. Of two folders for one partition the last counts.
fn answer(
    request: &AlterReplicaLogDirsRequest,
    judge: impl Fn(&str, &str, i32) -> ErrorCode,
) -> AlterReplicaLogDirsResponse {
    let mut asked: BTreeMap<&ByteString, BTreeMap<i32, &str>> = BTreeMap::new();
    for dir in &request.dirs {
        for topic in &dir.topics {
            let moves = topic.partitions.iter().map(|partition| (*partition, &*dir.path));
            asked.entry(&topic.name).or_default().extend(moves);
        }
    }
    let results = asked.into_iter().filter(|(_, moves)| !moves.is_empty()).map(|(name, moves)| {
        let result = |(partition_index, path)| AlterReplicaLogDirPartitionResult {
            partition_index,
            error_code: judge(path, name, partition_index),
        };
        AlterReplicaLogDirTopicResult {
            topic_name: name.clone(),
            partitions: moves.into_iter().map(result).collect(),
        }
    });
    AlterReplicaLogDirsResponse { results: results.collect(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::Message;
    use kestrel_protocol::messages::alter_replica_log_dirs::{AlterReplicaLogDir, AlterReplicaLogDirTopic};

    use super::*;
    use crate::Broker;
    use crate::testing::Peer;

    fn moved(path: &str, topic: &str, partitions: &[i32]) -> AlterReplicaLogDir {
        let topic = AlterReplicaLogDirTopic { name: topic.into(), partitions: partitions.to_vec() };
        AlterReplicaLogDir { path: path.into(), topics: vec![topic] }
    }

    fn codes(response: &AlterReplicaLogDirsResponse) -> Vec<(&str, i32, ErrorCode)> {
        let mut codes = Vec::new();
        for topic in &response.results {
            let code = |it: &AlterReplicaLogDirPartitionResult| {
                (&*topic.topic_name, it.partition_index, it.error_code)
            };
            codes.extend(topic.partitions.iter().map(code));
        }
        codes
    }

    #[tokio::test]
    async fn a_partition_is_where_it_is_and_nowhere_else() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("t").await;
        let here = broker.data_dir().to_str().unwrap();
        let (there, missing) = (ErrorCode::LogDirNotFound, ErrorCode::UnknownTopicOrPartition);
        for version in AlterReplicaLogDirsRequest::VERSIONS {
            let dirs = vec![moved(here, "t", &[0, 9]), moved("/elsewhere", "u", &[0])];
            let response = peer.call(&AlterReplicaLogDirsRequest { dirs }, version).await;
            let expected = [("t", 0, ErrorCode::None), ("t", 9, missing), ("u", 0, there)];
            assert_eq!(codes(&response), expected, "version {version}");
        }
        // The later folder counts, as in Apache Kafka.
        let dirs = vec![moved(here, "t", &[0]), moved("/elsewhere", "t", &[0])];
        let response = peer.call(&AlterReplicaLogDirsRequest { dirs }, 2).await;
        assert_eq!(codes(&response), [("t", 0, there)]);
    }

    #[test]
    fn a_name_may_be_as_long_as_its_future_folder_allows() {
        let name = |length| "t".repeat(length);
        assert_eq!((is_too_long(&name(213), 0), is_too_long(&name(214), 0)), (false, true));
        assert!(is_too_long(&name(213), 10));
    }
}
