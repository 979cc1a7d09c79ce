//! DescribeLogDirs, versions 1 to 5: the data folder, the sizes of the logs in it, and the room on its volume (KIP-113, KIP-827,
//! KIP-1066).

use std::collections::HashSet;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};

use super::{Handler, RequestContext, State};
use crate::partition::{LogDir, LogDirContents, PartitionStanding};

impl Handler for DescribeLogDirsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> DescribeLogDirsResponse {
        let log_dir = state.replicas.log_dir().await;
        let image = state.cluster.image();
        let broker = image.broker(state.config.node_id);
        let cordoned = broker.and_then(|broker| broker.cordoned_log_dirs.as_ref());
        let is_cordoned = cordoned.is_some_and(|cordoned| cordoned.contains(&log_dir.id));
        let described = described(log_dir, self.topics.as_deref());
        let results = vec![DescribeLogDirsResult { is_cordoned, ..described }];
        DescribeLogDirsResponse { results, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeLogDirsResponse {
        DescribeLogDirsResponse { error_code: error, ..Default::default() }
    }
}

/// The folder with the partitions that are asked about; with all of them when nobody says which.
fn described(log_dir: LogDir, asked: Option<&[DescribableLogDirTopic]>) -> DescribeLogDirsResult {
    let path = ByteString::from(log_dir.path);
    match log_dir.contents {
        Ok(LogDirContents { space, partitions }) => DescribeLogDirsResult {
            log_dir: path,
            topics: topics(partitions, asked),
            total_bytes: signed(space.total_bytes),
            usable_bytes: signed(space.usable_bytes),
            ..Default::default()
        },
        Err(error_code) => DescribeLogDirsResult { log_dir: path, error_code, ..Default::default() },
    }
}

fn topics(
    partitions: Vec<PartitionStanding>,
    asked: Option<&[DescribableLogDirTopic]>,
) -> Vec<DescribeLogDirsTopic> {
    let asked: Option<HashSet<(&str, i32)>> = asked.map(|topics| topics.iter().flat_map(named).collect());
    let is_asked = |partition: &PartitionStanding| {
        asked.as_ref().is_none_or(|asked| asked.contains(&(&*partition.topic, partition.index)))
    };
    let mut topics: Vec<DescribeLogDirsTopic> = Vec::new();
    for partition in partitions.into_iter().filter(is_asked) {
        let shown = DescribeLogDirsPartition {
            partition_index: partition.index,
            partition_size: signed(partition.size_bytes),
            // Its own leader is at the end of the log, and nothing moves from folder to folder.
            offset_lag: 0,
            is_future_key: false,
        };
        match topics.last_mut() {
            Some(topic) if topic.name == partition.topic => topic.partitions.push(shown),
            _ => topics.push(DescribeLogDirsTopic { name: partition.topic, partitions: vec![shown] }),
        }
    }
    topics
}

fn named(topic: &DescribableLogDirTopic) -> impl Iterator<Item = (&str, i32)> {
    topic.partitions.iter().map(|partition| (&*topic.topic, *partition))
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
